/** Replaces this process by another program, under the same process ID (man 2 execve). */

import { ptr } from "bun:ffi";
import { readdirSync } from "node:fs";
import { errnoName } from "../xfrm/errno.ts";
import { openLibc } from "./libc.ts";

export type Program = {
  readonly path: string;
  readonly args: readonly string[];
  readonly environment: Readonly<Partial<Record<string, string>>>;
  /** Descriptors that the program gets beside the first three; all others are closed. */
  readonly passes: readonly number[];
};

/** Returns only if it fails: the name of the error. */
export function execute({ path, args, environment, passes }: Program): string {
  const libc = openLibc();
  if (!libc.ok) return libc.error.detail;
  for (const name of readdirSync("/proc/self/fd")) {
    if (Number(name) >= FIRST_FD) libc.value.closeOnExec(Number(name));
  }
  // Bun has marked those that were passed to it.
  for (const fd of passes) libc.value.keepOnExec(fd);
  const words = Object.entries(environment).map(([key, value]) => `${key}=${value ?? ""}`);
  const vectors = [stringVector(args), stringVector(words)] as const;
  const done = libc.value.execute(cString(path), vectors[0].pointers, vectors[1].pointers);
  return errnoName(-done);
}

/** The pointers, and what they point to: it has to live as long as the call. */
function stringVector(texts: readonly string[]) {
  const strings = texts.map(cString);
  const pointers = BigUint64Array.from([...strings.map((text) => BigInt(ptr(text))), 0n]);
  return { pointers, strings };
}

function cString(text: string): Uint8Array {
  return new TextEncoder().encode(`${text}\0`);
}

/** After standard input, output and error output. */
const FIRST_FD = 3;
