/** INFORMATIONAL as responder: Delete, notifies, and the empty liveness check (RFC 7296 §1.4). */

import type { IkeHeader } from "../../wire/header.ts";
import { type DeletePayload, type Payload, Protocol } from "../../wire/message.ts";
import type { ChildSa } from "../child-sa.ts";
import type { IkeContext, IkeEffect, Step } from "../effect.ts";
import type { Established } from "../phase.ts";
import { answer, answerAndEnd, okNote } from "./answer.ts";

/** Answers whatever the peer tells; unknown notifies are none of our business (§3.10.1). */
export function onInformationalRequest(
  sa: Established,
  header: IkeHeader,
  payloads: readonly Payload[],
  context: IkeContext,
): Step {
  const deletes = payloads.filter((p): p is DeletePayload => p.kind === "DELETE");
  if (deletes.some((payload) => payload.protocol === Protocol.IKE)) {
    return onIkeDelete(sa, header, context);
  }
  const gone = deletes
    .filter((payload) => payload.protocol === Protocol.ESP)
    .flatMap((payload) => childrenOf(sa, payload.spis));
  const children = sa.children.filter((child) => !gone.includes(child));
  const effects: IkeEffect[] = [];
  for (const child of gone) effects.push(...deleteEffects(child, sa.children, "peer-deleted"));
  // The pairs of what the peer named: our inbound SPIs (§1.4.1).
  const spis = gone.map((child) => child.spiIn);
  const response: Payload[] =
    spis.length === 0 ? [] : [{ kind: "DELETE", protocol: Protocol.ESP, spis }];
  const answered = answer({ ...sa, children }, header, response, context);
  return { sa: answered.sa, effects: [...effects, answered.effect] };
}

/** The peer ends the IKE SA, and all its Child SAs with it. */
function onIkeDelete(sa: Established, header: IkeHeader, context: IkeContext): Step {
  if (sa.replacedUntil !== undefined) {
    const reason = { kind: "replaced-by-rekey" } as const;
    return answerAndEnd(sa, header, { payloads: [], reason }, context);
  }
  const reason = { kind: "peer-deleted" } as const;
  const step = answerAndEnd(sa, header, { payloads: [], reason }, context);
  const note = okNote("INFORMATIONAL", "peer-deleted", "the site deleted its IKE SA");
  return { sa: step.sa, effects: [note, ...step.effects] };
}

/** What a deleted Child SA leaves to do: its successors may send now, its states go. */
export function deleteEffects(
  child: ChildSa,
  all: readonly ChildSa[],
  why: "peer-deleted" | "expired",
): IkeEffect[] {
  // A site may rekey one Child SA twice; each of the new ones counts.
  const successors = all.filter((candidate) => candidate.replaces === child.spiIn);
  return [
    ...successors.map(({ spiIn }) => ({ kind: "child-outbound", spiIn }) as const),
    {
      kind: "child-down",
      spiIn: child.spiIn,
      why: successors.length === 0 ? why : "rekeyed",
    },
  ];
}

function childrenOf(sa: Established, spis: readonly number[]): readonly ChildSa[] {
  return sa.children.filter((child) => spis.includes(child.spiOut));
}
