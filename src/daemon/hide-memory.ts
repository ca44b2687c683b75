/** Keeps other programs from reading this process's memory. */

import { openLibc } from "../linux/libc.ts";
import { errnoName } from "../xfrm/errno.ts";
import type { Note } from "./reload.ts";

/** It contains keys of sites: no core file, and no access for other processes of the same user. */
export function hideMemory(note: (entry: Note) => void): void {
  const libc = openLibc();
  const done = libc.ok ? libc.value.hideMemory() : 0;
  if (done === 0) return;
  const detail = `a core file may show this process' memory: ${errnoName(-done)}`;
  note({ level: "warning", reason: "start", detail });
}
