/**
 * What the kernel reports on its own: acquire, expire, mapping, removal (XFRM multicast groups).
 */

import type { Address } from "../inet/address.ts";
import type { Prefix } from "../inet/prefix.ts";
import { decode, type Malformed, Reader } from "../octets/reader.ts";
import { ok, type Result } from "../octets/result.ts";
import { asAddress } from "./address.ts";
import { parseAttributes, XFRMA } from "./attribute.ts";
import { hostU32 } from "./host-order.ts";
import { parseMarkAndIfId } from "./mark.ts";
import { XFRM_MSG } from "./message-type.ts";
import type { NetlinkMessage } from "./netlink.ts";
import type { XfrmPolicyId } from "./policy.ts";
import { firstTemplate, parsePolicyInfo } from "./policy-message.ts";
import { parseSelector, type XfrmSelector } from "./selector.ts";
import type { XfrmMapping, XfrmStateId } from "./state.ts";
import { parseStateId, parseStateInfo } from "./state-message.ts";

/** A packet matched a policy that has no state (XFRM_MSG_ACQUIRE). */
export type XfrmAcquire = {
  readonly src: Address;
  readonly dst: Address;
  readonly reqid: number;
  /** The packet that caused it: its addresses, protocol and ports. */
  readonly packet: XfrmSelector;
  readonly policy: XfrmPolicyId;
};

/** A state reached a limit (XFRM_MSG_EXPIRE): soft means replace it, hard that it is gone. */
export type XfrmExpire = {
  readonly id: XfrmStateId;
  readonly reqid: number;
  readonly hard: boolean;
};

/** What was removed; `policy`: also one that was replaced. */
export type XfrmRemoval =
  | { readonly what: "state"; readonly id: Pick<XfrmStateId, "dst" | "spi"> }
  | { readonly what: "policy"; readonly id: XfrmPolicyId }
  /** All states, or all policies. */
  | { readonly what: "states" | "policies" }
  | { readonly what: "route"; readonly destination: Prefix };

export type XfrmEvent =
  | { readonly kind: "acquire"; readonly acquire: XfrmAcquire }
  | { readonly kind: "expire"; readonly expire: XfrmExpire }
  | { readonly kind: "mapping"; readonly mapping: XfrmMapping }
  /** By another program: `by` is its netlink port, usually its process ID; 0 is the kernel. */
  | { readonly kind: "removed"; readonly removal: XfrmRemoval; readonly by: number };

/** The event in a message; undefined for any other message and for what is not about ESP SAs. */
export function parseXfrmEvent(message: NetlinkMessage): Result<XfrmEvent | undefined, Malformed> {
  switch (message.type) {
    case XFRM_MSG.ACQUIRE:
      return decode(message.payload, "XFRM_MSG_ACQUIRE", parseAcquire);
    case XFRM_MSG.EXPIRE:
      return decode(message.payload, "XFRM_MSG_EXPIRE", parseExpire);
    case XFRM_MSG.MAPPING:
      return decode(message.payload, "XFRM_MSG_MAPPING", parseMapping);
    default:
      return parseRemoval(message);
  }
}

function parseRemoval({
  type,
  payload,
  portId: by,
}: NetlinkMessage): Result<XfrmEvent | undefined, Malformed> {
  const told = (removal: XfrmRemoval): XfrmEvent => ({ kind: "removed", removal, by });
  switch (type) {
    case XFRM_MSG.FLUSHSA:
      return ok(told({ what: "states" }));
    case XFRM_MSG.FLUSHPOLICY:
      return ok(told({ what: "policies" }));
    case XFRM_MSG.DELSA:
      return decode(payload, "XFRM_MSG_DELSA", (r) => {
        const { dst, spi } = parseStateId(r);
        return told({ what: "state", id: { dst, spi } });
      });
    case XFRM_MSG.DELPOLICY:
      return decode(payload, "XFRM_MSG_DELPOLICY", (r) => {
        const id = parseRemovedPolicy(r);
        return id === undefined ? undefined : told({ what: "policy", id });
      });
    case XFRM_MSG.UPDPOLICY:
      return decode(payload, "XFRM_MSG_UPDPOLICY", (r) => {
        const { selector, direction } = parsePolicyInfo(r);
        const tags = parseMarkAndIfId(parseAttributes(r));
        if (direction === undefined) return undefined;
        return told({ what: "policy", id: { selector, direction, ...tags } });
      });
    default:
      return ok(undefined);
  }
}

/**
 * struct xfrm_userpolicy_id, which may name the policy by number only; XFRMA_POLICY has all of it.
 */
function parseRemovedPolicy(r: Reader): XfrmPolicyId | undefined {
  r.skip(POLICY_ID_OCTETS);
  const attributes = parseAttributes(r);
  const policy = attributes.get(XFRMA.POLICY);
  if (policy === undefined) return undefined;
  const { selector, direction } = parsePolicyInfo(new Reader(policy, "XFRMA_POLICY"));
  return direction === undefined
    ? undefined
    : { selector, direction, ...parseMarkAndIfId(attributes) };
}

const POLICY_ID_OCTETS = 64;

/** struct xfrm_user_acquire: only the template has the family of its addresses. */
function parseAcquire(r: Reader): XfrmEvent | undefined {
  const daddr = r.octets(16); // id
  r.skip(8); // id: spi, proto, padding
  const saddr = r.octets(16);
  const packet = parseSelector(r);
  const { selector, direction } = parsePolicyInfo(r);
  r.skip(16); // aalgos, ealgos, calgos, seq
  const attributes = parseAttributes(r);
  const template = firstTemplate(attributes);
  if (template === undefined || packet === undefined || direction === undefined) return undefined;
  const { family } = template.dst;
  const policy = { selector, direction, ...parseMarkAndIfId(attributes) };
  const [src, dst] = [asAddress(saddr, family), asAddress(daddr, family)];
  return { kind: "acquire", acquire: { src, dst, reqid: template.reqid, packet, policy } };
}

/** struct xfrm_user_expire. A state without SPI is an acquire that was not answered in time. */
function parseExpire(r: Reader): XfrmEvent | undefined {
  const { id, reqid } = parseStateInfo(r);
  const hard = r.u8() !== 0;
  return id.spi === 0 ? undefined : { kind: "expire", expire: { id, reqid, hard } };
}

/** struct xfrm_user_mapping. */
function parseMapping(r: Reader): XfrmEvent {
  const { dst, spi, family } = parseStateId(r);
  const reqid = hostU32(r);
  const src = asAddress(r.octets(16), family); // old_saddr
  const address = asAddress(r.octets(16), family); // new_saddr
  r.skip(2); // old_sport
  const port = r.u16(); // new_sport
  return { kind: "mapping", mapping: { id: { src, dst, spi }, reqid, from: { address, port } } };
}
