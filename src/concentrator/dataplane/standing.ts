/** Policies that stand without an SA: put, replaced and removed as the configuration says (R14). */

import type { Instant } from "../../octets/instant.ts";
import type { XfrmPolicy } from "../../xfrm/policy.ts";
import type { KernelResult, XfrmRequest } from "../../xfrm/request.ts";
import { ask } from "../ask.ts";
import { count, type Engine, inMs } from "../engine.ts";
import { journal } from "../journal/write.ts";
import { kernelReason } from "./kernel-reason.ts";
import { standingPolicies } from "./no-sa.ts";

/** Stands in the place of a Child SA's SPI, where a policy belongs to none. */
export const NO_CHILD = 0;

/**
 * Brings the kernel from the policies that stand to those that the plan wants. Child SAs' policies
 * for the same selectors stay in force; each change is one replacement, never a gap.
 */
function applyStanding(engine: Engine): void {
  const wanted = standingPolicies(engine.plan);
  for (const [name, policy] of wanted) {
    const before = engine.dataplane.standing.get(name);
    if (before === undefined || !isSame(before, policy)) put(engine, name, policy);
  }
  for (const [name, policy] of engine.dataplane.standing) {
    if (!wanted.has(name)) remove(engine, name, policy);
  }
  engine.dataplane.standing = wanted;
}

function put(engine: Engine, name: string, policy: XfrmPolicy): void {
  let use = engine.dataplane.policies.get(name);
  if (use === undefined) {
    use = { id: policy.id, users: [] };
    engine.dataplane.policies.set(name, use);
  }
  const { users } = use;
  if (users[0]?.spiIn === NO_CHILD) users.shift();
  users.unshift({ spiIn: NO_CHILD, policy });
  if (users.length === 1) askFor(engine, name, { op: "put-policy", policy });
}

function remove(engine: Engine, name: string, policy: XfrmPolicy): void {
  const users = engine.dataplane.policies.get(name)?.users;
  if (users?.[0]?.spiIn !== NO_CHILD) return;
  users.shift();
  if (users.length > 0) return;
  engine.dataplane.policies.delete(name);
  askFor(engine, name, { op: "delete-policy", id: policy.id });
}

/** The kernel's answer to one of these requests: about the policy of this name. */
export function onStandingAnswer(engine: Engine, name: string, result: KernelResult): void {
  if (result.ok) return;
  // As if it had never been asked for: it is asked for again.
  engine.dataplane.standing = new Map(
    [...engine.dataplane.standing].filter(([other]) => other !== name),
  );
  engine.dataplane.standingRetryAt ??= inMs(engine, RETRY_MS);
  const { operation, object, errno, detail } = result.error;
  count(engine, "kernel_refusals");
  journal(engine, undefined, {
    level: "error",
    step: "kernel",
    outcome: "failed",
    reason: kernelReason(result.error),
    detail: `${operation} ${object}: ${errno}: ${detail}; packets without an SA may leave in clear`,
  });
}

/** A policy that the kernel refused is put again after so long. */
const RETRY_MS = 5_000;

/** First of all: from now on nothing leaves in clear that is to be protected. */
export function startStanding(engine: Engine): void {
  engine.dataplane.isStarted = true;
  applyStanding(engine);
}

/** What the plan wants by now, if the kernel has been asked for anything yet. */
export function changeStanding(engine: Engine): void {
  if (engine.dataplane.isStarted) applyStanding(engine);
}

/** When what the kernel has refused is put again. */
export function standingAt({ dataplane }: Engine): Instant | undefined {
  return dataplane.standingRetryAt;
}

/** Puts what the kernel has refused, when it is time. */
export function retryStanding(engine: Engine): void {
  const { standingRetryAt } = engine.dataplane;
  if (standingRetryAt === undefined || engine.now < standingRetryAt) return;
  engine.dataplane.standingRetryAt = undefined;
  applyStanding(engine);
}

function askFor(engine: Engine, name: string, op: XfrmRequest): void {
  ask(engine, { kind: "standing", name }, (request) => ({ kind: "kernel", request, op }));
}

function isSame(a: XfrmPolicy, b: XfrmPolicy): boolean {
  return (
    a.action === b.action && a.priority === b.priority && a.template?.reqid === b.template?.reqid
  );
}
