/** Compares the kernel's tables with the engine's: now and then, and after lost messages. */

import type { Concentrator } from "../concentrator/concentrator.ts";
import { now } from "../linux/clock.ts";
import type { Kernel } from "../linux/xfrm-kernel.ts";
import type { XfrmRefusal } from "../xfrm/request.ts";
import type { Note } from "./reload.ts";
import type { Shell } from "./shell.ts";

/** Whose tables are compared. */
export type Both = {
  readonly kernel: Pick<Kernel, "tables" | "removeLeftovers">;
  readonly shell: Pick<Shell, "feed" | "flush">;
  readonly concentrator: Pick<Concentrator, "claims" | "hasLeftBehind" | "leaveBehind">;
};

/**
 * Reads everything that is ours and passes it to the engine; says why if that is not possible. What
 * the engine has left behind, because a bug kept it from naming it, is removed.
 */
export async function resync({ kernel, shell, concentrator }: Both): Promise<string | undefined> {
  // Everything that the engine has requested has to be done before the tables are read.
  shell.flush();
  const tables = await kernel.tables();
  if (!tables.ok) return wordsFor(tables.error);
  shell.feed({ kind: "kernel-tables", ...tables.value });
  if (!concentrator.hasLeftBehind()) return undefined;
  const removed = await kernel.removeLeftovers(concentrator.claims());
  if (removed.ok) return undefined;
  concentrator.leaveBehind();
  return wordsFor(removed.error);
}

function wordsFor({ operation, errno, detail }: XfrmRefusal): string {
  return `${operation}: ${errno}: ${detail}`;
}

/**
 * What to do whenever the kernel has dropped events: everything is read again, with `read`. Drops
 * during a reading lead to one more, however many they are: with 100,000 sites it takes seconds.
 */
export function recoveryFromLoss(
  read: () => Promise<string | undefined>,
  note: (entry: Note) => void,
): () => void {
  let isReading = false;
  let isLostAgain = false;
  const recover = async (): Promise<void> => {
    isReading = true;
    do {
      isLostAgain = false;
      noteLoss(note, await read());
    } while (isLostAgain);
    isReading = false;
  };
  return () => {
    if (isReading) isLostAgain = true;
    else void recover();
  };
}

function noteLoss(note: (entry: Note) => void, why: string | undefined): void {
  const reason = "kernel-events-lost";
  const detail = "the kernel reported more events than could be read: its states were read again";
  if (why === undefined) note({ level: "warning", reason, detail });
  else note({ level: "error", reason, detail: `resync failed: ${why}` });
}

export type Audits = { stop(): void };

/** Between two comparisons: by then a change is found that the kernel did not report. */
const AUDIT_MS = 60_000;
/** Comparing takes at most this share of the time. */
const AUDIT_SHARE = 100;

/** Compares for ever; failures are reported once, until a comparison succeeds. */
export function startAudits(both: Both, note: (entry: Note) => void): Audits {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isStopped = false;
  let said: string | undefined;
  const audit = async (): Promise<void> => {
    const from = now();
    const why = await resync(both);
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
