/**
 * Both ends rekey the IKE SA at the same time (RFC 7296 §2.8.2). There are two new IKE SAs until it
 * is clear which of them stays; that one gets the Child SAs.
 */

import { later } from "../../octets/instant.ts";
import type { IkeSpi } from "../../wire/header.ts";
import type { ChildSa } from "../child-sa.ts";
import type { IkeContext } from "../effect.ts";
import { REPLACED_MS } from "../limits.ts";
import { localSpi } from "../sa-id.ts";
import type { Established, Replaced } from "./established-phase.ts";
import type { IkeEffect, Step } from "./step.ts";
import { withoutUnfinished } from "./unfinished.ts";

/** The new IKE SA takes over, and starts its waiting tasks at once. */
export function takeOver(successor: Established): readonly IkeEffect[] {
  const rekeyed = { kind: "rekeyed", successor } as const;
  if (successor.tasks.length === 0) return [rekeyed];
  const to = localSpi(successor.id);
  return [rekeyed, { kind: "tell", to, event: { kind: "deadline" } }];
}

/** Our new IKE SA stays: it gets the Child SAs that the one of the peer has taken over. */
export function keepOurs(successor: Established, rival: IkeSpi): readonly IkeEffect[] {
  const to = localSpi(successor.id);
  return [...takeOver(successor), { kind: "tell", to: rival, event: { kind: "stand-down", to } }];
}

/** Our new IKE SA is redundant: it gets no Child SAs, and is deleted at once. */
export function discardOurs(made: Established): readonly IkeEffect[] {
  const successor: Established = { ...made, children: [], tasks: [] };
  const event = { kind: "close", why: "redundant" } as const;
  return [...takeOver(successor), { kind: "tell", to: localSpi(made.id), event }];
}

/** Another IKE SA stays and gets the Child SAs; the peer deletes this one, or we do later. */
export function standDown(sa: Established, to: IkeSpi, context: IkeContext): Step {
  return {
    sa: replacedBy(sa, context),
    effects: [{ kind: "hand-over", to, children: sa.children }],
  };
}

/** The IKE SA after another one has taken its place and its Child SAs. */
export function replacedBy(sa: Established, { now }: IkeContext): Replaced {
  const former: Established = { ...withoutUnfinished(sa), children: [], tasks: [] };
  return { phase: "replaced", former, until: later(now, REPLACED_MS) };
}

/** This one stays after all, or until its own successor is ready. */
export function adopt(sa: Established, handed: readonly ChildSa[]): Step {
  const children = [...sa.children, ...handed];
  return { sa: { ...sa, children }, effects: [] };
}
