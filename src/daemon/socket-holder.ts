/**
 * Keeps sockets open in a process of its own, where no service manager does: a shell that inherits
 * them and waits until erouted ends. The next erouted copies them out of it. Only a shell, because
 * a second copy of this program would need 25 MB to do nothing.
 */

import { lstatSync, readFileSync, renameSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Libc } from "../linux/libc.ts";
import {
  copyDescriptors,
  isRunning,
  type ProcessName,
  processName,
} from "../linux/process-descriptors.ts";
import { err, ok, type Result } from "../octets/result.ts";
import type { Note } from "./reload.ts";
import type { RuntimeFolder } from "./runtime-folder.ts";
import type { KeepingPlace, KeptSocket, SocketStore } from "./socket-store.ts";

/** Each change starts a holder with the new sockets before it ends the former one. */
export function openSocketHolder(
  { path }: RuntimeFolder,
  note: (entry: Note) => void,
): SocketStore {
  const file = join(path, HOLDER);
  let holder: Holder | undefined = readHolder(file);
  return {
    put(sockets) {
      const former = holder;
      try {
        holder = startHolder(sockets);
        writeFileSync(`${file}.new`, JSON.stringify(holder.entry), { mode: 0o600 });
        renameSync(`${file}.new`, file);
      } catch (error) {
        const why = error instanceof Error ? error.message : error;
        const detail = `a crash would close the IKE sockets: no process can keep them: ${why}`;
        note({ level: "warning", reason: "service-manager", detail });
      }
      if (former !== undefined && former !== holder) endHolder(former.entry);
    },
    clear() {
      if (holder !== undefined) endHolder(holder.entry);
      holder = undefined;
      rmQuietly(file);
    },
  };
}

/** Copies of all sockets that a holder has. It goes on holding its own, until the next change. */
export async function takeFromHolder(
  libc: Libc,
  { folder, note }: KeepingPlace,
): Promise<readonly number[]> {
  if (folder === undefined) return [];
  const found = readHolder(join(folder.path, HOLDER));
  if (found === undefined || !isRunning(found.entry)) return [];
  const { entry } = found;
  const copies = copyDescriptors(libc, entry, { first: FIRST_FD, count: entry.sockets });
  if (copies.ok) return copies.value;
  const detail = `the sockets of the former process cannot be taken over: ${copies.error}`;
  note({ level: "warning", reason: "service-manager", detail });
  // They have to be closed before new ones can have their ports.
  endHolder(entry);
  for (let waited = 0; isRunning(entry) && waited < END_MS_MAX; waited += POLL_MS) {
    await Bun.sleep(POLL_MS);
  }
  return [];
}

type Entry = ProcessName & { readonly sockets: number };

type Holder = {
  readonly entry: Entry;
  /** While it exists, the holder's standard input is open. */
  readonly child: unknown;
};

/** Sites have given up by then; whoever wants to use the ports instead should not wait longer. */
const HOLD_SECONDS = 120;

/**
 * `read` ends when the last process with the other end of the pipe has ended, this one. Signals of
 * a terminal are for erouted.
 */
const SCRIPT = `trap '' HUP INT TERM; read line; exec sleep ${HOLD_SECONDS}`;

function startHolder(sockets: readonly KeptSocket[]): Holder {
  const descriptors = sockets.map(({ descriptor }) => descriptor).slice(0, SOCKETS_MAX);
  const child = Bun.spawn(["/bin/sh", "-c", SCRIPT, "erouted-sockets"], {
    cwd: "/",
    env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin" },
    stdio: ["pipe", "ignore", "ignore", ...descriptors],
  });
  child.unref();
  const name = processName(child.pid);
  if (name === undefined) throw new Error("/proc does not show it");
  return { entry: { ...name, sockets: descriptors.length }, child };
}

function endHolder(entry: ProcessName): void {
  try {
    if (isRunning(entry)) process.kill(entry.pid, "SIGKILL");
  } catch {
    // It has ended in the meantime.
  }
}

/** Only a file that this user wrote for itself: its process may belong to anyone otherwise. */
function readHolder(file: string): Holder | undefined {
  const entry = readEntry(file);
  return entry.ok ? { entry: entry.value, child: undefined } : undefined;
}

function readEntry(file: string): Result<Entry, string> {
  try {
    const { uid, mode, size } = lstatSync(file);
    if (!lstatSync(file).isFile() || uid !== process.geteuid?.() || (mode & 0o077) !== 0) {
      return err("not a private file");
    }
    if (size > FILE_OCTETS_MAX) return err("too long");
    const { pid, began, sockets } = JSON.parse(readFileSync(file, "utf8"));
    const isValid = [pid, began, sockets].every(Number.isSafeInteger) && pid > 1 && began >= 0;
    if (!isValid || sockets < 0 || sockets > SOCKETS_MAX) return err("not a holder");
    return ok({ pid, began, sockets });
  } catch (error) {
    return err(String(error));
  }
}

function rmQuietly(file: string): void {
  try {
    unlinkSync(file);
  } catch {
    // It was never written.
  }
}

/** In the runtime folder. */
const HOLDER = "holder.json";
/** After standard input, output and error output. */
const FIRST_FD = 3;
/** Of 512 addresses. */
const SOCKETS_MAX = 1_024;
const FILE_OCTETS_MAX = 1_000;
const END_MS_MAX = 1_000;
const POLL_MS = 5;
