/**
 * The folder for what outlives this process until the next start, but no boot: `RUNTIME_DIRECTORY`,
 * which the service manager sets. One erouted at a time uses it.
 */

import { closeSync, lstatSync, mkdirSync, openSync } from "node:fs";
import { join } from "node:path";
import { openLibc } from "../linux/libc.ts";
import { err, ok, type Result } from "../octets/result.ts";
import { errnoName } from "../xfrm/errno.ts";

export type RuntimeFolder = {
  readonly path: string;
  /** Lets another process use it; a process that ends does so anyway. */
  close(): void;
};

/** `folders` is the variable's value. Undefined without one: then nothing is kept. */
export function openRuntimeFolder(folders = ""): Result<RuntimeFolder | undefined, string> {
  // The manager may name several, separated by colons; the first one is ours.
  const [path = ""] = folders.split(":");
  if (path === "") return ok(undefined);
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    const fault = faultOf(path);
    if (fault !== undefined) throw new Error(fault);
    return ok(locked(path));
  } catch (error) {
    const why = error instanceof Error ? error.message : error;
    return err(`nothing is kept for the next start: ${path}: ${why}`);
  }
}

/** Keys are in it: it must be ours alone. */
function faultOf(path: string): string | undefined {
  const { uid, mode } = lstatSync(path);
  const isFolder = lstatSync(path).isDirectory();
  if (!isFolder) return "it is not a folder";
  if (uid !== process.geteuid?.()) return `it belongs to user ${uid}`;
  const rights = (mode & 0o777).toString(8);
  return (mode & 0o077) === 0 ? undefined : `others may use it: its mode is ${rights}, not 700`;
}

function locked(path: string): RuntimeFolder {
  const libc = openLibc();
  if (!libc.ok) throw new Error(libc.error.detail);
  const fd = openSync(join(path, LOCK), "a", 0o600);
  const done = libc.value.lockFile(fd);
  if (done < 0) {
    closeSync(fd);
    const isUsed = errnoName(-done) === "EAGAIN";
    throw new Error(isUsed ? "another erouted uses it" : `flock: ${errnoName(-done)}`);
  }
  return { path, close: () => closeSync(fd) };
}

const LOCK = "lock";
