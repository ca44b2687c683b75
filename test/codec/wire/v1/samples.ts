/** Valid IKEv1 messages of all kinds, to be cut short and damaged. */

import { asIkeSpi } from "../../../../src/wire/header.ts";
import { numberAttribute } from "../../../../src/wire/v1/attribute.ts";
import {
  ExchangeType,
  type IsakmpHeader,
  PHASE_1_MESSAGE_ID,
} from "../../../../src/wire/v1/header.ts";
import {
  type Attribute,
  type DataPayload,
  DOI_IPSEC,
  type Payload,
  Protocol,
  SIT_IDENTITY_ONLY,
} from "../../../../src/wire/v1/message.ts";
import { NotifyType } from "../../../../src/wire/v1/notify-type.ts";
import { IdType } from "../../../../src/wire/v1/payload/id.ts";
import { emitMessage } from "../../../../src/wire/v1/payload-chain.ts";
import { vendorPayload } from "../../../../src/wire/v1/vendor-id.ts";

export type Sample = { readonly name: string; readonly octets: Uint8Array };

const NO_FLAGS = { encryption: false, commit: false, authenticationOnly: false };

/** A header of an initiator's message. */
export function headerOf(exchangeType: number, messageId: number): IsakmpHeader {
  const spiI = asIkeSpi(0x1122334455667788n);
  const spiR = asIkeSpi(messageId === PHASE_1_MESSAGE_ID ? 0n : 0x99aabbccddeeff00n);
  return { spiI, spiR, exchangeType, messageId, flags: NO_FLAGS };
}

const PHASE_1_SA: Payload = {
  kind: "SA",
  doi: DOI_IPSEC,
  situation: SIT_IDENTITY_ONLY,
  proposals: [
    {
      number: 1,
      protocol: Protocol.ISAKMP,
      spi: new Uint8Array(0),
      transforms: [
        { number: 1, id: 1, attributes: attributes([14, 256], [1, 7], [2, 4], [4, 14], [3, 1]) },
        { number: 2, id: 1, attributes: attributes([1, 5], [2, 2], [4, 2], [3, 65001]) },
        { number: 3, id: 1, attributes: attributes([1, 7], [11, 1], [12, 86_400]) },
      ],
    },
  ],
};

const ESP_SA: Payload = {
  kind: "SA",
  doi: DOI_IPSEC,
  situation: SIT_IDENTITY_ONLY,
  proposals: [
    {
      number: 1,
      protocol: Protocol.ESP,
      spi: Uint8Array.of(0xc1, 2, 3, 4),
      transforms: [
        { number: 1, id: 12, attributes: attributes([6, 128], [4, 3], [5, 2], [1, 1], [2, 3600]) },
        { number: 2, id: 3, attributes: attributes([4, 1], [5, 1], [1, 2], [2, 4_608_000]) },
      ],
    },
  ],
};

const KE = data("KE", 128);
const NONCE = data("NONCE", 16);
const HASH = data("HASH", 20);
const SITE: Payload = {
  kind: "ID",
  identity: { idType: IdType.FQDN, data: new TextEncoder().encode("site-4711") },
  protocol: 17,
  port: 500,
};
const SUBNET: Payload = {
  kind: "ID",
  identity: { idType: IdType.IPV4_ADDR_SUBNET, data: Uint8Array.fromHex("c0a80100ffffff00") },
  protocol: 0,
  port: 0,
};

export const SAMPLES: readonly Sample[] = [
  sample("Main Mode 1", ExchangeType.MAIN_MODE, 0, [
    PHASE_1_SA,
    vendorPayload("nat-t"),
    vendorPayload("dpd"),
    vendorPayload("fragmentation"),
  ]),
  sample("Main Mode 3", ExchangeType.MAIN_MODE, 0, [
    KE,
    NONCE,
    data("NAT_D", 20),
    data("NAT_D", 20),
    { kind: "CERTREQ", encoding: 4, data: new Uint8Array(30).fill(0x30) },
  ]),
  sample("Main Mode 5, decrypted", ExchangeType.MAIN_MODE, 0, [
    SITE,
    { kind: "CERT", encoding: 4, data: new Uint8Array(200).fill(0x30) },
    data("SIG", 256),
    notify(NotifyType.INITIAL_CONTACT, 16, 0),
  ]),
  sample("Aggressive Mode 1", ExchangeType.AGGRESSIVE_MODE, 0, [
    PHASE_1_SA,
    KE,
    NONCE,
    SITE,
    vendorPayload("xauth"),
    { kind: "OPAQUE", payloadType: 15, data: new Uint8Array(20) },
    data("NAT_D_DRAFT", 16),
  ]),
  sample("Quick Mode 1, decrypted", ExchangeType.QUICK_MODE, 0x01020304, [
    HASH,
    ESP_SA,
    NONCE,
    KE,
    SUBNET,
    SUBNET,
    { kind: "NAT_OA", idType: IdType.IPV4_ADDR, address: Uint8Array.of(192, 0, 2, 1) },
    { kind: "NAT_OA_DRAFT", idType: IdType.IPV6_ADDR, address: new Uint8Array(16) },
  ]),
  sample("Delete, decrypted", ExchangeType.INFORMATIONAL, 0xfffffffe, [
    HASH,
    {
      kind: "DELETE",
      doi: DOI_IPSEC,
      protocol: Protocol.ESP,
      spis: [Uint8Array.of(1, 2, 3, 4), Uint8Array.of(5, 6, 7, 8)],
    },
    {
      kind: "DELETE",
      doi: DOI_IPSEC,
      protocol: Protocol.ISAKMP,
      spis: [new Uint8Array(16).fill(9)],
    },
  ]),
  sample("R-U-THERE, decrypted", ExchangeType.INFORMATIONAL, 7, [
    HASH,
    notify(NotifyType.R_U_THERE, 16, 4),
  ]),
  sample("XAUTH, decrypted", ExchangeType.TRANSACTION, 9, [
    HASH,
    {
      kind: "ATTRIBUTE",
      cfgType: 2,
      identifier: 0x1234,
      attributes: [
        numberAttribute(16520, 0),
        { type: 16521, form: "TLV", octets: new TextEncoder().encode("site-4711") },
        { type: 16522, form: "TLV", octets: new Uint8Array(0) },
      ],
    },
  ]),
  sample("a fragment", ExchangeType.MAIN_MODE, 0, [
    { kind: "FRAGMENT", id: 1, number: 2, isLast: true, data: new Uint8Array(100).fill(3) },
  ]),
];

function sample(
  name: string,
  exchangeType: number,
  messageId: number,
  payloads: readonly Payload[],
): Sample {
  return { name, octets: emitMessage(headerOf(exchangeType, messageId), payloads) };
}

function attributes(...pairs: readonly (readonly [number, number])[]): readonly Attribute[] {
  return pairs.map(([type, value]) => numberAttribute(type, value));
}

function data(kind: DataPayload["kind"], octets: number): Payload {
  return { kind, data: Uint8Array.from({ length: octets }, (_, i) => i + 1) };
}

function notify(type: number, spiOctets: number, dataOctets: number): Payload {
  const spi = new Uint8Array(spiOctets).fill(1);
  const content = new Uint8Array(dataOctets).fill(2);
  return {
    kind: "NOTIFY",
    doi: DOI_IPSEC,
    protocol: Protocol.ISAKMP,
    spi,
    type,
    data: content,
  };
}
