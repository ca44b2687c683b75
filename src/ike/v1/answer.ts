/** Notes and effects that several exchanges make. */

import type { Reason } from "../../reason/reason.ts";
import type { IkeNote } from "../effect.ts";
import { type Refusal, refusalText } from "../refusal.ts";
import type { Established } from "./established-phase.ts";
import type { IkeEffect } from "./step.ts";

/** The note of a negotiation or SA that a refusal ended. */
export function failedNote(step: IkeNote["step"], refusal: Refusal): IkeEffect {
  return noteOf("failed", step, refusal);
}

/** The note of a request that failed; the ISAKMP SA goes on. */
export function refusedNote(step: IkeNote["step"], refusal: Refusal): IkeEffect {
  return noteOf("refused", step, refusal);
}

/** The note of something that succeeded. */
export function okNote(step: IkeNote["step"], reason: Reason, detail: string): IkeEffect {
  return { kind: "note", note: { level: "info", step, outcome: "ok", reason, detail } };
}

/** Removes all Child SAs, the newest first: the oldest one sends until the last moment. */
export function childrenDown({ children }: Established, why: Reason): IkeEffect[] {
  return children.toReversed().map(({ spiIn }) => ({ kind: "child-down", spiIn, why }));
}

function noteOf(outcome: "failed" | "refused", step: IkeNote["step"], refusal: Refusal): IkeEffect {
  return { kind: "note", note: { level: "warning", step, outcome, ...refusalText(refusal) } };
}
