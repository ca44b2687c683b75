/** What holds in every world after every event: kernel, engine and sites agree. */

import type { Effect } from "../../src/concentrator/effect.ts";
import type { ErouteView, Snapshot, TableSizes } from "../../src/concentrator/snapshot.ts";
import { formatAddress } from "../../src/inet/address.ts";
import { equalOctets } from "../../src/octets/concat.ts";
import { parseHeader } from "../../src/wire/header.ts";
import { ExchangeType } from "../../src/wire/v1/header.ts";
import type { XfrmPolicy } from "../../src/xfrm/policy.ts";
import type { XfrmRequest } from "../../src/xfrm/request.ts";
import { formatPolicyId, formatStateId, TRAP_REQID } from "../../src/xfrm/request.ts";
import { type KernelModel, stateKey } from "./kernel.ts";
import { CONCENTRATOR } from "./plan.ts";
import type { SiteChild } from "./site-state.ts";

/** Gets each violation, in words. */
export type Complain = (what: string) => void;

/** States and policies against the engine's Child SAs; no kernel request may be in flight. */
export function checkKernel(
  kernel: KernelModel,
  eroutes: readonly ErouteView[],
  beside: {
    /** Inbound states that still accept packets from before a rekey. */
    readonly draining: number;
    /** Policies that exist without an SA, by name (R14). */
    readonly standing: ReadonlyMap<string, XfrmPolicy>;
  },
  complain: Complain,
): void {
  const { draining, standing } = beside;
  const expected = new Set<string>();
  const policies = new Set<string>();
  for (const eroute of eroutes) {
    for (const child of eroute.childSas) {
      const inbound = `${child.localAddress} ${child.spiIn}`;
      const outbound = `${child.remoteAddress} ${child.spiOut}`;
      expected.add(inbound).add(outbound);
      if (!kernel.states.has(inbound)) complain(`Child SA ${inbound} has no inbound state`);
      if (!kernel.states.has(outbound) && !hasPredecessor(kernel, eroute, child)) {
        complain(`Child SA ${outbound} has no outbound state, and nothing else sends`);
      }
      for (const key of policyKeys(child)) policies.add(key);
    }
  }
  const others = [...kernel.states].filter(([key]) => !expected.has(key));
  if (others.length > draining || others.some(([, { state }]) => state.direction !== "in")) {
    for (const [, { state }] of others) {
      complain(`${formatStateId(state.id)} belongs to no Child SA`);
    }
  }
  for (const [key, policy] of kernel.policies) {
    const stands = standing.get(formatPolicyId(policy.id));
    if (policies.has(key)) continue;
    if (stands === undefined) complain(`${formatPolicyId(policy.id)} belongs to no Child SA`);
    else if (JSON.stringify(plain(stands)) !== JSON.stringify(plain(policy))) {
      complain(`${formatPolicyId(policy.id)} is not the one that stands without an SA`);
    }
  }
  const names = new Set([...kernel.policies.values()].map(({ id }) => formatPolicyId(id)));
  for (const name of standing.keys()) {
    if (!names.has(name)) complain(`${name} does not stand: packets may leave in clear`);
  }
  for (const key of policies) {
    if (!kernel.policies.has(key)) complain(`policy ${key} of a Child SA is missing`);
  }
  for (const policy of kernel.policies.values()) checkTemplate(kernel, policy, complain);
}

/** Not a trap, a block or an exception. */
function isOfChild({ template }: XfrmPolicy): boolean {
  return template !== undefined && template.reqid !== TRAP_REQID;
}

function plain({ action, priority, template }: XfrmPolicy): readonly unknown[] {
  return [action, priority, template?.reqid, template?.mode];
}

/** Counts kept beside tables are right, and the table of dynamic eroutes is within its limit. */
export function checkTables(
  sizes: TableSizes,
  { gauges, counters }: Snapshot,
  complain: Complain,
): void {
  for (const name of ["halfOpen", "lingering", "dynamicEroutes"] as const) {
    const { kept, counted } = sizes[name];
    if (kept !== counted) complain(`${name}: ${kept} kept, ${counted} counted`);
  }
  if (gauges.dynamicEroutes > gauges.dynamicEroutesMax) {
    complain(`R7: ${gauges.dynamicEroutes} dynamic eroutes, at most ${gauges.dynamicEroutesMax}`);
  }
  if (sizes.reqids !== sizes.reqidsTaken) complain("a reqid is taken by nobody");
  if (sizes.textsAdrift > 0) complain("a text that no entry points to");
  if (sizes.callsAdrift > 0) complain("a call whose IKE SA has gone without it");
  if (counters.internal_errors > 0) complain("an internal error was counted");
}

/** R5: an eroute in use has an established IKE SA. */
export function checkEroutes(eroutes: readonly ErouteView[], complain: Complain): void {
  for (const eroute of eroutes) {
    if (eroute.state !== "established") {
      complain(`R5: ${eroute.kind} eroute ${eroute.name} is ${eroute.state} without an IKE SA`);
    }
  }
}

/** After the last site has gone, all tables are empty. */
export function checkEmpty(
  sizes: TableSizes,
  kernel: KernelModel,
  standing: number,
  complain: Complain,
): void {
  for (const [name, size] of Object.entries(sizes)) {
    if (name === "policies" && size === standing) continue;
    const count = typeof size === "number" ? size : Math.max(size.kept, size.counted);
    if (count !== 0) complain(`${name}: ${count} left at the end`);
  }
  if (kernel.states.size > 0) complain(`${kernel.states.size} states left at the end`);
  const policies = kernel.policies.size - standing;
  if (policies !== 0) complain(`${policies} policies left at the end`);
}

/**
 * Order of kernel requests: inbound before outbound, states before policies; removal the other way
 * round.
 */
export function checkRequest(kernel: KernelModel, op: XfrmRequest, complain: Complain): void {
  const { states, policies } = kernel;
  const ofReqid = (reqid: number, direction: "in" | "out") =>
    [...states.values()].some(
      ({ state }) => state.reqid === reqid && state.direction === direction,
    );
  if (op.op === "new-state" && op.state.direction === "out") {
    if (!ofReqid(op.state.reqid, "in")) complain("an outbound state before its inbound state");
  }
  if (op.op === "put-policy" && isOfChild(op.policy)) {
    const direction = op.policy.id.direction === "out" ? "out" : "in";
    if (!ofReqid(op.policy.template?.reqid ?? 0, direction)) complain("a policy before its states");
  }
  if (op.op === "delete-state") {
    const reqid = states.get(stateKey(op.id))?.state.reqid;
    const isOut = formatAddress(op.id.dst) !== CONCENTRATOR;
    if (reqid === undefined) return;
    const same = [...states.values()].filter(
      ({ state }) => state.reqid === reqid && (state.direction === "out") === isOut,
    );
    const stands = [...policies.values()].some((policy) => policy.template?.reqid === reqid);
    if (same.length === 1 && stands) complain("a state removed before its policies");
    const pair = same.length === 1 && !isOut && ofReqid(reqid, "out");
    if (pair) complain("an inbound state removed before its outbound state");
  }
}

/** Within one event, no message is sent that depends on kernel requests of the same event. */
export function checkEffects(effects: readonly Effect[], complain: Complain): void {
  const firstSend = effects.findIndex((effect) => effect.kind === "send" && !isIkev1Delete(effect));
  const isInstall = (effect: Effect) => effect.kind === "kernel" && effect.op.op === "new-state";
  const lastInstall = effects.findLastIndex(isInstall);
  const isTakeOver = effects.some((e) => e.kind === "kernel" && e.op.op === "delete-state");
  if (firstSend >= 0 && firstSend < lastInstall && !isTakeOver) {
    complain("a message was sent before the kernel had the states that go with it");
  }
}

/** IKEv1 has no answers to Deletes: one that makes room for a new Child SA goes out by itself. */
function isIkev1Delete({ octets }: Extract<Effect, { kind: "send" }>): boolean {
  const header = parseHeader(octets);
  if (!header.ok) return false;
  const { version, exchangeType } = header.value;
  return version.major === 1 && exchangeType === ExchangeType.INFORMATIONAL;
}

/** Before a site learns of a Child SA, the kernel has our inbound state, with the same keys. */
export function checkSiteChild(
  kernel: KernelModel,
  child: SiteChild,
  sentAt: number,
  complain: Complain,
): void {
  const made = kernel.history.get(`${CONCENTRATOR} ${child.spiOut}`);
  if (made === undefined) return complain(`the site's Child SA ${child.spiOut} never had a state`);
  if (made.madeAt >= sentAt) complain("the site was told before the kernel had the state");
  const { encryption, integrity } = child.keys.initiator;
  const [first, second] = made.keys;
  if (first === undefined || !equalOctets(first, encryption)) {
    complain("the site's encryption key differs from the kernel's");
  }
  if (second !== undefined && !equalOctets(second, integrity)) {
    complain("the site's integrity key differs from the kernel's");
  }
}

/** Until the site deletes what it rekeyed, the old Child SA with the same selectors sends. */
function hasPredecessor(
  kernel: KernelModel,
  eroute: ErouteView,
  child: ErouteView["childSas"][number],
): boolean {
  return eroute.childSas.some(
    (other) =>
      other !== child &&
      `${other.localSubnets} ${other.remoteSubnets}` ===
        `${child.localSubnets} ${child.remoteSubnets}` &&
      kernel.states.has(`${other.remoteAddress} ${other.spiOut}`),
  );
}

/** `in 192.168.1.0/24 10.0.0.0/16` and so on, as the kernel model names policies. */
function policyKeys(child: ErouteView["childSas"][number]): string[] {
  const keys: string[] = [];
  for (const local of child.localSubnets) {
    for (const remote of child.remoteSubnets) {
      keys.push(`in ${remote} ${local} 0//`, `fwd ${remote} ${local} 0//`);
      keys.push(`out ${local} ${remote} 0//`);
    }
  }
  return keys;
}

function checkTemplate(
  kernel: KernelModel,
  policy: KernelModel["policies"] extends ReadonlyMap<string, infer P> ? P : never,
  complain: Complain,
): void {
  const { template, id } = policy;
  if (template === undefined || !isOfChild(policy)) return;
  const direction = id.direction === "out" ? "out" : "in";
  const found = [...kernel.states.values()].some(
    ({ state }) =>
      state.reqid === template.reqid &&
      state.direction === direction &&
      state.id.dst.value === template.dst.value,
  );
  if (!found) complain(`${formatPolicyId(id)} asks for a state that is not there`);
}
