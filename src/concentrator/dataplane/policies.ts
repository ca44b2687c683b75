/** Policies in the kernel, shared by selector: the last Child SA using one sets the template. */

import type { EspSpi } from "../../inet/esp-spi.ts";
import type { XfrmPolicy, XfrmPolicyId, XfrmTemplate } from "../../xfrm/policy.ts";
import { formatPolicyId } from "../../xfrm/request.ts";
import type { Engine } from "../engine.ts";
import { installedAt } from "./child-sas.ts";
import type { Dataplane } from "./dataplane.ts";
import type { Installed } from "./installed.ts";
import type { PolicyUser } from "./policy-table.ts";
import { request } from "./request.ts";
import { type ChildPlace, childPolicies, childPolicy, childTemplate } from "./xfrm-of-child.ts";

/** A policy that a Child SA wants, and its name, which is made once, if it is asked for. */
export class NamedPolicy {
  readonly policy: XfrmPolicy;
  #name: string | undefined;

  constructor(policy: XfrmPolicy) {
    this.policy = policy;
  }

  get name(): string {
    this.#name ??= formatPolicyId(this.policy.id);
    return this.#name;
  }
}

/** Each with its name. */
export function withNames(policies: readonly XfrmPolicy[]): readonly NamedPolicy[] {
  return policies.map((policy) => new NamedPolicy(policy));
}

/** The policies of a Child SA in the kernel. */
export function policiesOf({ policies, place }: Installed): readonly XfrmPolicy[] {
  return policies ?? childPolicies(place);
}

/** Whether it is a Child SA that uses it. */
export function isChild(user: PolicyUser): user is EspSpi {
  return typeof user === "number";
}

/** The policy of this name as the kernel has it: that of its last user. */
export function policyInForce(engine: Engine, name: string): XfrmPolicy | undefined {
  const user = engine.dataplane.policies.usersOf(name).at(-1);
  if (user === undefined || !isChild(user)) return user;
  const installed = installedAt(engine, user);
  if (installed === undefined) return undefined;
  return policyNamed(engine.dataplane, installed.place, name);
}

/** A Child SA may have hundreds, and they are asked for one after the other. */
function policyNamed(dataplane: Dataplane, place: ChildPlace, name: string) {
  if (dataplane.lastNamed?.place !== place) {
    const byName = new Map(childPolicies(place).map((one) => [formatPolicyId(one.id), one]));
    dataplane.lastNamed = { place, byName };
  }
  return dataplane.lastNamed.byName.get(name);
}

/** Whether nobody uses this policy in, nor those forward and out of the same pair of selectors. */
export function isPairFree({ dataplane }: Engine, inward: NamedPolicy): boolean {
  return dataplane.policies.isPairFree(inward.name);
}

/** Keys of the eroutes in use whose Child SAs use this policy, in the order in which they came. */
export function policyHolders(engine: Engine, name: string): readonly string[] {
  return engine.dataplane.policies.usersOf(name).flatMap((user) => {
    return isChild(user) ? (installedAt(engine, user)?.erouteKey ?? []) : [];
  });
}

/**
 * Puts the policies of a Child SA into the kernel, as {@link childPolicies} makes them, unless they
 * are there already with the same template.
 */
export function usePolicies(
  engine: Engine,
  installed: Installed,
  policies: readonly NamedPolicy[],
): void {
  const { policies: table } = engine.dataplane;
  let isTaken = false;
  for (const one of policies) {
    const { policy } = one;
    // The three of a pair come one after another.
    if (policy.id.direction === "in") isTaken = table.takePair(one.name, installed.child.spiIn);
    if (isTaken) request(engine, { op: "put-policy", policy }, { installed, makes: undefined });
    else usePolicy(engine, installed, one);
  }
}

function usePolicy(engine: Engine, installed: Installed, { name, policy }: NamedPolicy): void {
  const { dataplane } = engine;
  const users = dataplane.policies.usersOf(name);
  // Where sites share a subnet, a rekey of the older one does not take the packets back.
  const isOwn = (user: PolicyUser) =>
    isChild(user) && installedAt(engine, user)?.erouteKey === installed.erouteKey;
  const own = users.findLastIndex(isOwn);
  const at = own < 0 ? users.length : own + 1;
  dataplane.policies.put(name, users.toSpliced(at, 0, installed.child.spiIn));
  if (at < users.length) return;
  const before = templateOf(engine, users.at(-1), policy.id);
  if (sameTemplate(before, policy.template)) return;
  request(engine, { op: "put-policy", policy }, { installed, makes: undefined });
}

/** The Child SA's policies get another template; what they are for stays. */
export function changePolicies(engine: Engine, installed: Installed, before: ChildPlace): void {
  const policies = childPolicies(installed.place);
  if (installed.policies !== undefined) installed.policies = policies;
  for (const policy of policies) {
    const { id, template } = policy;
    const inForce = engine.dataplane.policies.usersOf(formatPolicyId(id)).at(-1);
    if (inForce !== installed.child.spiIn) continue;
    if (sameTemplate(childTemplate(before, id.direction), template)) continue;
    request(engine, { op: "put-policy", policy }, { installed, makes: undefined });
  }
}

/** Returns the policy to the Child SA that used it before, or removes it from the kernel. */
export function releasePolicy(engine: Engine, installed: Installed, { id }: XfrmPolicy): void {
  const { dataplane } = engine;
  const name = formatPolicyId(id);
  const users = dataplane.policies.usersOf(name);
  const at = users.indexOf(installed.child.spiIn);
  if (at < 0) return;
  dataplane.policies.put(name, users.toSpliced(at, 1));
  if (users.length === 1) {
    request(engine, { op: "delete-policy", id });
    return;
  }
  if (at < users.length - 1) return;
  const next = users[at - 1];
  const policy = next === undefined ? undefined : policyWith(engine, next, id);
  const left = childTemplate(installed.place, id.direction);
  if (policy === undefined || sameTemplate(left, policy.template)) return;
  request(engine, { op: "put-policy", policy });
}

/** What it would be if this user were in force. */
function policyWith(engine: Engine, user: PolicyUser, id: XfrmPolicyId): XfrmPolicy | undefined {
  if (!isChild(user)) return user;
  const installed = installedAt(engine, user);
  return installed === undefined ? undefined : childPolicy(installed.place, id);
}

function templateOf(engine: Engine, user: PolicyUser | undefined, { direction }: XfrmPolicyId) {
  if (user === undefined || !isChild(user)) return user?.template;
  const installed = installedAt(engine, user);
  return installed === undefined ? undefined : childTemplate(installed.place, direction);
}

function sameTemplate(a: XfrmTemplate | undefined, b: XfrmTemplate | undefined): boolean {
  return (
    a !== undefined &&
    b !== undefined &&
    a.reqid === b.reqid &&
    a.mode === b.mode &&
    a.src.value === b.src.value &&
    a.dst.value === b.dst.value
  );
}
