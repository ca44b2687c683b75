/**
 * A root with programs of the next Debian release, which need newer libraries than this one has:
 * build/prepare.sh unpacks it. They run in it by chroot, and see /run of the host that runs tests.
 */

import { existsSync } from "node:fs";
import { join } from "node:path";
import { must } from "./hosts.ts";

export const NEWER_ROOT = join(import.meta.dir, "../../../build/out/newer");
let isOpen = false;

/** Why this program is not there, in words; undefined if it is. */
export function newerMissing(program: string): string | undefined {
  return existsSync(NEWER_ROOT + program)
    ? undefined
    : `${NEWER_ROOT}${program} is missing (make test)`;
}

/** The command as it is run in this root. */
export async function inNewerRoot(command: readonly string[]): Promise<readonly string[]> {
  const missing = newerMissing(command[0] ?? "");
  if (missing !== undefined) throw new Error(missing);
  for (const folder of isOpen ? [] : ["/proc", "/dev", "/run"]) {
    await must(undefined, ["mount", "--rbind", folder, NEWER_ROOT + folder]);
  }
  isOpen = true;
  return ["chroot", NEWER_ROOT, ...command];
}
