/** Policies in the kernel, shared by selector: the last Child SA using one sets the template. */

import type { ChildSa } from "../../ike/child-sa.ts";
import type { XfrmPolicy } from "../../xfrm/policy.ts";
import { formatPolicyId } from "../../xfrm/request.ts";
import type { Engine } from "../engine.ts";
import type { Installed, PolicyUser } from "./installed.ts";
import { request } from "./request.ts";

/** A policy that a Child SA wants, and its name, which is made only once. */
export type NamedPolicy = { readonly name: string; readonly policy: XfrmPolicy };

/** Each with its name. */
export function withNames(policies: readonly XfrmPolicy[]): readonly NamedPolicy[] {
  return policies.map((policy) => ({ name: formatPolicyId(policy.id), policy }));
}

/** Keys of the eroutes in use whose Child SAs use this policy, in the order in which they came. */
export function policyHolders({ dataplane }: Engine, name: string): readonly string[] {
  const users = dataplane.policies.get(name);
  if (users === undefined) return NOBODY;
  return users.flatMap(({ spiIn }) => {
    const installed = dataplane.installed.get(spiIn as Installed["child"]["spiIn"]);
    return installed?.erouteKey ?? [];
  });
}

const NOBODY: readonly string[] = [];

/** Puts the policy into the kernel unless it is there already with the same template. */
export function usePolicy(
  engine: Engine,
  installed: Installed,
  { name, policy }: NamedPolicy,
): void {
  const users = engine.dataplane.policies.get(name);
  if (users === undefined) {
    engine.dataplane.policies.set(name, [{ spiIn: installed.child.spiIn, policy }]);
    request(engine, { op: "put-policy", policy }, { installed, makes: undefined });
    return;
  }
  const before = users.at(-1)?.policy;
  // Where sites share a subnet, a rekey of the older one does not take the packets back.
  const isOwn = ({ spiIn }: PolicyUser) =>
    engine.dataplane.installed.get(spiIn as ChildSa["spiIn"])?.erouteKey === installed.erouteKey;
  const own = users.findLastIndex(isOwn);
  const at = own < 0 ? users.length : own + 1;
  users.splice(at, 0, { spiIn: installed.child.spiIn, policy });
  if (at < users.length - 1) return;
  if (before !== undefined && sameTemplate(before, policy)) return;
  request(engine, { op: "put-policy", policy }, { installed, makes: undefined });
}

/** The Child SA's policies get another template; what they are for stays. */
export function changePolicies(
  engine: Engine,
  installed: Installed,
  policies: readonly XfrmPolicy[],
): void {
  installed.policies = policies;
  const { spiIn } = installed.child;
  for (const policy of policies) {
    const users = engine.dataplane.policies.get(formatPolicyId(policy.id)) ?? [];
    const at = users.findIndex((user) => user.spiIn === spiIn);
    const before = users[at];
    if (before === undefined) continue;
    users[at] = { spiIn, policy };
    const isInForce = at === users.length - 1;
    if (!isInForce || sameTemplate(before.policy, policy)) continue;
    request(engine, { op: "put-policy", policy }, { installed, makes: undefined });
  }
}

/** Returns the policy to the Child SA that used it before, or removes it from the kernel. */
export function releasePolicy(engine: Engine, installed: Installed, policy: XfrmPolicy): void {
  const key = formatPolicyId(policy.id);
  const users = engine.dataplane.policies.get(key);
  if (users === undefined) return;
  const inForce = users.at(-1);
  const at = users.findIndex((user) => user.spiIn === installed.child.spiIn);
  if (at < 0) return;
  users.splice(at, 1);
  const next = users.at(-1);
  if (next === undefined) {
    engine.dataplane.policies.delete(key);
    request(engine, { op: "delete-policy", id: policy.id });
  } else if (inForce !== undefined && !sameTemplate(inForce.policy, next.policy)) {
    request(engine, { op: "put-policy", policy: next.policy });
  }
}

function sameTemplate(a: XfrmPolicy, b: XfrmPolicy): boolean {
  return (
    a.template !== undefined &&
    b.template !== undefined &&
    a.template.reqid === b.template.reqid &&
    a.template.mode === b.template.mode &&
    a.template.src.value === b.template.src.value &&
    a.template.dst.value === b.template.dst.value
  );
}
