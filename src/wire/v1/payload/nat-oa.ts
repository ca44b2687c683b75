/** The original address of an end behind a NAT (RFC 3947 §5.2). */

import type { Reader } from "../../../octets/reader.ts";
import type { Writer } from "../../../octets/writer.ts";
import type { NatOaPayload } from "../message.ts";
import { IdType } from "./id.ts";

// |     ID Type   |                   RESERVED                    |
// ~                  IPv4 or IPv6 address                         ~

/** Reads a NAT-OA payload; faults unless it holds one address. */
export function parseNatOa(r: Reader, kind: NatOaPayload["kind"]): NatOaPayload {
  const idType = r.u8();
  r.skip(3); // RESERVED
  const needs = idType === IdType.IPV4_ADDR ? 4 : 16;
  const isAddress = idType === IdType.IPV4_ADDR || idType === IdType.IPV6_ADDR;
  if (!isAddress || r.left !== needs) r.fail(`ID Type ${idType} with ${r.left} octets`);
  return { kind, idType, address: r.rest() };
}

/** Writes the body of a NAT-OA payload. */
export function emitNatOa(w: Writer, { idType, address }: NatOaPayload): void {
  w.u8(idType).zeros(3).octets(address);
}
