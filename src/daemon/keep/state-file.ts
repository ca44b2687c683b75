/**
 * The file of what is kept for the next process, below the runtime folder: a page that says whose
 * it is, and segments that are mapped into memory. It holds keys: nobody else may read or plant it.
 */

import {
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  openSync,
  readFileSync,
  rmSync,
  type Stats,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { err, ok, type Result } from "../../octets/result.ts";
import { SEGMENT_OCTETS } from "./slab.ts";
import type { Memory } from "./slots.ts";

//  0                   1                   2                   3
// +---------------------------------------------------------------+
// | "erou" "ted\0"                                                |
// +---------------------------------------------------------------+
// | version of this file          | version of the documents      |
// +---------------------------------------------------------------+
// ~ boot identity, 64 octets                                      ~
// +---------------------------------------------------------------+
// ~ two runs, 16 octets each: the valid one of the higher         ~
// ~ generation counts                                             ~
// +---------------------------------------------------------------+
//
// A run: generation, starts that have not become ready, checksum over both (32 bits each).

const NAME = "state";
const PAGE_OCTETS = 4_096;
const MAGIC = new TextEncoder().encode("erouted\0");
const FILE_VERSION = 2;
const AT = { fileVersion: 8, stateVersion: 10, boot: 12, runs: 76 } as const;
const BOOT_OCTETS = 64;
const RUN_OCTETS = 16;

/** 50,000 sites take some 80 of them. */
const SEGMENTS_MAX = 1_024;
/** So many starts may end before one is ready; then what is kept is not read again. */
const STARTS_MAX = 3;

/** Who reads and writes it. */
export type Reader = {
  readonly folder: string;
  /** Version of the documents. */
  readonly stateVersion: number;
  /** Changes with each boot, and differs between hosts. */
  readonly bootId: string;
};

export type StateFile = {
  /** Of this process, higher than that of any before. */
  readonly generation: number;
  /** What an earlier process has left; undefined: nothing of use, and `why`, unless it is new. */
  readonly segments: readonly Uint8Array[] | undefined;
  readonly why: string | undefined;
  readonly memory: Memory;
  /** The daemon is ready: a start that fails later is not the fault of what was read. */
  ready(): void;
  /** Removes the file: nothing is left for a next process. */
  remove(): void;
};

/** Identifies this boot of this host. */
export function bootId(): string {
  return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
}

/**
 * Opens or makes the file, and raises the generation in it before anything is read. What cannot be
 * used is said in `why`, and replaced by an empty file.
 */
export function openStateFile(reader: Reader): Result<StateFile, string> {
  const path = join(reader.folder, NAME);
  try {
    const former = openFormer(path, reader);
    if (typeof former !== "string" && former !== undefined) return ok(former);
    rmSync(path, { force: true, recursive: true });
    const flags = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
    const fd = openSync(path, flags, 0o600);
    grow(fd, 0, PAGE_OCTETS);
    const page = pageOf(fd);
    page.set(MAGIC);
    const view = viewOf(page);
    view.setUint16(AT.fileVersion, FILE_VERSION);
    view.setUint16(AT.stateVersion, reader.stateVersion);
    page.set(bootOctets(reader.bootId), AT.boot);
    return ok(fileOf({ fd, path, page, segments: undefined, why: former }));
  } catch (error) {
    return err(`${path}: ${error instanceof Error ? error.message : error}`);
  }
}

/** What an earlier process has left, or why it is not used; undefined: there is none. */
function openFormer(path: string, reader: Reader): StateFile | string | undefined {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDWR | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    return `it cannot be opened: ${error instanceof Error ? error.message : error}`;
  }
  const stats = fstatSync(fd);
  const fault = ownerFault(stats) ?? headFault(fd, reader);
  if (fault !== undefined) {
    closeSync(fd);
    return fault;
  }
  const page = pageOf(fd);
  const segments = Math.floor((stats.size - PAGE_OCTETS) / SEGMENT_OCTETS);
  const mapped = Array.from({ length: segments }, (_, at) => segmentOf(fd, at));
  return fileOf({ fd, path, page, segments: mapped, why: undefined });
}

/** Who may have written it: only we ourselves. */
function ownerFault({ uid, mode, nlink }: Stats): string | undefined {
  if ((mode & constants.S_IFMT) !== constants.S_IFREG) return "it is not a plain file";
  if (uid !== process.geteuid?.()) return `it belongs to user ${uid}`;
  const rights = (mode & 0o777).toString(8);
  if (rights !== "600") return `its mode is ${rights}, not 600`;
  return nlink === 1 ? undefined : `it has ${nlink} names`;
}

function headFault(fd: number, reader: Reader): string | undefined {
  const { size } = fstatSync(fd);
  const whole = PAGE_OCTETS + SEGMENTS_MAX * SEGMENT_OCTETS;
  if (size < PAGE_OCTETS || size > whole) return `it has ${size} octets`;
  const page = pageOf(fd);
  const view = viewOf(page);
  if (MAGIC.some((octet, at) => page[at] !== octet)) return "it is not a state of erouted";
  const versions = [view.getUint16(AT.fileVersion), view.getUint16(AT.stateVersion)];
  const known = [FILE_VERSION, reader.stateVersion];
  if (versions.join(".") !== known.join(".")) {
    return `its version is ${versions.join(".")}, known is ${known.join(".")}`;
  }
  const boot = bootOctets(reader.bootId);
  if (boot.some((octet, at) => page[AT.boot + at] !== octet)) {
    return "another boot or another host has written it";
  }
  const run = latestRun(view);
  if (run === undefined) return "it does not say which process wrote it";
  if (run.starts < STARTS_MAX) return undefined;
  return `${run.starts} starts with it did not become ready`;
}

type Opened = {
  readonly fd: number;
  readonly path: string;
  readonly page: Uint8Array;
  readonly segments: readonly Uint8Array[] | undefined;
  readonly why: string | undefined;
};

function fileOf({ fd, path, page, segments, why }: Opened): StateFile {
  const view = viewOf(page);
  const before = latestRun(view) ?? { generation: firstGeneration(), starts: 0 };
  const run = { generation: before.generation + 1, starts: before.starts + 1 };
  putRun(view, run);
  let count = segments?.length ?? 0;
  return {
    generation: run.generation,
    segments,
    why,
    memory: {
      grow() {
        if (count >= SEGMENTS_MAX) return undefined;
        try {
          // Written, not only mapped: where there is no room, this fails, and no access later.
          grow(fd, PAGE_OCTETS + count * SEGMENT_OCTETS, SEGMENT_OCTETS);
        } catch {
          ftruncateSync(fd, PAGE_OCTETS + count * SEGMENT_OCTETS);
          return undefined;
        }
        return segmentOf(fd, count++);
      },
      checksum: (octets) => Bun.hash.crc32(octets),
    },
    ready: () => putRun(view, { generation: run.generation, starts: 0 }),
    remove: () => rmSync(path, { force: true }),
  };
}

type Run = { readonly generation: number; readonly starts: number };

/**
 * Of a file without a predecessor. Keys of the process before are not read then, so any will do;
 * seconds since 2020, so that it is never lower than before, whatever became of the file.
 */
function firstGeneration(): number {
  return Math.max(0, Math.floor(Date.now() / 1_000) - 1_577_836_800);
}

function latestRun(view: DataView): Run | undefined {
  const runs = [runAt(view, 0), runAt(view, 1)].filter((run) => run !== undefined);
  return runs.sort((a, b) => b.generation - a.generation)[0];
}

/** Where it goes depends on the generation: the run before stays whole. */
function putRun(view: DataView, { generation, starts }: Run): void {
  const at = AT.runs + (generation % 2) * RUN_OCTETS;
  view.setUint32(at, generation);
  view.setUint32(at + 4, starts);
  view.setUint32(at + 8, runSum(view, at));
}

function runAt(view: DataView, which: number): Run | undefined {
  const at = AT.runs + which * RUN_OCTETS;
  if (view.getUint32(at + 8) !== runSum(view, at)) return undefined;
  return { generation: view.getUint32(at), starts: view.getUint32(at + 4) };
}

function runSum(view: DataView, at: number): number {
  return Bun.hash.crc32(new Uint8Array(view.buffer, view.byteOffset + at, 8)) || 1;
}

function bootOctets(id: string): Uint8Array {
  const octets = new Uint8Array(BOOT_OCTETS);
  octets.set(new TextEncoder().encode(id).subarray(0, BOOT_OCTETS));
  return octets;
}

function grow(fd: number, at: number, octets: number): void {
  writeSync(fd, new Uint8Array(octets), 0, octets, at);
}

function pageOf(fd: number): Uint8Array {
  return mapped(fd, 0, PAGE_OCTETS);
}

function segmentOf(fd: number, at: number): Uint8Array {
  return mapped(fd, PAGE_OCTETS + at * SEGMENT_OCTETS, SEGMENT_OCTETS);
}

/** Through the descriptor: whatever has the name by now, this is the file that was checked. */
function mapped(fd: number, offset: number, size: number): Uint8Array {
  return Bun.mmap(`/proc/self/fd/${fd}`, { shared: true, offset, size });
}

function viewOf(page: Uint8Array): DataView {
  return new DataView(page.buffer, page.byteOffset, page.length);
}
