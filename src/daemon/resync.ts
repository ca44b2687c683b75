/** After lost kernel events: what the kernel has is compared with what the engine believes. */

import { stateName } from "../concentrator/event.ts";
import { now } from "../linux/clock.ts";
import type { Kernel } from "../linux/xfrm-kernel.ts";
import type { Shell } from "./shell.ts";

/** Reads all our states and hands them to the engine; says why if that is not possible. */
export async function resync(kernel: Kernel, shell: Shell): Promise<string | undefined> {
  // A state that the engine has asked for has to be there when they are read.
  shell.flush();
  const since = now();
  const uses = await kernel.stateUses();
  if (!uses.ok) return `${uses.error.operation}: ${uses.error.errno}: ${uses.error.detail}`;
  const present = new Set(uses.value.map((use) => stateName(use.id)));
  shell.feed({ kind: "kernel-states", present, since });
  return undefined;
}
