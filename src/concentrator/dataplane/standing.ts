/** Policies that stand without an SA: put, replaced and removed as the configuration says (R14). */

import type { Instant } from "../../octets/instant.ts";
import type { XfrmPolicy } from "../../xfrm/policy.ts";
import type { KernelResult, XfrmRequest } from "../../xfrm/request.ts";
import { ask } from "../ask.ts";
import { changedHead } from "../changes.ts";
import { count, type Engine, inMs } from "../engine.ts";
import { journal } from "../journal/write.ts";
import { kernelReason } from "./kernel-reason.ts";
import { standingPolicies } from "./no-sa.ts";
import { isChild } from "./policies.ts";

/** In place of a Child SA's SPI, where policies are written that belong to none. */
export const NO_CHILD = 0;

/**
 * Changes the standing policies in the kernel to those that the plan wants. Policies of Child SAs
 * with the same selectors stay in force. Each change is one replacement, without a gap.
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
  changedHead(engine);
}

function put(engine: Engine, name: string, policy: XfrmPolicy): void {
  const children = engine.dataplane.policies.usersOf(name).filter(isChild);
  engine.dataplane.policies.put(name, [policy, ...children]);
  if (children.length === 0) askFor(engine, name, { op: "put-policy", policy });
}

function remove(engine: Engine, name: string, policy: XfrmPolicy): void {
  const users = engine.dataplane.policies.usersOf(name);
  const children = users.filter(isChild);
  if (children.length === users.length) return;
  engine.dataplane.policies.put(name, children);
  if (children.length > 0) return;
  askFor(engine, name, { op: "delete-policy", id: policy.id });
}

/** The kernel's answer to the request for the policy of this name. */
export function onStandingAnswer(engine: Engine, name: string, result: KernelResult): void {
  if (result.ok) return;
  // Treated as if it had never been asked for: it will be asked for again.
  engine.dataplane.standing = new Map(
    [...engine.dataplane.standing].filter(([other]) => other !== name),
  );
  changedHead(engine);
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

/** From now on nothing that is to be protected leaves in clear. */
export function startStanding(engine: Engine): void {
  engine.dataplane.isStarted = true;
  applyStanding(engine);
}

/** Applies what the plan wants now, unless nothing has been asked of the kernel yet. */
export function changeStanding(engine: Engine): void {
  if (engine.dataplane.isStarted) applyStanding(engine);
}

/** When policies that the kernel refused are put again. */
export function standingAt({ dataplane }: Engine): Instant | undefined {
  return dataplane.standingRetryAt;
}

/** Puts policies that the kernel refused, when it is time. */
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
