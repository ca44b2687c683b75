/** Payloads and headers drawn at random, as the codec writes them: nothing unknown in them. */

import fc from "fast-check";
import type { Family } from "../../../src/inet/address.ts";
import { asIkeSpi } from "../../../src/wire/header.ts";
import type { TrafficSelector } from "../../../src/wire/traffic-selector.ts";
import type { MessageHeader } from "../../../src/wire/v2/emit-message.ts";
import type { IdPayload, Payload, Proposal, Transform } from "../../../src/wire/v2/message.ts";
import { identityBody } from "../../../src/wire/v2/payload/id.ts";

const u8 = fc.integer({ min: 0, max: 0xff });
const u16 = fc.integer({ min: 0, max: 0xffff });
const u32 = fc.integer({ min: 0, max: 0xffffffff });
const u64 = fc.bigInt({ min: 0n, max: (1n << 64n) - 1n });

function octets(minLength: number, maxLength: number): fc.Arbitrary<Uint8Array> {
  return fc.uint8Array({ minLength, maxLength });
}

const transform: fc.Arbitrary<Transform> = fc.record({
  type: u8,
  id: u16,
  keyBits: fc.option(u16, { nil: undefined }),
  hasUnknownAttribute: fc.constant(false),
});

const proposal: fc.Arbitrary<Proposal> = fc
  .oneof(
    fc.tuple(fc.constant(1), fc.oneof(octets(0, 0), octets(8, 8))),
    fc.tuple(fc.constantFrom(2, 3), octets(4, 4)),
    fc.tuple(fc.integer({ min: 4, max: 255 }), octets(0, 255)),
  )
  .chain(([protocol, spi]) =>
    fc.record({
      number: u8,
      protocol: fc.constant(protocol),
      spi: fc.constant(spi),
      transforms: fc.array(transform, { maxLength: 12 }),
    }),
  );

const id: fc.Arbitrary<IdPayload> = fc
  .tuple(
    fc.constantFrom("IDi" as const, "IDr" as const),
    fc.oneof(
      fc.record({ idType: fc.constant(1), data: octets(4, 4) }),
      fc.record({ idType: fc.constant(5), data: octets(16, 16) }),
      fc.record({ idType: fc.constantFrom(2, 3, 9, 10, 11, 201), data: octets(0, 80) }),
    ),
  )
  .map(([kind, identity]) => ({ kind, identity, body: identityBody(identity) }));

const ports = fc.oneof(
  fc.constant([65535, 0] as const),
  fc.tuple(u16, u16).map(([a, b]) => [Math.min(a, b), Math.max(a, b)] as const),
);

const selector: fc.Arbitrary<TrafficSelector> = fc.constantFrom<Family>(4, 6).chain((family) => {
  const address = fc.bigInt({ min: 0n, max: (1n << (family === 4 ? 32n : 128n)) - 1n });
  return fc.tuple(u8, ports, address, address).map(([protocol, [startPort, endPort], a, b]) => {
    const range = a < b ? { family, first: a, last: b } : { family, first: b, last: a };
    return { protocol, startPort, endPort, range };
  });
});

/** One arbitrary for each kind of payload. */
export const payloadOfKind = {
  SA: fc.record({
    kind: fc.constant("SA" as const),
    proposals: fc.array(proposal, { minLength: 1, maxLength: 6 }),
  }),
  KE: fc.record({ kind: fc.constant("KE" as const), method: u16, data: octets(1, 600) }),
  ID: id,
  CERT: fc.record({ kind: fc.constant("CERT" as const), encoding: u8, data: octets(0, 300) }),
  CERTREQ: fc.record({
    kind: fc.constant("CERTREQ" as const),
    encoding: u8,
    authorities: octets(0, 80),
  }),
  AUTH: fc.record({ kind: fc.constant("AUTH" as const), method: u8, data: octets(0, 100) }),
  NONCE: fc.record({ kind: fc.constant("NONCE" as const), data: octets(16, 256) }),
  NOTIFY: fc.record({
    kind: fc.constant("NOTIFY" as const),
    protocol: u8,
    spi: octets(0, 255),
    type: u16,
    data: octets(0, 64),
  }),
  DELETE: fc.oneof(
    fc.record({
      kind: fc.constant("DELETE" as const),
      protocol: fc.constantFrom(2, 3),
      spis: fc.array(u32),
    }),
    fc.record({
      kind: fc.constant("DELETE" as const),
      protocol: fc.constantFrom(0, 1, 4, 255),
      spis: fc.constant([]),
    }),
  ),
  VENDOR: fc.record({ kind: fc.constant("VENDOR" as const), data: octets(0, 64) }),
  TS: fc.record({
    kind: fc.constantFrom("TSi" as const, "TSr" as const),
    selectors: fc.array(selector, { maxLength: 8 }),
    unknown: fc.constant(0),
  }),
  CP: fc.record({
    kind: fc.constant("CP" as const),
    cfgType: u8,
    attributes: fc.array(
      fc.record({ type: fc.integer({ min: 0, max: 0x7fff }), value: octets(0, 40) }),
    ),
  }),
  OPAQUE: fc.record({
    kind: fc.constant("OPAQUE" as const),
    payloadType: fc.oneof(
      fc.constant(48),
      fc.integer({ min: 1, max: 32 }),
      fc.integer({ min: 54, max: 255 }),
    ),
    data: octets(0, 64),
  }),
} satisfies Record<string, fc.Arbitrary<Payload>>;

/** A chain of any payloads. */
export const anyPayloads: fc.Arbitrary<Payload[]> = fc.array(
  fc.oneof(...Object.values(payloadOfKind)),
  { maxLength: 12 },
);

/** Any header that fits. */
export const anyHeader: fc.Arbitrary<MessageHeader> = fc.record({
  spiI: u64.map(asIkeSpi),
  spiR: u64.map(asIkeSpi),
  version: fc.record({
    major: fc.integer({ min: 0, max: 15 }),
    minor: fc.integer({ min: 0, max: 15 }),
  }),
  exchangeType: u8,
  flags: fc.record({ initiator: fc.boolean(), version: fc.boolean(), response: fc.boolean() }),
  messageId: u32,
});
