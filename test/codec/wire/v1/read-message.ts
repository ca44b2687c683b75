/** An IKEv1 datagram through the whole codec, as the engine reads it. */

import type { Malformed } from "../../../../src/octets/reader.ts";
import { ok, type Result } from "../../../../src/octets/result.ts";
import { IKE_HEADER_OCTETS, parseHeader } from "../../../../src/wire/header.ts";
import { exchangeName, type IsakmpHeader, isakmpFlags } from "../../../../src/wire/v1/header.ts";
import type { Payload, Received, ReceivedPayloads } from "../../../../src/wire/v1/message.ts";
import { parsePayloads } from "../../../../src/wire/v1/payload-chain.ts";

export type ReadMessage = ReceivedPayloads & { readonly header: IsakmpHeader };

/** Header and payloads of a message that is not encrypted. */
export function readMessage(octets: Uint8Array): Result<ReadMessage, Malformed> {
  const parsed = parseHeader(octets);
  if (!parsed.ok) return parsed;
  const { spiI, spiR, exchangeType, messageId, nextPayload } = parsed.value;
  const flags = isakmpFlags(octets);
  const header = { spiI, spiR, exchangeType, messageId, flags };
  const body = octets.subarray(IKE_HEADER_OCTETS);
  const chain = parsePayloads(nextPayload, body, exchangeName(exchangeType));
  return chain.ok ? ok({ ...chain.value, header }) : chain;
}

/** Payloads as they would be written: without the octets in which they came. */
export function withoutBodies(payloads: readonly Received[]): readonly Payload[] {
  return payloads.map(({ body: _, ...payload }) => payload as Payload);
}
