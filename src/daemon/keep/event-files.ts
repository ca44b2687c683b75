/**
 * The last events, in two files below the runtime folder that are filled in turn: so there is
 * always at least one of them full, and never more than two. A line for each event, no secret.
 */

import {
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  openSync,
  readSync,
  rmSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import type { JournalRecord } from "../../concentrator/journal/journal.ts";
import { err, ok, type Result } from "../../octets/result.ts";
import { lineOf, recordFrom } from "./event-line.ts";

export type EventFiles = {
  /** What earlier processes have written, oldest first. */
  readonly found: readonly JournalRecord[];
  append(records: readonly JournalRecord[]): void;
  /** Nothing is left for a next process. */
  remove(): void;
};

const NAMES = ["events.0", "events.1"] as const;
/** In one file; then the other one is emptied, and filled. */
export const EVENTS_MAX = 2_000;
const OCTETS_MAX = 2 * 1024 * 1024;

type EventFile = {
  readonly fd: number;
  readonly records: readonly JournalRecord[];
  count: number;
  octets: number;
};

/** Opens or makes the files; what cannot be read as an event is left out. */
export function openEventFiles(folder: string): Result<EventFiles, string> {
  const files: EventFile[] = [];
  const paths = NAMES.map((name) => join(folder, name));
  try {
    for (const path of paths) files.push(openEventFile(path));
  } catch (error) {
    for (const { fd } of files) closeSync(fd);
    return err(error instanceof Error ? error.message : String(error));
  }
  const lastIn = ({ records }: EventFile) => records.at(-1)?.sequence ?? 0;
  files.sort((a, b) => lastIn(a) - lastIn(b));
  return ok({
    found: files.flatMap(({ records }) => records),
    append: (records) => append(files, records),
    remove() {
      for (const path of paths) rmSync(path, { force: true });
    },
  });
}

/** `files`: the one that is being filled comes last. */
function append(files: EventFile[], records: readonly JournalRecord[]): void {
  const lines = records.map((record) => `${lineOf(record)}\n`);
  const octets = new TextEncoder().encode(lines.join(""));
  let [file] = files.slice(-1);
  if (file === undefined || octets.length === 0) return;
  const isFull =
    file.count + records.length > EVENTS_MAX || file.octets + octets.length > OCTETS_MAX;
  if (isFull && file.count > 0) {
    files.reverse();
    [file] = files.slice(-1);
    if (file === undefined) return;
    ftruncateSync(file.fd, 0);
    file.count = 0;
    file.octets = 0;
  }
  file.octets += writeSync(file.fd, octets, 0, octets.length, file.octets);
  file.count += records.length;
}

function openEventFile(path: string): EventFile {
  const flags = constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  let fd: number;
  try {
    fd = openSync(path, flags, 0o600);
    if (!isOurs(fd)) throw new Error("planted");
  } catch {
    rmSync(path, { force: true, recursive: true });
    fd = openSync(path, flags | constants.O_EXCL, 0o600);
  }
  const { size } = fstatSync(fd);
  const octets = new Uint8Array(Math.min(size, 2 * OCTETS_MAX));
  const length = readSync(fd, octets, 0, octets.length, 0);
  // A line that was cut short is overwritten.
  const end = octets.subarray(0, length).lastIndexOf(NEWLINE) + 1;
  const lines = new TextDecoder().decode(octets.subarray(0, end)).split("\n");
  const records = lines.flatMap((line) => (line === "" ? [] : (recordFrom(line) ?? [])));
  ftruncateSync(fd, end);
  return { fd, records: records.slice(-EVENTS_MAX), count: lines.length - 1, octets: end };
}

const NEWLINE = 10;

/** Only we ourselves may have written it. */
function isOurs(fd: number): boolean {
  const { mode, uid, nlink } = fstatSync(fd);
  const isPlain = (mode & constants.S_IFMT) === constants.S_IFREG;
  return isPlain && uid === process.geteuid?.() && (mode & 0o777) === 0o600 && nlink === 1;
}
