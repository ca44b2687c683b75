/** Policies in the kernel, shared by selector: the last Child SA using one sets the template. */

import type { ChildSa } from "../../ike/child-sa.ts";
import type { XfrmPolicy, XfrmPolicyId } from "../../xfrm/policy.ts";
import { formatPolicyId } from "../../xfrm/request.ts";
import type { Engine } from "../engine.ts";
import type { Installed, PolicyUse } from "./installed.ts";
import { request } from "./request.ts";

/** Keys of the eroutes in use whose Child SAs use this policy, in the order in which they came. */
export function policyHolders({ dataplane }: Engine, id: XfrmPolicyId): readonly string[] {
  const users = dataplane.policies.get(formatPolicyId(id))?.users;
  if (users === undefined) return NOBODY;
  return users.flatMap(({ spiIn }) => {
    const installed = dataplane.installed.get(spiIn as Installed["child"]["spiIn"]);
    return installed?.erouteKey ?? [];
  });
}

const NOBODY: readonly string[] = [];

/** Puts the policy into the kernel unless it is there already with the same template. */
export function usePolicy(engine: Engine, installed: Installed, policy: XfrmPolicy): void {
  const key = formatPolicyId(policy.id);
  const use = engine.dataplane.policies.get(key);
  if (use === undefined) {
    const users = [{ spiIn: installed.child.spiIn, policy }];
    engine.dataplane.policies.set(key, { id: policy.id, users });
    request(engine, { op: "put-policy", policy }, { installed, makes: undefined });
    return;
  }
  const before = use.users.at(-1)?.policy;
  // Where sites share a subnet, a rekey of the older one does not take the packets back.
  const isOwn = ({ spiIn }: PolicyUse["users"][number]) =>
    engine.dataplane.installed.get(spiIn as ChildSa["spiIn"])?.erouteKey === installed.erouteKey;
  const own = use.users.findLastIndex(isOwn);
  const at = own < 0 ? use.users.length : own + 1;
  use.users.splice(at, 0, { spiIn: installed.child.spiIn, policy });
  if (at < use.users.length - 1) return;
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
    const users = engine.dataplane.policies.get(formatPolicyId(policy.id))?.users ?? [];
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
  const use = engine.dataplane.policies.get(key);
  if (use === undefined) return;
  const inForce = use.users.at(-1);
  const at = use.users.findIndex((user) => user.spiIn === installed.child.spiIn);
  if (at < 0) return;
  use.users.splice(at, 1);
  const next = use.users.at(-1);
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
