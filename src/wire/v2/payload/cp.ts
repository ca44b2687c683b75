/** The Configuration payload (RFC 7296 §3.15). */

import { assert } from "../../../octets/assert.ts";
import type { Reader } from "../../../octets/reader.ts";
import type { Writer } from "../../../octets/writer.ts";
import type { CpPayload } from "../message.ts";

/** So many attributes of a Configuration payload are read; the rest is skipped. */
export const CP_ATTRIBUTES_MAX = 256;

/** CFG Type (§3.15). */
export const CfgType = { REQUEST: 1, REPLY: 2, SET: 3, ACK: 4 } as const;

/** Attribute types that we know (§3.15.1). */
export const CfgAttribute = {
  INTERNAL_IP4_ADDRESS: 1,
  INTERNAL_IP4_NETMASK: 2,
  INTERNAL_IP4_DNS: 3,
  INTERNAL_IP6_ADDRESS: 8,
  INTERNAL_IP6_DNS: 10,
  INTERNAL_IP4_SUBNET: 13,
  SUPPORTED_ATTRIBUTES: 14,
  INTERNAL_IP6_SUBNET: 15,
} as const;

// |   CFG Type    |                    RESERVED                   |
// ~                   Configuration Attributes                    ~
//
// |R|         Attribute Type      |            Length             |
// ~                             Value                             ~

/** Reads a Configuration payload; attributes of unknown type are kept like any other. */
export function parseCp(r: Reader): CpPayload {
  const cfgType = r.u8();
  r.skip(3); // RESERVED: MUST be ignored on receipt
  const attributes: CpPayload["attributes"][number][] = [];
  while (r.left > 0) {
    if (attributes.length === CP_ATTRIBUTES_MAX) {
      r.rest();
      break;
    }
    const type = r.u16() & ATTRIBUTE_TYPE; // the first bit is reserved
    const octets = r.u16();
    if (octets > r.left) {
      const place = `attribute ${attributes.length + 1} of type ${type}`;
      r.fail(`${place}: Length ${octets}, but ${r.left} octets are left`);
    }
    attributes.push({ type, value: r.octets(octets) });
  }
  return { kind: "CP", cfgType, attributes };
}

/** Writes the body of a Configuration payload. */
export function emitCp(w: Writer, payload: CpPayload): void {
  w.u8(payload.cfgType).zeros(3);
  for (const { type, value } of payload.attributes) {
    assert(type <= ATTRIBUTE_TYPE, `configuration attribute type ${type}`);
    assert(value.length <= 0xffff, `a configuration attribute of ${value.length} octets`);
    w.u16(type).u16(value.length).octets(value);
  }
}

/** Octets of the body that {@link emitCp} writes. */
export function cpLength(payload: CpPayload): number {
  let octets = 4;
  for (const { value } of payload.attributes) octets += 4 + value.length;
  return octets;
}

const ATTRIBUTE_TYPE = 0x7fff;
