/** Valid messages of all kinds, to be cut short and damaged. */

import { addressOctets } from "../../../src/inet/address.ts";
import { asIkeSpi, IKE_VERSION } from "../../../src/wire/header.ts";
import { IdType } from "../../../src/wire/identity.ts";
import type { TrafficSelector } from "../../../src/wire/traffic-selector.ts";
import { emitMessage, type MessageHeader } from "../../../src/wire/v2/emit-message.ts";
import { ExchangeType } from "../../../src/wire/v2/exchange-type.ts";
import {
  type IdPayload,
  type NotifyPayload,
  type Payload,
  PayloadType,
  Protocol,
} from "../../../src/wire/v2/message.ts";
import { NotifyType } from "../../../src/wire/v2/notify-type.ts";
import { identityBody } from "../../../src/wire/v2/payload/id.ts";
import { emitProtectedFrame } from "../../../src/wire/v2/protected.ts";
import { IKE_SCAN_IKE_SA_INIT, STRONGSWAN_IKE_SA_INIT } from "./captured.ts";

export type Sample = { readonly name: string; readonly octets: Uint8Array };

/** The header of a request of the original initiator. */
export function headerOf(exchangeType: number): MessageHeader {
  return {
    spiI: asIkeSpi(0x1122334455667788n),
    spiR: asIkeSpi(exchangeType === ExchangeType.IKE_SA_INIT ? 0n : 0x99aabbccddeeff00n),
    version: IKE_VERSION,
    exchangeType,
    flags: { initiator: true, version: false, response: false },
    messageId: exchangeType === ExchangeType.IKE_SA_INIT ? 0 : 7,
  };
}

/** A notify of the IKE SA as a whole. */
export function notify(type: number, data: Uint8Array = new Uint8Array(0)): NotifyPayload {
  return { kind: "NOTIFY", protocol: Protocol.NONE, spi: new Uint8Array(0), type, data };
}

/** What a site sends first: two proposals, X25519, NAT detection, two capabilities. */
export const TYPICAL_INIT: readonly Payload[] = [
  {
    kind: "SA",
    proposals: [
      {
        number: 1,
        protocol: Protocol.IKE,
        spi: new Uint8Array(0),
        transforms: [
          { type: 1, id: 20, keyBits: 128, hasUnknownAttribute: false },
          { type: 2, id: 5, keyBits: undefined, hasUnknownAttribute: false },
          { type: 4, id: 31, keyBits: undefined, hasUnknownAttribute: false },
          { type: 4, id: 19, keyBits: undefined, hasUnknownAttribute: false },
        ],
      },
      {
        number: 2,
        protocol: Protocol.IKE,
        spi: new Uint8Array(0),
        transforms: [
          { type: 1, id: 12, keyBits: 256, hasUnknownAttribute: false },
          { type: 3, id: 12, keyBits: undefined, hasUnknownAttribute: false },
          { type: 2, id: 5, keyBits: undefined, hasUnknownAttribute: false },
          { type: 4, id: 14, keyBits: undefined, hasUnknownAttribute: false },
        ],
      },
    ],
  },
  { kind: "KE", method: 31, data: new Uint8Array(32).fill(0x31) },
  { kind: "NONCE", data: new Uint8Array(32).fill(0x4e) },
  notify(NotifyType.NAT_DETECTION_SOURCE_IP, new Uint8Array(20).fill(1)),
  notify(NotifyType.NAT_DETECTION_DESTINATION_IP, new Uint8Array(20).fill(2)),
  notify(NotifyType.IKEV2_FRAGMENTATION_SUPPORTED),
  notify(NotifyType.SIGNATURE_HASH_ALGORITHMS, new Uint8Array(8).fill(3)),
];

/** The payloads of an IKE_AUTH request, as they are inside the Encrypted payload. */
export const TYPICAL_AUTH: readonly Payload[] = [
  idPayload("IDi", IdType.FQDN, new TextEncoder().encode("site-4711")),
  notify(NotifyType.INITIAL_CONTACT),
  idPayload("IDr", IdType.IPV6_ADDR, addressOctets({ family: 6, value: 1n })),
  { kind: "CERT", encoding: 4, data: new Uint8Array(30).fill(0xce) },
  { kind: "CERTREQ", encoding: 4, authorities: new Uint8Array(20).fill(4) },
  { kind: "AUTH", method: 2, data: new Uint8Array(32).fill(0xa0) },
  { kind: "CP", cfgType: 1, attributes: [{ type: 1, value: new Uint8Array(4) }] },
  {
    kind: "SA",
    proposals: [
      {
        number: 1,
        protocol: Protocol.ESP,
        spi: Uint8Array.of(0xc0, 1, 2, 3),
        transforms: [
          { type: 1, id: 20, keyBits: 128, hasUnknownAttribute: false },
          { type: 5, id: 0, keyBits: undefined, hasUnknownAttribute: false },
        ],
      },
    ],
  },
  { kind: "TSi", selectors: [subnet(0xc0a80100n, 0xc0a801ffn), anyIpv6()], unknown: 0 },
  { kind: "TSr", selectors: [subnet(0x0a000000n, 0x0a00ffffn)], unknown: 0 },
  { kind: "VENDOR", data: new Uint8Array(16).fill(5) },
];

const OTHERS: readonly Payload[] = [
  { kind: "DELETE", protocol: Protocol.ESP, spis: [0xc0010203, 256] },
  { kind: "DELETE", protocol: Protocol.IKE, spis: [] },
  {
    kind: "NOTIFY",
    protocol: Protocol.ESP,
    spi: Uint8Array.of(1, 2, 3, 4),
    type: NotifyType.REKEY_SA,
    data: new Uint8Array(0),
  },
  { kind: "OPAQUE", payloadType: 200, data: new Uint8Array(9) },
];

/** Chains stand here unprotected, so that damage reaches their parsers. */
export const SAMPLES: readonly Sample[] = [
  { name: "IKE_SA_INIT", octets: emitMessage(headerOf(ExchangeType.IKE_SA_INIT), TYPICAL_INIT) },
  { name: "IKE_AUTH, inside", octets: emitMessage(headerOf(ExchangeType.IKE_AUTH), TYPICAL_AUTH) },
  {
    name: "INFORMATIONAL, inside",
    octets: emitMessage(headerOf(ExchangeType.INFORMATIONAL), OTHERS),
  },
  { name: "SK", octets: protectedFrame(undefined) },
  { name: "SKF", octets: protectedFrame({ number: 1, total: 3 }) },
  { name: "strongSwan", octets: STRONGSWAN_IKE_SA_INIT },
  { name: "ike-scan", octets: IKE_SCAN_IKE_SA_INIT },
];

function protectedFrame(fragment: { number: number; total: number } | undefined): Uint8Array {
  const header = headerOf(ExchangeType.IKE_AUTH);
  return emitProtectedFrame(header, PayloadType.IDi, 80, fragment).octets;
}

function idPayload(kind: IdPayload["kind"], idType: number, data: Uint8Array): IdPayload {
  return { kind, identity: { idType, data }, body: identityBody({ idType, data }) };
}

function subnet(first: bigint, last: bigint): TrafficSelector {
  return { protocol: 0, startPort: 0, endPort: 65535, range: { family: 4, first, last } };
}

function anyIpv6(): TrafficSelector {
  const range = { family: 6, first: 0n, last: (1n << 128n) - 1n } as const;
  return { protocol: 58, startPort: 65535, endPort: 0, range };
}
