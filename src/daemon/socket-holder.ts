/**
 * Keeps sockets open in a process of its own, where no service manager does: a shell that inherits
 * them and waits until erouted ends. The next erouted copies them out of it. Only a shell, because
 * a second copy of this program would need 25 MB to do nothing.
 */

import { lstatSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Libc } from "../linux/libc.ts";
import {
  copyDescriptors,
  isRunning,
  type ProcessName,
  processName,
} from "../linux/process-descriptors.ts";
import type { Note } from "./reload.ts";
import type { RuntimeFolder } from "./runtime-folder.ts";
import type { KeepingPlace, KeptSocket, SocketStore } from "./socket-store.ts";

/**
 * Each change starts a holder with the new sockets before it ends the former one. Whenever this
 * process crashes, each holder that lives on is in the file.
 */
export function openSocketHolder(
  { path }: RuntimeFolder,
  note: (entry: Note) => void,
): SocketStore {
  const file = join(path, HOLDER);
  let known = readHolders(file);
  let child: Holder | undefined;
  return {
    put(sockets) {
      try {
        const next = startHolder(sockets);
        write(file, [next.entry, ...known.filter(isRunning)]);
        next.confirm();
        for (const former of known) endHolder(former);
        known = [next.entry];
        write(file, known);
        child = next;
      } catch (error) {
        const why = error instanceof Error ? error.message : error;
        const detail = `a crash would close the IKE sockets: no process can keep them: ${why}`;
        note({ level: "warning", reason: "service-manager", detail });
      }
    },
    clear() {
      child?.end();
      for (const entry of known) endHolder(entry);
      known = [];
      rmSync(file, { force: true });
    },
  };
}

/** Copies of all sockets that holders have. They keep their own until the next change. */
export async function takeFromHolder(
  libc: Libc,
  { folder, note }: KeepingPlace,
): Promise<readonly number[]> {
  if (folder === undefined) return [];
  const copies: number[] = [];
  for (const entry of readHolders(join(folder.path, HOLDER)).filter(isRunning)) {
    const copied = copyDescriptors(libc, entry, { first: FIRST_FD, count: entry.sockets });
    if (copied.ok) {
      copies.push(...copied.value);
      continue;
    }
    const detail = `the sockets of the former process cannot be taken over: ${copied.error}`;
    note({ level: "warning", reason: "service-manager", detail });
    // They have to be closed before new ones can have their ports.
    endHolder(entry);
    for (let waited = 0; isRunning(entry) && waited < END_MS_MAX; waited += POLL_MS) {
      await Bun.sleep(POLL_MS);
    }
  }
  return copies;
}

type Entry = ProcessName & { readonly sockets: number };

type Holder = {
  readonly entry: Entry;
  /** From now on it outlives this process. */
  confirm(): void;
  end(): void;
};

/** Sites have given up by then; whoever wants to use the ports instead should not wait longer. */
const HOLD_SECONDS = 120;

/**
 * The first line confirms that the holder can be found again. `read` ends when the last process
 * with the other end of the pipe has ended, this one. Signals of a terminal are for erouted.
 * SIGTERM ends it: a supervisor that ends what is left of a service does not wait for it.
 */
const SCRIPT = `trap '' HUP INT QUIT; read a || exit 0; read b; exec sleep ${HOLD_SECONDS}`;

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
  const { pid, began } = name;
  return {
    entry: { pid, began, sockets: descriptors.length },
    confirm() {
      child.stdin.write("\n");
      child.stdin.flush();
    },
    end: () => child.kill("SIGKILL"),
  };
}

function endHolder(entry: ProcessName): void {
  try {
    if (isRunning(entry)) process.kill(entry.pid, "SIGKILL");
  } catch {
    // It has ended in the meantime.
  }
}

function write(file: string, entries: readonly Entry[]): void {
  writeFileSync(`${file}.new`, JSON.stringify(entries.slice(0, HOLDERS_MAX)), { mode: 0o600 });
  renameSync(`${file}.new`, file);
}

/** Only of a file that this user wrote for itself: its processes may belong to anyone otherwise. */
function readHolders(file: string): readonly Entry[] {
  try {
    const { uid, mode, size } = lstatSync(file);
    const isPlain = lstatSync(file).isFile() && size <= FILE_OCTETS_MAX;
    if (!isPlain || uid !== process.geteuid?.() || (mode & 0o077) !== 0) return [];
    const entries: unknown = JSON.parse(readFileSync(file, "utf8"));
    return Array.isArray(entries) ? entries.slice(0, HOLDERS_MAX).flatMap(asEntry) : [];
  } catch {
    return [];
  }
}

function asEntry(value: unknown): readonly Entry[] {
  const { pid, began, sockets } = Object(value);
  if (![pid, began, sockets].every(Number.isSafeInteger)) return [];
  const isHolder = pid > 1 && began >= 0 && sockets >= 0 && sockets <= SOCKETS_MAX;
  return isHolder ? [{ pid, began, sockets }] : [];
}

/** In the runtime folder. */
const HOLDER = "holder.json";
/** After standard input, output and error output. */
const FIRST_FD = 3;
/** Of 512 addresses. */
const SOCKETS_MAX = 1_024;
/** The present one, and former ones that a crash has left. */
const HOLDERS_MAX = 8;
const FILE_OCTETS_MAX = 1_000;
const END_MS_MAX = 1_000;
const POLL_MS = 5;
