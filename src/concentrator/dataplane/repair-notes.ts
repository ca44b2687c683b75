/** Reports of repairs: one line for all, and one for each of the first sites. */

import type { KernelResult } from "../../xfrm/request.ts";
import { count, type Engine, inMs } from "../engine.ts";
import { journal } from "../journal/write.ts";
import { aboutIkeSa } from "../sites/ike-sas.ts";
import type { CounterName } from "../snapshot.ts";
import type { Installed } from "./installed.ts";
import { kernelReason } from "./kernel-reason.ts";
import type { RemovedKind } from "./repairs.ts";

/** What was removed together is reported together. */
const TELL_MS = 500;
/** Sites that are named; a flush of the kernel's tables affects all of them. */
const NAMED_MAX = 16;

const COUNTERS: Readonly<Record<RemovedKind, CounterName>> = {
  states: "states_removed_by_others",
  policies: "policies_removed_by_others",
  routes: "routes_removed_by_others",
};

/** One more object was gone. */
export function tellSoon(engine: Engine, kind: RemovedKind): void {
  const { repairs } = engine.dataplane;
  count(engine, COUNTERS[kind]);
  repairs.tally[kind]++;
  repairs.tellAt ??= inMs(engine, TELL_MS);
}

/** A site's Child SA has lost a state. */
export function noteState(engine: Engine, installed: Installed, name: string): void {
  const { repairs } = engine.dataplane;
  if (repairs.named >= NAMED_MAX) return;
  repairs.named++;
  journal(engine, aboutIkeSa(engine, installed.ikeSpi), {
    level: "warning",
    step: "kernel",
    outcome: "note",
    reason: "removed-by-others",
    detail: `another program removed ${name} from the kernel: the Child SA gets new keys`,
  });
}

/** Reports how much was gone, and what was done. */
export function tellTally(engine: Engine): void {
  const { repairs } = engine.dataplane;
  const { states, policies, routes } = repairs.tally;
  const gone = [counted(states, "state"), counted(policies, "policy"), counted(routes, "route")];
  if (states + policies + routes === 0) return forgetTally(engine);
  const words = gone.filter((text) => text !== "").join(", ");
  const by = repairs.by === undefined ? "" : ` (netlink port ${repairs.by}, usually its PID)`;
  const then = [
    ...(policies + routes > 0 ? ["policies and routes are back"] : []),
    ...(states > 0 ? ["Child SAs get new keys"] : []),
  ].join(", ");
  journal(engine, undefined, {
    level: "error",
    step: "kernel",
    outcome: "note",
    reason: "removed-by-others",
    detail: `another program${by} removed ${words} of ours from the kernel: ${then}`,
  });
  forgetTally(engine);
}

function forgetTally({ dataplane }: Engine): void {
  const { repairs } = dataplane;
  Object.assign(repairs.tally, { states: 0, policies: 0, routes: 0 });
  repairs.tellAt = undefined;
  repairs.named = 0;
  repairs.by = undefined;
}

/** The kernel refuses to take it back, or another program's object is in its place. */
export function noteRefused(engine: Engine, counter: CounterName, result: KernelResult): void {
  if (result.ok) return;
  count(engine, counter);
  const { repairs } = engine.dataplane;
  if (repairs.named >= NAMED_MAX) return;
  repairs.named++;
  const { operation, object, errno, detail } = result.error;
  journal(engine, undefined, {
    level: "error",
    step: "kernel",
    outcome: "failed",
    reason: kernelReason(result.error),
    detail: `${operation} ${object}: ${errno}: ${detail}`,
  });
  repairs.tellAt ??= inMs(engine, TELL_MS);
}

function counted(number: number, word: string): string {
  if (number === 0) return "";
  const many = word === "policy" ? "policies" : `${word}s`;
  return `${number} ${number === 1 ? word : many}`;
}
