/** The Identification payloads (RFC 7296 §3.5). */

import type { Reader } from "../../../octets/reader.ts";
import { Writer } from "../../../octets/writer.ts";
import { type Identity, IdType } from "../../identity.ts";
import type { IdPayload } from "../message.ts";

// |   ID Type     |                 RESERVED                      |
// ~                   Identification Data                         ~

/** Reads an IDi or IDr payload; faults if an address has the wrong length. */
export function parseId(r: Reader, kind: IdPayload["kind"]): IdPayload {
  const from = r.at;
  const idType = r.u8();
  r.skip(3); // RESERVED: ignored, but AUTH covers it as it was sent
  const data = r.rest();
  const body = r.since(from);
  const needs = ADDRESS_OCTETS[idType];
  if (needs !== undefined && data.length !== needs) {
    r.fail(`ID Type ${idType} needs ${needs} octets, has ${data.length}`);
  }
  return { kind, identity: { idType, data }, body };
}

/** Writes the body as it is in the payload: the same octets that AUTH covers. */
export function emitId(w: Writer, payload: IdPayload): void {
  w.octets(payload.body);
}

/** The body of an ID payload: type, RESERVED, data. Goes on the wire and into AUTH (§2.15). */
export function identityBody(identity: Identity): Uint8Array {
  const { idType, data } = identity;
  return new Writer(data.length + 4).u8(idType).zeros(3).octets(data).done();
}

const ADDRESS_OCTETS: Readonly<Record<number, number>> = {
  [IdType.IPV4_ADDR]: 4,
  [IdType.IPV6_ADDR]: 16,
};
