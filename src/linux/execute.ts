/** Replaces this process by another program, under the same process ID (man 2 execve). */

import { ptr } from "bun:ffi";
import { readdirSync } from "node:fs";
import { errnoName } from "../xfrm/errno.ts";
import { openLibc } from "./libc.ts";

export type Program = {
  readonly path: string;
  readonly args: readonly string[];
  readonly environment: Readonly<Partial<Record<string, string>>>;
  /**
   * Whether the new program gets those that this one was started with. Otherwise only the first
   * three stay open.
   */
  readonly keepsDescriptors: boolean;
};

/** Returns only if it fails: the name of the error. */
export function execute({ path, args, environment, keepsDescriptors }: Program): string {
  const libc = openLibc();
  if (!libc.ok) return libc.error.detail;
  for (const name of keepsDescriptors ? [] : readdirSync("/proc/self/fd")) {
    if (Number(name) >= FIRST_FD) libc.value.closeOnExec(Number(name));
  }
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
