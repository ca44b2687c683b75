/** The line of each key in a TOML file (TOML 1.0); for files that parse without errors. */

import { type KeyPath, pathText } from "./fault.ts";

/** Lines, counted from 1, by path text: `eroute[0].peerid`, `eroute[0].local_subnet[1]`. */
export type KeyLines = ReadonlyMap<string, number>;

/** Scans the text once. Text that is not TOML gives some map or other, but never hangs. */
export function keyLines(text: string): KeyLines {
  const scan: Scan = { text, at: 0, lines: new Map(), counts: new Map(), newlines: [], line: 1 };
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) {
    scan.newlines.push(at);
  }
  let table: KeyPath = [];
  while (skip(scan, BLANK_OR_NEWLINE)) {
    const before = scan.at;
    if (scan.text[scan.at] === "[") table = scanHeader(scan);
    else scanPair(scan, table);
    if (scan.at === before) scan.at++;
  }
  return scan.lines;
}

/** The line of a path, or of the nearest enclosing path that has one. */
export function lineOf(lines: KeyLines, path: KeyPath): number | undefined {
  for (let length = path.length; length > 0; length--) {
    const line = lines.get(pathText(path.slice(0, length)));
    if (line !== undefined) return line;
  }
  return undefined;
}

type Scan = {
  readonly text: string;
  at: number;
  readonly lines: Map<string, number>;
  /** Number of elements so far in each array of tables, by path text. */
  readonly counts: Map<string, number>;
  /** Where lines end, and the line of the last place that was requested. */
  readonly newlines: number[];
  line: number;
};

const BLANK = /[ \t]*/y;
const BLANK_OR_NEWLINE = /(?:[ \t\r\n]|#[^\n]*)*/y;
const COMMA_TOO = /(?:[ \t\r\n,]|#[^\n]*)*/y;
const BARE_KEY = /[A-Za-z0-9_-]+/y;
/** In this order: the opening quotes of a long string also begin a short one. */
const STRING = /"""(?:[^\\]|\\.)*?"""+|'''.*?'''+|"(?:[^"\\\n]|\\.)*"|'[^'\n]*'/sy;
const PLAIN_VALUE = /[^,\]}#\r\n]+/y;

/** `[a.b]` or `[[a]]`: the path of the keys that follow. */
function scanHeader(scan: Scan): KeyPath {
  const isArray = scan.text.startsWith("[[", scan.at);
  scan.at += isArray ? 2 : 1;
  const keys = scanKey(scan);
  let path: KeyPath = [];
  for (const [i, key] of keys.entries()) {
    path = [...path, key];
    const count = scan.counts.get(pathText(path));
    if (isArray && i === keys.length - 1) {
      note(scan, path);
      scan.counts.set(pathText(path), (count ?? 0) + 1);
      path = [...path, count ?? 0];
    } else if (count !== undefined) path = [...path, count - 1];
  }
  note(scan, path);
  skip(scan, BLANK);
  scan.at += isArray ? 2 : 1;
  return path;
}

/** `a.b = value`, below `table`. */
function scanPair(scan: Scan, table: KeyPath): void {
  const at = scan.at;
  const keys = scanKey(scan);
  const path = [...table, ...keys];
  for (let i = 1; i <= keys.length; i++) note(scan, [...table, ...keys.slice(0, i)], at);
  skip(scan, BLANK);
  if (scan.text[scan.at] === "=") scan.at++;
  scanValue(scan, path);
}

function scanValue(scan: Scan, path: KeyPath): void {
  skip(scan, BLANK);
  const first = scan.text[scan.at];
  if (first === "[") scanArray(scan, path);
  else if (first === "{") scanInlineTable(scan, path);
  else if (take(scan, STRING) === "") take(scan, PLAIN_VALUE);
}

function scanArray(scan: Scan, path: KeyPath): void {
  scan.at++;
  for (let i = 0; skip(scan, COMMA_TOO) && scan.text[scan.at] !== "]"; i++) {
    const before = scan.at;
    note(scan, [...path, i]);
    scanValue(scan, [...path, i]);
    if (scan.at === before) return;
  }
  scan.at++;
}

function scanInlineTable(scan: Scan, path: KeyPath): void {
  scan.at++;
  while (skip(scan, COMMA_TOO) && scan.text[scan.at] !== "}") {
    const before = scan.at;
    scanPair(scan, path);
    if (scan.at === before) return;
  }
  scan.at++;
}

/** A dotted key: its parts, without quotes. */
function scanKey(scan: Scan): readonly string[] {
  const keys: string[] = [];
  for (;;) {
    skip(scan, BLANK);
    const bare = take(scan, BARE_KEY);
    const string = bare === "" ? take(scan, STRING) : "";
    if (bare === "" && string === "") return keys;
    keys.push(bare === "" ? unquoted(string) : bare);
    skip(scan, BLANK);
    if (scan.text[scan.at] !== ".") return keys;
    scan.at++;
  }
}

/** Escapes of TOML's basic strings are those of JSON and a few more, which none of our keys has. */
function unquoted(string: string): string {
  if (!string.startsWith('"')) return string.slice(1, -1);
  const plain = string.replace(/\\(?:["\\]|u([0-9A-Fa-f]{4}))/g, (escaped, code?: string) =>
    code === undefined ? escaped.slice(1) : String.fromCharCode(Number.parseInt(code, 16)),
  );
  return plain.slice(1, -1);
}

/** Keeps the line of a path, the first time. Places are requested in rising order. */
function note(scan: Scan, path: KeyPath, at: number = scan.at): void {
  while ((scan.newlines[scan.line - 1] ?? Number.POSITIVE_INFINITY) < at) scan.line++;
  const key = pathText(path);
  if (!scan.lines.has(key)) scan.lines.set(key, scan.line);
}

/** Skips what the pattern matches; false at the end of the text. */
function skip(scan: Scan, pattern: RegExp): boolean {
  take(scan, pattern);
  return scan.at < scan.text.length;
}

/** What the pattern matches here, which is skipped; empty if nothing. */
function take(scan: Scan, pattern: RegExp): string {
  pattern.lastIndex = scan.at;
  const found = pattern.exec(scan.text)?.[0] ?? "";
  scan.at += found.length;
  return found;
}
