/** Authentic fragments that are not accepted: not agreed on, too many, too long (RFC 7383 §2.6). */

import type { IkeNote } from "../effect.ts";
import type { Refusal } from "../refusal.ts";
import type { Fragments } from "./fragments.ts";
import type { Opened } from "./protect.ts";
import type { IkeEffect } from "./step.ts";

/** Each is counted; the first of an IKE SA is noted, with what is wrong. */
export function unwelcomeEffects(
  { isFirst, fragments }: Extract<Opened, { kind: "unwelcome" }>,
  step: IkeNote["step"],
): readonly IkeEffect[] {
  const counted: IkeEffect = { kind: "count", counter: "fragments_refused" };
  if (!isFirst) return [counted];
  const detail = fragments.refused ?? "";
  const reason = "fragments-refused";
  return [
    counted,
    { kind: "note", note: { level: "warning", step, outcome: "note", reason, detail } },
  ];
}

/** Why a negotiation failed in which fragments were not accepted. */
export function unwelcomeRefusal({ refused }: Fragments): Refusal | undefined {
  return refused === undefined ? undefined : { kind: "fragments-refused", detail: refused };
}
