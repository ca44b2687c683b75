/** `erouted peers export`: the rows of a table as CSV or JSON, without keys unless requested. */

import { closeSync, existsSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import type { PeerRow } from "../../eroute/row.ts";
import { err, ok, type Result } from "../../octets/result.ts";
import type { PeerRepository } from "../../peers/repository.ts";
import { counted } from "../amounts.ts";
import { EXIT, type ExitCode, failure, misuse, printable, type Terminal } from "../terminal.ts";
import { pagesOf } from "./pages.ts";
import { csvLine, KEY_COLUMNS, ROW_KEYS, type RowKey } from "./row-file.ts";
import { type PeersOptions, withPeers } from "./rows.ts";

export type ExportOptions = PeersOptions & {
  /** Undefined: standard output. */
  readonly file?: string;
  readonly format?: "csv" | "json";
  readonly json?: true;
  readonly withPasswords?: true;
  /** An existing file is replaced. */
  readonly force?: true;
};

/**
 * Writes all rows, in order of peer ID; a file is readable by its owner only, and complete or
 * absent.
 */
export function exportPeers(options: ExportOptions, terminal: Terminal): Promise<ExitCode> {
  const { file, force } = options;
  if (file !== undefined && force !== true && existsSync(file)) {
    const what = `${printable(file)} exists already: --force replaces it`;
    return Promise.resolve(misuse(terminal, what));
  }
  return withPeers(options, terminal, async (peers) => {
    if (file === undefined) {
      const written = await writeRows(peers, options, terminal, (line) => terminal.out(line));
      return written.ok ? EXIT.ok : failure(terminal, printable(written.error));
    }
    const written = await writeFile(file, (put) => writeRows(peers, options, terminal, put));
    if (!written.ok) return failure(terminal, printable(written.error));
    terminal.err(printable(`${file}: ${counted(written.value, "row")} written`));
    return EXIT.ok;
  });
}

type Put = (line: string) => void;

/** The number of rows. */
async function writeRows(
  peers: PeerRepository,
  options: ExportOptions,
  terminal: Terminal,
  put: Put,
): Promise<Result<number, string>> {
  const isJson = options.json === true || (options.format ?? formatOf(options.file)) === "json";
  const keys = ROW_KEYS.filter((key) => options.withPasswords === true || !KEY_COLUMNS.has(key));
  if (!isJson) put(csvLine(keys));
  let count = 0;
  for await (const page of pagesOf(peers)) {
    if (!page.ok) return err(page.error.detail);
    for (const row of page.value) {
      put(isJson ? jsonLine(picked(row, keys)) : csvLine(keys.map((key) => row[key] ?? "")));
    }
    count += page.value.length;
    if (options.file !== undefined) terminal.progress?.(counted(count, "row"));
  }
  if (options.file !== undefined) terminal.progress?.(undefined);
  return ok(count);
}

/**
 * JSON escapes control characters up to 1f; the higher ones that a terminal interprets are escaped
 * here.
 */
function jsonLine(row: Readonly<Record<string, string | null>>): string {
  const escaped = (character: string) =>
    `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  return JSON.stringify(row).replace(/[\u007f-\u009f]/g, escaped);
}

function picked(row: PeerRow, keys: readonly RowKey[]): Readonly<Record<string, string | null>> {
  return Object.fromEntries(keys.map((key) => [key, row[key] ?? null]));
}

/** Written to a temporary file first, so that a reader never sees half of it. */
async function writeFile<T>(
  file: string,
  work: (put: Put) => Promise<Result<T, string>>,
): Promise<Result<T, string>> {
  const part = `${file}.part`;
  let opened: number | undefined;
  try {
    const to = openSync(part, "wx", 0o600);
    opened = to;
    const done = await work((line) => writeWhole(to, `${line}\n`));
    if (done.ok) renameSync(part, file);
    else rmSync(part, { force: true });
    return done;
  } catch (error) {
    if (opened !== undefined) rmSync(part, { force: true });
    const { code } = error as { code?: unknown };
    const isThere = code === "EEXIST";
    return err(
      `${part}: ${isThere ? "is left over from another export: remove it" : String(error)}`,
    );
  } finally {
    if (opened !== undefined) closeSync(opened);
  }
}

function writeWhole(to: number, text: string): void {
  const octets = Buffer.from(text);
  for (let at = 0; at < octets.length; ) at += writeSync(to, octets, at);
}

function formatOf(file: string | undefined): "csv" | "json" {
  return file !== undefined && /\.(json|jsonl|ndjson)$/i.test(file) ? "json" : "csv";
}
