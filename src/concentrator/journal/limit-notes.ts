/** Events about limits that were reached: one of a kind every ten seconds, with a count. */

import { type Engine, inMs } from "../engine.ts";
import type { JournalEntry } from "./journal.ts";
import { journal } from "./write.ts";

export type LimitNote = {
  /** One of a closed set: it names the limit, see `reason.ts`. */
  readonly reason: "half-open-full" | "key-exchanges-waiting" | "signatures-waiting";
  readonly step: JournalEntry["step"];
  readonly detail: string;
  readonly remote?: string;
};

const LIMIT_NOTE_MS = 10_000;

/** Writes it down, or counts it for the next time. */
export function noteLimit(engine: Engine, { reason, step, detail, remote }: LimitNote): void {
  const known = engine.notes.limits.get(reason);
  if (known !== undefined && engine.now < known.at) {
    known.held++;
    return;
  }
  const more = known === undefined || known.held === 0 ? "" : `; and ${known.held} more like it`;
  engine.notes.limits.set(reason, { at: inMs(engine, LIMIT_NOTE_MS), held: 0 });
  journal(engine, undefined, {
    level: "warning",
    step,
    outcome: "note",
    reason,
    detail: `${detail}${more}`,
    ...(remote === undefined ? {} : { remote }),
  });
}
