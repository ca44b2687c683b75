/** IKEv1 payloads and headers drawn at random, as the codec writes them. */

import fc from "fast-check";
import { asIkeSpi } from "../../../../src/wire/header.ts";
import type { IsakmpHeader } from "../../../../src/wire/v1/header.ts";
import type { Attribute, Payload } from "../../../../src/wire/v1/message.ts";

const u8 = fc.integer({ min: 0, max: 0xff });
const u16 = fc.integer({ min: 0, max: 0xffff });
const u32 = fc.integer({ min: 0, max: 0xffffffff });

function octets(minLength: number, maxLength: number): fc.Arbitrary<Uint8Array> {
  return fc.uint8Array({ minLength, maxLength });
}

const attributeType = fc.integer({ min: 0, max: 0x7fff });
const attribute: fc.Arbitrary<Attribute> = fc.oneof(
  fc.record({ type: attributeType, form: fc.constant("TV" as const), value: u16 }),
  fc.record({ type: attributeType, form: fc.constant("TLV" as const), octets: octets(0, 20) }),
);

const transform = fc.record({
  number: u8,
  id: u8,
  attributes: fc.array(attribute, { maxLength: 10 }),
});

const proposal = fc.record({
  number: u8,
  protocol: u8,
  spi: octets(0, 16),
  transforms: fc.array(transform, { maxLength: 5 }),
});

const identity = fc.oneof(
  fc.record({ idType: fc.constant(1), data: octets(4, 4) }),
  fc.record({ idType: fc.constantFrom(4, 7), data: octets(8, 8) }),
  fc.record({ idType: fc.constant(5), data: octets(16, 16) }),
  fc.record({ idType: fc.constantFrom(6, 8), data: octets(32, 32) }),
  fc.record({ idType: fc.constantFrom(2, 3, 9, 10, 11, 201), data: octets(1, 80) }),
);

const data = (kind: string, min: number, max: number) =>
  fc.record({ kind: fc.constant(kind), data: octets(min, max) });

const cert = (kind: string) =>
  fc.record({ kind: fc.constant(kind), encoding: u8, data: octets(0, 200) });

const natOa = (kind: string) =>
  fc.oneof(
    fc.record({ kind: fc.constant(kind), idType: fc.constant(1), address: octets(4, 4) }),
    fc.record({ kind: fc.constant(kind), idType: fc.constant(5), address: octets(16, 16) }),
  );

const byKind = {
  SA: fc.record({
    kind: fc.constant("SA"),
    doi: fc.constant(1),
    situation: fc.constant(1),
    proposals: fc.array(proposal, { minLength: 1, maxLength: 4 }),
  }),
  KE: data("KE", 0, 300),
  ID: fc.record({ kind: fc.constant("ID"), identity, protocol: u8, port: u16 }),
  CERT: cert("CERT"),
  CERTREQ: cert("CERTREQ"),
  HASH: data("HASH", 0, 64),
  SIG: data("SIG", 0, 256),
  NONCE: data("NONCE", 8, 256),
  NOTIFY: fc.record({
    kind: fc.constant("NOTIFY"),
    doi: u32,
    protocol: u8,
    spi: octets(0, 16),
    type: u16,
    data: octets(0, 40),
  }),
  DELETE: fc.record({
    kind: fc.constant("DELETE"),
    doi: u32,
    protocol: u8,
    spis: fc.oneof(
      fc.array(octets(4, 4), { minLength: 1, maxLength: 9 }),
      fc.array(octets(16, 16), { minLength: 1, maxLength: 9 }),
    ),
  }),
  VENDOR: data("VENDOR", 0, 40),
  ATTRIBUTE: fc.record({
    kind: fc.constant("ATTRIBUTE"),
    cfgType: u8,
    identifier: u16,
    attributes: fc.array(attribute, { maxLength: 30 }),
  }),
  NAT_D: data("NAT_D", 0, 64),
  NAT_D_DRAFT: data("NAT_D_DRAFT", 0, 64),
  NAT_OA: natOa("NAT_OA"),
  NAT_OA_DRAFT: natOa("NAT_OA_DRAFT"),
  FRAGMENT: fc.record({
    kind: fc.constant("FRAGMENT"),
    id: u16,
    number: fc.integer({ min: 1, max: 255 }),
    isLast: fc.boolean(),
    data: octets(1, 300),
  }),
  OPAQUE: fc.record({
    kind: fc.constant("OPAQUE"),
    payloadType: fc.constantFrom(2, 3, 15, 16, 19, 22, 128, 129, 133, 255),
    data: octets(0, 80),
  }),
};

/** An arbitrary for each kind of payload that can be written. */
export const payloadOfKind = byKind as Readonly<Record<string, fc.Arbitrary<Payload>>>;

export const anyPayloads: fc.Arbitrary<Payload[]> = fc.array(
  fc.oneof(...Object.values(payloadOfKind)),
  { maxLength: 8 },
);

const spi = fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }).map(asIkeSpi);

export const anyHeader: fc.Arbitrary<IsakmpHeader> = fc.record({
  spiI: spi,
  spiR: spi,
  exchangeType: u8,
  messageId: u32,
  flags: fc.record({
    encryption: fc.boolean(),
    commit: fc.boolean(),
    authenticationOnly: fc.boolean(),
  }),
});
