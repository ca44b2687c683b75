/** Rows of a peer table in a file: CSV (RFC 4180), a JSON list, or one JSON object on each line. */

import { CsvError, parse } from "csv-parse/sync";
import type { ColumnMap } from "../../eroute/database.ts";
import { nearestText } from "../../eroute/nearest.ts";
import type { PeerRow } from "../../eroute/row.ts";
import { err, ok, type Result } from "../../octets/result.ts";

export type RowKey = keyof PeerRow;

/** Fields of a row; those that the file does not have are left out. */
export type Fields = Readonly<Partial<Record<RowKey, string | null>>>;

/** A row, or what is wrong with it, and its place: a line, or the number in a JSON list. */
export type FileRow =
  | { readonly at: number; readonly fields: Fields }
  | { readonly at: number; readonly fault: string };

export type FileFormat = "csv" | "json";

/** The columns of a row, in the order in which they are written. */
export const ROW_KEYS = [
  ...["peerid", "password", "remip", "remmsk", "peerip", "bakpeerip", "ourid"],
  ...["locip", "disabled", "lifetime", "inactivity", "if_id", "ppk", "ppk_id", "post_quantum"],
] as readonly RowKey[];

/** Columns that hold keys: written only on request. */
export const KEY_COLUMNS: ReadonlySet<RowKey> = new Set(["password", "ppk"]);

/**
 * The rows of a file's text. Columns may have our names or those of the table; the error concerns
 * the file as a whole.
 */
export function readRows(
  text: string,
  format: FileFormat,
  columns: ColumnMap,
): Result<readonly FileRow[], string> {
  const keyOf = keyFinder(columns);
  const plain = text.replace(/^\ufeff/, "");
  return format === "csv" ? readCsv(plain, keyOf) : readJson(plain, keyOf);
}

/** The format that the first character, or the file's name, indicates. */
export function formatOf(file: string, text: string): FileFormat {
  if (/\.(json|jsonl|ndjson)$/i.test(file)) return "json";
  return /^\ufeff?\s*[[{]/.test(text) ? "json" : "csv";
}

/**
 * One line of CSV. A value that a spreadsheet would read as a formula gets an apostrophe, which
 * reading removes again; a character that a terminal would interpret becomes a question mark.
 */
export function csvLine(cells: readonly string[]): string {
  return cells
    .map((cell) => (FORMULA.test(cell) ? `'${cell}` : cell).replace(CONTROLS, "?"))
    .map((cell) => (CSV_PLAIN.test(cell) ? cell : `"${cell.replaceAll('"', '""')}"`))
    .join(",");
}

/** Our word for a column, or why there is none. */
type KeyFinder = (name: string) => Result<RowKey | undefined, string>;

function keyFinder(columns: ColumnMap): KeyFinder {
  const known = new Map<string, RowKey>();
  for (const key of ROW_KEYS) {
    const mapped = columns[key];
    if (mapped != null) known.set(mapped.toLowerCase(), key);
  }
  for (const key of ROW_KEYS) if (!known.has(key)) known.set(key, key);
  return (name) => {
    const word = name.trim().toLowerCase();
    const key = known.get(word);
    // The columns with which `peers list --json` describes keys.
    if (key !== undefined || word === "has_password" || word === "has_ppk") return ok(key);
    const near = nearestText(word, [...known.keys()]);
    const hint =
      near === undefined ? `the columns are: ${ROW_KEYS.join(", ")}` : `did you mean ${near}?`;
    return err(`no column is called "${name.slice(0, NAME_SHOWN_MAX)}"; ${hint}`);
  };
}

type CsvRecord = { readonly record: readonly string[]; readonly info: { readonly lines: number } };

function readCsv(text: string, keyOf: KeyFinder): Result<readonly FileRow[], string> {
  const records = parseCsv(text);
  if (!records.ok) return records;
  const [head, ...body] = records.value;
  if (head === undefined) return err("has no line with the column names");
  const keys: (RowKey | undefined)[] = [];
  for (const name of head.record) {
    const key = keyOf(name);
    if (!key.ok) return err(`line ${head.info.lines}: ${key.error}`);
    if (key.value !== undefined && keys.includes(key.value)) {
      return err(`line ${head.info.lines}: column ${key.value} is there twice`);
    }
    keys.push(key.value);
  }
  if (!keys.includes("peerid")) return err(`line ${head.info.lines}: there is no column peerid`);
  return ok(
    body.map(({ record, info }) => {
      const at = info.lines;
      if (record.length !== keys.length) {
        return { at, fault: `has ${record.length} fields, the first line has ${keys.length}` };
      }
      const cells = keys.map((key, i) => [key, emptyIsNull(unguarded(record[i]))] as const);
      return { at, fields: Object.fromEntries(cells.filter(([key]) => key !== undefined)) };
    }),
  );
}

function parseCsv(text: string): Result<readonly CsvRecord[], string> {
  try {
    // The number of fields is checked here, with the line.
    const options = { relax_column_count: true, skip_empty_lines: true, info: true } as const;
    const parsed: unknown = parse(text, {
      ...options,
      delimiter: delimiterOf(text),
      max_record_size: RECORD_LENGTH_MAX,
    });
    return ok(parsed as CsvRecord[]);
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    const { lines } = error as { readonly lines?: number };
    // The parser's message may quote a key.
    return err(`line ${lines ?? "?"}: is not CSV (${error.code}): a quote too many or too few?`);
  }
}

/**
 * Spreadsheets of some countries write semicolons: the separator is what the first line has most
 * of.
 */
function delimiterOf(text: string): string {
  const [head = ""] = text.slice(0, RECORD_LENGTH_MAX).split("\n");
  const count = (delimiter: string) => head.split(delimiter).length;
  return [",", ";", "\t"].reduce((a, b) => (count(b) > count(a) ? b : a));
}

function readJson(text: string, keyOf: KeyFinder): Result<readonly FileRow[], string> {
  if (text.trimStart().startsWith("[")) {
    const list = parseJson(text);
    if (!Array.isArray(list)) return err("is not a JSON list");
    return ok(list.map((value: unknown, i) => jsonRow(value, i + 1, keyOf)));
  }
  const lines = text.split("\n").map((line, i) => ({ line, at: i + 1 }));
  const full = lines.filter(({ line }) => line.trim() !== "");
  return ok(full.map(({ line, at }) => jsonRow(parseJson(line), at, keyOf)));
}

function jsonRow(value: unknown, at: number, keyOf: KeyFinder): FileRow {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return { at, fault: "is not a JSON object" };
  }
  const fields: Partial<Record<RowKey, string | null>> = {};
  for (const [name, content] of Object.entries(value)) {
    const key = keyOf(name);
    if (!key.ok) return { at, fault: key.error };
    if (key.value === undefined) continue;
    const text = textOf(content);
    if (text === undefined) return { at, fault: `${name} is neither text nor number` };
    fields[key.value] = emptyIsNull(text);
  }
  return { at, fields };
}

function textOf(content: unknown): string | undefined {
  if (content === null) return "";
  if (typeof content === "boolean") return content ? "1" : "0";
  return typeof content === "string" || typeof content === "number" ? String(content) : undefined;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Without the apostrophe that an export puts before a formula. */
function unguarded(cell: string | undefined): string | undefined {
  return cell !== undefined && GUARDED.test(cell) ? cell.slice(1) : cell;
}

function emptyIsNull(text: string | undefined): string | null {
  return text === undefined || text === "" ? null : text;
}

/** Values that need no quotes: without any usual separator, and without blanks at the ends. */
const CSV_PLAIN = /^(?! )[^",;\t\r\n]*(?<! )$/;
/** How formulas begin in spreadsheets (OWASP, CSV injection); our own apostrophes may precede. */
const FORMULA = /^'*[=+\-@\t\r]/;
const GUARDED = /^'+[=+\-@\t\r]/;
/** Control characters except tab and line ends, which quotes keep. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
const CONTROLS = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/g;
const NAME_SHOWN_MAX = 40;
const RECORD_LENGTH_MAX = 65_536;
