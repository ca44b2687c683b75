/** Policies and octets (struct xfrm_userpolicy_info, xfrm_userpolicy_id, xfrm_user_tmpl). */

import { decode, type Malformed, Reader } from "../octets/reader.ts";
import type { Result } from "../octets/result.ts";
import { asAddress, asFamily, emitXfrmAddress, familyNumber } from "./address.ts";
import { emitAttribute, parseAttributes, XFRMA } from "./attribute.ts";
import { type HostWriter, hostU16, hostU32 } from "./host-order.ts";
import { emitLifetime, emitNoCounters } from "./lifetime.ts";
import { emitMarkAndIfId, parseMarkAndIfId } from "./mark.ts";
import { modeNumber, modeOf } from "./mode.ts";
import type { XfrmDirection, XfrmPolicy, XfrmPolicyId, XfrmTemplate } from "./policy.ts";
import { emitSelector, parseSelector, type XfrmSelector } from "./selector.ts";
import { IPPROTO_ESP } from "./state-message.ts";

/** struct xfrm_userpolicy_info, as far as it is needed here. */
export type PolicyInfo = {
  readonly selector: XfrmSelector;
  /** Undefined for a socket's own policy (IP_XFRM_POLICY): dumps contain those, too. */
  readonly direction: XfrmDirection | undefined;
  readonly priority: number;
  readonly blocks: boolean;
};

/** XFRM_POLICY_IN, _OUT, _FWD. */
const DIRECTION_NUMBERS = { in: 0, out: 1, fwd: 2 } as const;
const XFRM_POLICY_ALLOW = 0;
const XFRM_POLICY_BLOCK = 1;
const ANY_ALGORITHM = 0xffff_ffff;

/** The payload of XFRM_MSG_NEWPOLICY and XFRM_MSG_UPDPOLICY. */
export function emitPolicy(w: HostWriter, policy: XfrmPolicy): void {
  emitPolicyInfo(w, policy);
  const { template } = policy;
  if (template !== undefined) emitAttribute(w, XFRMA.TMPL, () => emitTemplate(w, template));
  emitMarkAndIfId(w, policy.id);
}

/** The payload of XFRM_MSG_DELPOLICY and XFRM_MSG_GETPOLICY (struct xfrm_userpolicy_id). */
export function emitPolicyId(w: HostWriter, id: XfrmPolicyId): void {
  emitSelector(w, id.selector); // sel
  w.u32(0); // index: the selector names it
  w.u8(DIRECTION_NUMBERS[id.direction]).zeros(3); // dir
  emitMarkAndIfId(w, id);
}

/** struct xfrm_userpolicy_info: also the format of IP_XFRM_POLICY, for a socket's own policy. */
export function emitPolicyInfo(w: HostWriter, policy: XfrmPolicy): void {
  emitSelector(w, policy.id.selector); // sel
  emitLifetime(w); // lft
  emitNoCounters(w); // curlft
  w.u32(policy.priority).u32(0); // priority, index
  w.u8(DIRECTION_NUMBERS[policy.id.direction]); // dir
  w.u8(policy.action === "block" ? XFRM_POLICY_BLOCK : XFRM_POLICY_ALLOW); // action
  w.zeros(6); // flags, share: XFRM_SHARE_ANY, padding
}

/**
 * The payload of XFRM_MSG_NEWPOLICY as the kernel answers it; undefined for a socket's own policy.
 * If there are several templates, the first is returned; BEET and route optimisation, which are
 * never ours, are read as transport.
 */
export function parsePolicy(octets: Uint8Array): Result<XfrmPolicy | undefined, Malformed> {
  return decode(octets, "XFRM_MSG_NEWPOLICY", (r) => {
    const { selector, direction, priority, blocks } = parsePolicyInfo(r);
    const attributes = parseAttributes(r);
    const template = firstTemplate(attributes);
    if (direction === undefined) return undefined;
    const action = blocks ? "block" : template === undefined ? "pass" : "protect";
    const id = { selector, direction, ...parseMarkAndIfId(attributes) };
    return { id, priority, action, template };
  });
}

/** struct xfrm_userpolicy_info. */
export function parsePolicyInfo(r: Reader): PolicyInfo {
  const selector = parseSelector(r) ?? r.fail("policy without a family in its selector");
  r.skip(96); // lft, curlft
  const priority = hostU32(r);
  r.skip(4); // index
  const direction = asDirection(r.u8());
  const blocks = r.u8() === XFRM_POLICY_BLOCK;
  r.skip(6); // flags, share, padding
  return { selector, direction, priority, blocks };
}

/** The first struct xfrm_user_tmpl of XFRMA_TMPL; undefined without one. */
export function firstTemplate(attributes: Map<number, Uint8Array>): XfrmTemplate | undefined {
  const octets = attributes.get(XFRMA.TMPL);
  if (octets === undefined || octets.length === 0) return undefined;
  return parseTemplate(new Reader(octets, "XFRMA_TMPL"));
}

/** struct xfrm_user_tmpl: ESP with any algorithm, required. */
function emitTemplate(w: HostWriter, template: XfrmTemplate): void {
  emitXfrmAddress(w, template.dst); // id: daddr
  w.u32(0).u8(IPPROTO_ESP).zeros(3); // id: spi, proto
  w.u16(familyNumber(template.dst.family)).zeros(2); // family
  emitXfrmAddress(w, template.src); // saddr
  w.u32(template.reqid); // reqid
  w.u8(modeNumber(template.mode)); // mode
  w.zeros(3); // share, optional, padding
  w.u32(ANY_ALGORITHM).u32(ANY_ALGORITHM).u32(ANY_ALGORITHM); // aalgos, ealgos, calgos
}

function parseTemplate(r: Reader): XfrmTemplate {
  const daddr = r.octets(16);
  r.skip(8); // spi, proto, padding
  const family = asFamily(r, hostU16(r));
  r.skip(2); // padding
  const saddr = r.octets(16);
  const reqid = hostU32(r);
  const mode = modeOf(r.u8());
  r.skip(15); // share, optional, padding, aalgos, ealgos, calgos
  return { src: asAddress(saddr, family), dst: asAddress(daddr, family), reqid, mode };
}

function asDirection(number: number): XfrmDirection | undefined {
  if (number === DIRECTION_NUMBERS.in) return "in";
  if (number === DIRECTION_NUMBERS.out) return "out";
  return number === DIRECTION_NUMBERS.fwd ? "fwd" : undefined;
}
