/**
 * Both ends rekey the IKE SA at the same time (RFC 7296 §2.8.2). There are two new IKE SAs until it
 * is clear which of them stays; that one gets the Child SAs.
 */

import { later } from "../../octets/instant.ts";
import type { IkeSpi } from "../../wire/header.ts";
import type { IkeContext } from "../effect.ts";
import type { IkeEvent } from "../event.ts";
import { REPLACED_MS } from "../limits.ts";
import { localSpi } from "../sa-id.ts";
import { type Asking, grantUnderWay, type Task } from "./asking.ts";
import type { Established, Replaced } from "./established-phase.ts";
import type { IkeEffect, Step } from "./step.ts";
import { addTask } from "./tasks.ts";
import { withoutUnfinished } from "./unfinished.ts";

/** The new IKE SA takes over, and starts its waiting tasks as soon as it is known to stay. */
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
    effects: [{ kind: "hand-over", to, children: sa.children, tasks: handedTasks(sa) }],
  };
}

/** What another IKE SA does in the place of this one: all but what concerns this one alone. */
export function handedTasks({ tasks }: Pick<Established, "tasks">): readonly Task[] {
  return tasks.filter(({ kind }) => !OWN_TASKS.includes(kind));
}

const OWN_TASKS: readonly Task["kind"][] = ["rekey-ike", "liveness", "invalid-message-id"];

/** The IKE SA after another one has taken its place and its Child SAs. */
export function replacedBy(sa: Established, { now }: IkeContext): Replaced {
  const former: Established = { ...withoutUnfinished(sa), children: [], tasks: [] };
  return { phase: "replaced", former, until: later(now, REPLACED_MS) };
}

/** This one stays after all, or until its own successor is ready. */
export function adopt(sa: Established, { children: handed, tasks = [] }: Handed): Step {
  const children = [...sa.children, ...handed];
  return { sa: tasks.reduce(addTask, { ...sa, children }), effects: [] };
}

type Handed = Pick<Extract<IkeEvent, { kind: "adopt" }>, "children" | "tasks">;

/** Our own rekey of the former IKE SA is over, whatever became of it: the peer's IKE SA goes on. */
export function withDecision({ former: { asking } }: Replaced, done: Step): Step {
  const rival = rivalOf(asking);
  const next = done.sa?.phase === "replaced" ? rivalOf(done.sa.former.asking) : undefined;
  if (rival === undefined || next !== undefined) return done;
  const decided = { kind: "tell", to: rival, event: { kind: "decided" } } as const;
  return { sa: done.sa, effects: [...done.effects, decided] };
}

/** The IKE SA that the peer has made, if our own is not finished. */
function rivalOf(asking: Asking | undefined): IkeSpi | undefined {
  const grant = grantUnderWay(asking);
  if (grant?.of === "ike") return grant.rival?.made;
  if (asking?.kind !== "ike-response" && asking?.kind !== "ike-shared-secret") return undefined;
  return asking.rival?.made;
}
