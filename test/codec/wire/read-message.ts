/** A datagram through the whole codec, as the engine reads it. */

import type { Malformed } from "../../../src/octets/reader.ts";
import { err, type Result } from "../../../src/octets/result.ts";
import { IKE_HEADER_OCTETS, type IkeHeader, parseHeader } from "../../../src/wire/header.ts";
import { exchangeName } from "../../../src/wire/v2/exchange-type.ts";
import { type Payload, PayloadType } from "../../../src/wire/v2/message.ts";
import { type ChainFault, parsePayloads } from "../../../src/wire/v2/payload-chain.ts";
import { findSk, type SkPlace } from "../../../src/wire/v2/protected.ts";

export type ReadMessage =
  | { readonly kind: "plain"; readonly header: IkeHeader; readonly payloads: readonly Payload[] }
  | { readonly kind: "protected"; readonly header: IkeHeader; readonly place: SkPlace };

/** Header, then payloads or the place of the Encrypted payload; `expect` says which. */
export function readMessage(
  octets: Uint8Array,
  expect: ReadMessage["kind"],
): Result<ReadMessage, Malformed | ChainFault> {
  const parsed = parseHeader(octets);
  if (!parsed.ok) return parsed;
  const header = parsed.value;
  if (expect === "protected") {
    const place = findSk(octets, header);
    return place.ok ? { ok: true, value: { kind: expect, header, place: place.value } } : place;
  }
  const body = octets.subarray(IKE_HEADER_OCTETS);
  const chain = parsePayloads(header.nextPayload, body, exchangeName(header.exchangeType));
  if (!chain.ok) return err(chain.error);
  return { ok: true, value: { kind: expect, header, payloads: chain.value.payloads } };
}

/** How a valid message has to be read. */
export function kindOf(octets: Uint8Array): ReadMessage["kind"] {
  const first = octets[16];
  return first === PayloadType.SK || first === PayloadType.SKF ? "protected" : "plain";
}

/**
 * Sets the header's Length to the actual length, so that a damaged message gets past the header.
 */
export function withTrueLength(octets: Uint8Array): Uint8Array {
  if (octets.length >= IKE_HEADER_OCTETS) {
    new DataView(octets.buffer, octets.byteOffset).setUint32(24, octets.length);
  }
  return octets;
}
