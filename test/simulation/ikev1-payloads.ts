/** Payloads of IKEv1 that tests make and look for. */

import { assert } from "../../src/octets/assert.ts";
import { DOI_IPSEC, type Payload, Protocol, type Received } from "../../src/wire/v1/message.ts";

/** A notify about the ISAKMP SA. */
export function aboutIsakmp(type: number, spi: Uint8Array, data?: Uint8Array): Payload {
  const protocol = Protocol.ISAKMP;
  return { kind: "NOTIFY", doi: DOI_IPSEC, protocol, spi, type, data: data ?? new Uint8Array(0) };
}

/** The first payload of this kind, which has to be there. */
export function find<K extends Payload["kind"]>(
  payloads: readonly Received[],
  kind: K,
): Received<Payload & { readonly kind: K }> {
  const found = payloads.find(
    (payload): payload is Received<Payload & { readonly kind: K }> => payload.kind === kind,
  );
  assert(found !== undefined, `there is no ${kind} payload`);
  return found;
}
