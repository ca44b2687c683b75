/**
 * vpnc calls strongSwan: Aggressive Mode, XAUTH, Mode Config and a whole Quick Mode, by programs
 * that nobody here wrote.
 */

import { expect, test } from "bun:test";
import { isakmpEncryptionFor, isakmpPrfFor } from "../../../../src/crypto/ikev1.ts";
import { Encr, PrfId } from "../../../../src/crypto/transform.ts";
import { decryptPayloads, exchangeIv } from "../../../../src/ike/v1/cipher.ts";
import {
  deriveIsakmpKeys,
  deriveQuickModeKeys,
  messageHash,
  pskSkeyid,
  quickModeHash3,
} from "../../../../src/ike/v1/keys.ts";
import { modeConfigReply } from "../../../../src/ike/v1/mode-config.ts";
import { espOfferOf } from "../../../../src/ike/v1/transform.ts";
import { readXauthReply } from "../../../../src/ike/v1/xauth.ts";
import { parseAddress } from "../../../../src/inet/address.ts";
import { parsePrefix, prefixRange } from "../../../../src/inet/prefix.ts";
import { Reader } from "../../../../src/octets/reader.ts";
import { IKE_HEADER_OCTETS, parseHeader } from "../../../../src/wire/header.ts";
import { attributeNumber, attributeOctets } from "../../../../src/wire/v1/attribute.ts";
import { CfgAttribute, CfgType, XauthAttribute } from "../../../../src/wire/v1/cfg-attribute.ts";
import { ExchangeType, isakmpFlags } from "../../../../src/wire/v1/header.ts";
import type { ReceivedPayloads } from "../../../../src/wire/v1/message.ts";
import { selectorOfId } from "../../../../src/wire/v1/traffic-id.ts";
import recorded from "../../vectors/ikev1_vpnc.json";
import { espAlgorithmsIkev1 } from "./esp.ts";
import { hex, payloadsIn, the } from "./golden.ts";

const { keys } = recorded;
const encr = isakmpEncryptionFor(Encr.AES_CBC, 256);
const prf = isakmpPrfFor(PrfId.HMAC_SHA1);
if (encr === undefined || prf === undefined) throw new Error("built in");
const algorithms = { encr, prf, ke: 14 };
const SKEYID_a = hex(keys.SKEYID_a);

const messages = recorded.messages.map(({ octets: text }) => {
  const octets = hex(text);
  const header = parseHeader(octets);
  if (!header.ok) throw new Error(header.error.detail);
  const body = octets.subarray(IKE_HEADER_OCTETS);
  return { octets, header: header.value, body, isEncrypted: isakmpFlags(octets).encryption };
});
const [first, second, third] = messages;
if (first === undefined || second === undefined || third === undefined) throw new Error("cut");
const lastPhase1Block = third.octets.slice(-encr.blockOctets);
/** The exchanges after Phase 1, by message ID. */
const exchanges = Map.groupBy(messages.slice(3), ({ header }) => header.messageId);

test("each message is read, vpnc's padding as well; all but Quick Mode's have their hash", () => {
  let count = 0;
  for (const [messageId, chain] of decrypted(() => true)) {
    for (const [i, received] of chain.entries()) {
      if (typeOf(messageId) === ExchangeType.QUICK_MODE && i > 0) continue;
      const rest = received.afterFirst;
      const hash = messageHash(algorithms.prf, SKEYID_a, messageId, { rest });
      expect(the("HASH", received).data).toEqual(hash);
      count++;
    }
  }
  expect(count).toBeGreaterThan(10);
});

test("XAUTH: strongSwan asks, vpnc answers, strongSwan says that it is right, vpnc agrees", () => {
  const [asking, status] = [...decrypted((type) => type === ExchangeType.TRANSACTION).values()];
  const [request, reply] = (asking ?? []).map((one) => the("ATTRIBUTE", one));
  if (request === undefined || reply === undefined) throw new Error("no question");
  expect(request.cfgType).toBe(CfgType.REQUEST);
  expect(request.attributes.map(({ type }) => type)).toEqual([
    XauthAttribute.USER_NAME,
    XauthAttribute.USER_PASSWORD,
  ]);
  expect(readXauthReply(reply)).toEqual({
    ok: true,
    value: { user: "u", password: new TextEncoder().encode("p") },
  });
  const [set, ack] = (status ?? []).map((one) => the("ATTRIBUTE", one));
  expect([set?.cfgType, ack?.cfgType]).toEqual([CfgType.SET, CfgType.ACK]);
  const said = set?.attributes.find(({ type }) => type === XauthAttribute.STATUS);
  expect(said === undefined ? undefined : attributeNumber(said)).toBe(1);
});

test("Mode Config: what vpnc asks for gets the answer that strongSwan gave", () => {
  const [, , config] = [...decrypted((type) => type === ExchangeType.TRANSACTION).values()];
  const [request, reply] = (config ?? []).map((one) => the("ATTRIBUTE", one));
  if (request === undefined || reply === undefined) throw new Error("no question");
  const own = modeConfigReply(request, {
    local: [selector("10.0.0.0/16")],
    remote: [selector("192.168.1.7/32")],
    dns: [parseAddress("10.0.0.53") ?? never()],
    isUnity: true,
  });
  if (!own.ok) throw new Error("refused");
  const { payload } = own.value;
  expect(payload.identifier).toBe(reply.identifier);
  const { INTERNAL_IP4_ADDRESS, INTERNAL_IP4_DNS, UNITY_SPLIT_INCLUDE } = CfgAttribute;
  for (const type of [INTERNAL_IP4_ADDRESS, INTERNAL_IP4_DNS, UNITY_SPLIT_INCLUDE]) {
    const [ours, theirs] = [payload, reply].map(({ attributes }) => {
      const found = attributes.find((one) => one.type === type);
      return found === undefined ? "none" : attributeOctets(found).toHex();
    });
    expect([type, ours]).toEqual([type, theirs ?? "none"]);
  }
});

test("Quick Mode: all three hashes, the IDs, and keys for both directions", () => {
  const [[messageId, [request, answer, end] = []] = [0]] = [
    ...decrypted((type) => type === ExchangeType.QUICK_MODE),
  ];
  if (request === undefined || answer === undefined || end === undefined) throw new Error("cut");
  const [Ni, Nr] = [the("NONCE", request).data, the("NONCE", answer).data];
  const hash2 = messageHash(algorithms.prf, SKEYID_a, messageId, { Ni, rest: answer.afterFirst });
  expect(the("HASH", answer).data).toEqual(hash2);
  const hash3 = quickModeHash3(algorithms.prf, SKEYID_a, messageId, { Ni, Nr });
  expect(the("HASH", end).data).toEqual(hash3);
  const ids = request.payloads.flatMap((one) => (one.kind === "ID" ? [selectorOfId(one)] : []));
  expect(ids.map((one) => one?.range)).toEqual([
    prefixRange(parsePrefix("192.168.1.7/32") ?? never()),
    prefixRange(parsePrefix("0.0.0.0/0") ?? never()),
  ]);
  const transform = the("SA", answer).proposals[0]?.transforms[0] ?? never();
  const made = deriveQuickModeKeys(
    { prf: algorithms.prf, SKEYID_d: hex(keys.SKEYID_d) },
    espAlgorithmsIkev1(espOfferOf(transform)),
    {
      ...{ Ni, Nr, sharedSecret: hex(keys.quickModeSecret) },
      spiI: spiOf(request),
      spiR: spiOf(answer),
    },
  );
  expect(made.initiator.encryption.toHex()).toBe(keys.initiator.encryption);
  expect(made.initiator.integrity.toHex()).toBe(keys.initiator.integrity);
  expect(made.responder.encryption.toHex()).toBe(keys.responder.encryption);
  expect(made.responder.integrity.toHex()).toBe(keys.responder.integrity);
});

test("the group's key makes SKEYID, and vpnc's ID is the group's name", () => {
  const [offer, answer] = [first, second].map((one) =>
    payloadsIn(one.header.nextPayload, one.body),
  );
  if (offer === undefined || answer === undefined) throw new Error("cut");
  const { identity } = the("ID", offer);
  expect(new TextDecoder().decode(identity.data)).toBe("group-1");
  const nonces = { Ni: the("NONCE", offer).data, Nr: the("NONCE", answer).data };
  const psk = new TextEncoder().encode("abcdefgh");
  const SKEYID = pskSkeyid(algorithms.prf, psk, nonces);
  const { spiI, spiR } = second.header;
  const sharedSecret = hex(keys.sharedSecret);
  const made = deriveIsakmpKeys(algorithms, SKEYID, { spiI, spiR, sharedSecret });
  expect(made.SKEYID_d.toHex()).toBe(keys.SKEYID_d);
  expect(made.SKEYID_a.toHex()).toBe(keys.SKEYID_a);
  expect(made.cipherKey.toHex()).toBe(keys.Ka);
});

/** Exchanges of some types, decrypted: each has a chain of IVs of its own. */
function decrypted(
  isWanted: (exchangeType: number) => boolean,
): ReadonlyMap<number, readonly ReceivedPayloads[]> {
  const found = new Map<number, readonly ReceivedPayloads[]>();
  for (const [messageId, chain] of exchanges) {
    if (!isWanted(typeOf(messageId))) continue;
    let iv = exchangeIv(algorithms, lastPhase1Block, messageId);
    const read = chain.map(({ header, body }) => {
      const opened = decryptPayloads(algorithms, hex(keys.Ka), iv, body);
      if (opened === undefined) throw new Error("no whole blocks");
      iv = opened.iv;
      return payloadsIn(header.nextPayload, opened.octets);
    });
    found.set(messageId, read);
  }
  return found;
}

function typeOf(messageId: number): number {
  return exchanges.get(messageId)?.[0]?.header.exchangeType ?? 0;
}

function spiOf(received: ReceivedPayloads): number {
  return new Reader(the("SA", received).proposals[0]?.spi ?? new Uint8Array(0), "SPI").u32();
}

function selector(text: string) {
  const range = prefixRange(parsePrefix(text) ?? never());
  return { protocol: 0, startPort: 0, endPort: 65_535, range };
}

function never(): never {
  throw new Error("a fault of this test");
}
