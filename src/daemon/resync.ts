/** The kernel's tables are compared with what the engine believes: now and then, and on loss. */

import { now } from "../linux/clock.ts";
import type { Kernel } from "../linux/xfrm-kernel.ts";
import type { Note } from "./reload.ts";
import type { Shell } from "./shell.ts";

/** Reads all that is ours and hands it to the engine; says why if that is not possible. */
export async function resync(kernel: Kernel, shell: Shell): Promise<string | undefined> {
  // What the engine has asked for has to be there when it is read.
  shell.flush();
  const tables = await kernel.tables();
  if (!tables.ok) return `${tables.error.operation}: ${tables.error.errno}: ${tables.error.detail}`;
  shell.feed({ kind: "kernel-tables", ...tables.value });
  return undefined;
}

export type Audits = { stop(): void };

/** Between two comparisons: what no message of the kernel has told is found by then. */
const AUDIT_MS = 60_000;
/** Of the time that passes, comparing takes one part in so many at the most. */
const AUDIT_SHARE = 100;

/** Compares for ever; a comparison that fails is told once, until one succeeds. */
export function startAudits(kernel: Kernel, shell: Shell, note: (entry: Note) => void): Audits {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isStopped = false;
  let said: string | undefined;
  const audit = async (): Promise<void> => {
    const from = now();
    const why = await resync(kernel, shell);
    if (isStopped) return;
    if (why !== undefined && why !== said) {
      const detail = `the kernel's tables cannot be compared with ours: ${why}`;
      note({ level: "warning", reason: "audit", detail });
    }
    said = why;
    timer = setTimeout(run, Math.max(AUDIT_MS, (now() - from) * AUDIT_SHARE));
  };
  const run = () => void audit();
  timer = setTimeout(run, AUDIT_MS);
  return {
    stop() {
      isStopped = true;
      clearTimeout(timer);
    },
  };
}
