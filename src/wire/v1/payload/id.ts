/** The Identification payload (RFC 2407 §4.6.2). */

import type { Reader } from "../../../octets/reader.ts";
import type { Writer } from "../../../octets/writer.ts";
import { IDENTITY_OCTETS_MAX } from "../../identity.ts";
import type { IdPayload } from "../message.ts";

/** ID types of IKEv1 (RFC 2407 §4.6.2.1); those of IKEv2 have the same numbers. */
export const IdType = {
  IPV4_ADDR: 1,
  FQDN: 2,
  USER_FQDN: 3,
  IPV4_ADDR_SUBNET: 4,
  IPV6_ADDR: 5,
  IPV6_ADDR_SUBNET: 6,
  IPV4_ADDR_RANGE: 7,
  IPV6_ADDR_RANGE: 8,
  DER_ASN1_DN: 9,
  DER_ASN1_GN: 10,
  KEY_ID: 11,
} as const;

// |   ID Type     |  Protocol ID  |             Port              |
// ~                     Identification Data                       ~

/** Reads an ID payload; faults if an address has the wrong length, or the data is too long. */
export function parseId(r: Reader): IdPayload {
  const idType = r.u8();
  const protocol = r.u8();
  const port = r.u16();
  if (r.left > IDENTITY_OCTETS_MAX) {
    r.fail(`Identification Data of ${r.left} octets, at most ${IDENTITY_OCTETS_MAX}`);
  }
  const needs = ADDRESS_OCTETS.get(idType);
  if (needs !== undefined && r.left !== needs) {
    r.fail(`ID Type ${idType} needs ${needs} octets, has ${r.left}`);
  }
  if (r.left === 0) r.fail("Identification Data needs at least 1 octet, has 0");
  return { kind: "ID", identity: { idType, data: r.rest() }, protocol, port };
}

/** Writes the body of an ID payload. */
export function emitId(w: Writer, { identity, protocol, port }: IdPayload): void {
  w.u8(identity.idType).u8(protocol).u16(port).octets(identity.data);
}

const ADDRESS_OCTETS: ReadonlyMap<number, number> = new Map([
  [IdType.IPV4_ADDR, 4],
  [IdType.IPV4_ADDR_SUBNET, 8],
  [IdType.IPV4_ADDR_RANGE, 8],
  [IdType.IPV6_ADDR, 16],
  [IdType.IPV6_ADDR_SUBNET, 32],
  [IdType.IPV6_ADDR_RANGE, 32],
]);
