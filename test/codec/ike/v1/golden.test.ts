/** Keys, hashes and the chain of IVs, as strongSwan has them (RFC 2409 §5, App. B). */

import { describe, expect, test } from "bun:test";
import {
  decryptPayloads,
  encryptPayloads,
  exchangeIv,
  phase1Iv,
} from "../../../../src/ike/v1/cipher.ts";
import {
  deriveIsakmpKeys,
  deriveQuickModeKeys,
  hashI,
  hashR,
  type IsakmpAlgorithms,
  messageHash,
  pskSkeyid,
} from "../../../../src/ike/v1/keys.ts";
import { natDHash } from "../../../../src/ike/v1/nat-d.ts";
import { espOfferOf } from "../../../../src/ike/v1/transform.ts";
import { parseAddress } from "../../../../src/inet/address.ts";
import { Reader } from "../../../../src/octets/reader.ts";
import type { ReceivedPayloads } from "../../../../src/wire/v1/message.ts";
import { emitPayloadOctets } from "../../../../src/wire/v1/payload-chain.ts";
import { espAlgorithmsIkev1 } from "./esp.ts";
import { clearAt, GOLDEN, type Golden, hex, messageAt, PSK, payloadsIn, the } from "./golden.ts";

const MAIN_MODE_MESSAGES = 6;
const AGGRESSIVE_MODE_MESSAGES = 3;

for (const [golden, algorithms] of GOLDEN) {
  describe(golden.title, () => {
    const { keys } = golden;
    const isMain = golden.title.startsWith("Main");
    const phase1 = phase1Of(golden, isMain);
    const { header } = messageAt(golden, 1);
    const cookies = { spiI: header.spiI, spiR: header.spiR };
    const nonces = { Ni: phase1.Ni, Nr: phase1.Nr };
    const SKEYID = pskSkeyid(algorithms.prf, PSK, nonces);
    const sharedSecret = hex(keys.sharedSecret);
    const derived = deriveIsakmpKeys(algorithms, SKEYID, { ...cookies, sharedSecret });
    const transcript = { ...cookies, gxi: phase1.gxi, gxr: phase1.gxr, SAi_b: phase1.SAi_b };

    test("SKEYID and the keys made from it", () => {
      expect(SKEYID.toHex()).toBe(keys.SKEYID);
      expect(derived.SKEYID_d.toHex()).toBe(keys.SKEYID_d);
      expect(derived.SKEYID_a.toHex()).toBe(keys.SKEYID_a);
      expect(derived.SKEYID_e.toHex()).toBe(keys.SKEYID_e);
      expect(derived.cipherKey.toHex()).toBe(keys.Ka);
    });

    test("each message of Phase 1 is decrypted, and HASH_I and HASH_R are right", () => {
      const { IDii, IDir, HASH_I, HASH_R } = proofsOf(golden, algorithms, isMain);
      expect(hashI(algorithms.prf, SKEYID, transcript, IDii).toHex()).toBe(keys.HASH_I);
      expect(hashR(algorithms.prf, SKEYID, transcript, IDir).toHex()).toBe(keys.HASH_R);
      expect(HASH_I.toHex()).toBe(keys.HASH_I);
      expect(HASH_R.toHex()).toBe(keys.HASH_R);
    });

    test("Quick Mode: HASH(1), HASH(2), and keys for both directions", () => {
      const last = lastBlockOf(golden, algorithms, isMain);
      const first = isMain ? MAIN_MODE_MESSAGES : AGGRESSIVE_MODE_MESSAGES;
      const { messageId } = messageAt(golden, first).header;
      const { SKEYID_a, SKEYID_d } = derived;
      const request = decryptedAt(
        golden,
        algorithms,
        first,
        exchangeIv(algorithms, last, messageId),
      );
      const answer = decryptedAt(golden, algorithms, first + 1, request.iv);
      const Ni = the("NONCE", request.chain).data;
      const Nr = the("NONCE", answer.chain).data;
      const hash1 = messageHash(algorithms.prf, SKEYID_a, messageId, {
        rest: request.chain.afterFirst,
      });
      const hash2 = messageHash(algorithms.prf, SKEYID_a, messageId, {
        Ni,
        rest: answer.chain.afterFirst,
      });
      expect(hash1).toEqual(the("HASH", request.chain).data);
      expect(hash2).toEqual(the("HASH", answer.chain).data);
      const made = deriveQuickModeKeys({ prf: algorithms.prf, SKEYID_d }, espOf(answer.chain), {
        Ni,
        Nr,
        spiI: spiOf(request.chain),
        spiR: spiOf(answer.chain),
        sharedSecret: hex(keys.quickModeSecret),
      });
      expect(made.initiator.encryption.toHex()).toBe(keys.initiator.encryption);
      expect(made.initiator.integrity.toHex()).toBe(keys.initiator.integrity);
      expect(made.responder.encryption.toHex()).toBe(keys.responder.encryption);
      expect(made.responder.integrity.toHex()).toBe(keys.responder.integrity);
    });

    test("Informational messages have an IV and a hash of their own", () => {
      const last = lastBlockOf(golden, algorithms, isMain);
      let count = 0;
      for (const index of golden.messages.keys()) {
        const { header } = messageAt(golden, index);
        if (header.exchangeType !== 5) continue;
        const iv = exchangeIv(algorithms, last, header.messageId);
        const { chain } = decryptedAt(golden, algorithms, index, iv);
        const hash = messageHash(algorithms.prf, derived.SKEYID_a, header.messageId, {
          rest: chain.afterFirst,
        });
        expect(hash).toEqual(the("HASH", chain).data);
        count++;
      }
      expect(count).toBeGreaterThan(1);
    });

    test("what we encrypt is the recorded message, but for a block of padding", () => {
      const index = isMain ? MAIN_MODE_MESSAGES - 1 : AGGRESSIVE_MODE_MESSAGES - 1;
      const { header, body } = messageAt(golden, index);
      const iv = isMain
        ? messageAt(golden, index - 1).octets.slice(-algorithms.encr.blockOctets)
        : phase1Iv(algorithms, phase1.gxi, phase1.gxr);
      const opened = decryptPayloads(algorithms, hex(keys.Ka), iv, body);
      if (opened === undefined) throw new Error("no whole blocks");
      const { payloads } = payloadsIn(header.nextPayload, opened.octets);
      const sealed = encryptPayloads(algorithms, hex(keys.Ka), iv, emitPayloadOctets(payloads));
      expect(body.toHex().startsWith(sealed.octets.toHex())).toBe(true);
      expect(body.length - sealed.octets.length).toBeOneOf([0, algorithms.encr.blockOctets]);
    });

    test("NAT-D hashes of both ends", () => {
      const [initiator, responder] = ["10.91.0.1", "10.91.0.2"].map((text) => {
        const address = parseAddress(text);
        if (address === undefined) throw new Error(text);
        return natDHash(algorithms.prf.hash, cookies, { address, port: 500 });
      });
      const toInitiator = clearAt(golden, isMain ? 3 : 1);
      const sent = toInitiator.payloads.flatMap((one) => (one.kind === "NAT_D" ? [one.data] : []));
      expect(sent).toEqual([initiator ?? PSK, responder ?? PSK]);
    });
  });
}

/** What HASH_I, HASH_R and SKEYID are made from. */
function phase1Of(golden: Golden, isMain: boolean) {
  const [offer, exchangeI, exchangeR] = (isMain ? [0, 2, 3] : [0, 0, 1]).map((index) =>
    clearAt(golden, index),
  );
  if (offer === undefined || exchangeI === undefined || exchangeR === undefined) throw new Error();
  return {
    SAi_b: the("SA", offer).body,
    gxi: the("KE", exchangeI).body,
    gxr: the("KE", exchangeR).body,
    Ni: the("NONCE", exchangeI).body,
    Nr: the("NONCE", exchangeR).body,
  };
}

function decryptedAt(golden: Golden, algorithms: IsakmpAlgorithms, index: number, iv: Uint8Array) {
  const { header, body } = messageAt(golden, index);
  const opened = decryptPayloads(algorithms, hex(golden.keys.Ka), iv, body);
  if (opened === undefined) throw new Error("no whole blocks");
  return { chain: payloadsIn(header.nextPayload, opened.octets), iv: opened.iv };
}

/** The encrypted messages of Phase 1 one after another, each with the IV that the last one left. */
function proofsOf(golden: Golden, algorithms: IsakmpAlgorithms, isMain: boolean) {
  const { gxi, gxr } = phase1Of(golden, isMain);
  const iv = phase1Iv(algorithms, gxi, gxr);
  expect(iv.toHex()).toBe(golden.keys.iv);
  if (!isMain) {
    const last = decryptedAt(golden, algorithms, 2, iv);
    const [offer, answer] = [clearAt(golden, 0), clearAt(golden, 1)];
    return {
      IDii: the("ID", offer).body,
      IDir: the("ID", answer).body,
      HASH_I: the("HASH", last.chain).data,
      HASH_R: the("HASH", answer).data,
    };
  }
  const fifth = decryptedAt(golden, algorithms, 4, iv);
  const sixth = decryptedAt(golden, algorithms, 5, fifth.iv);
  return {
    IDii: the("ID", fifth.chain).body,
    IDir: the("ID", sixth.chain).body,
    HASH_I: the("HASH", fifth.chain).data,
    HASH_R: the("HASH", sixth.chain).data,
  };
}

function lastBlockOf(golden: Golden, { encr }: IsakmpAlgorithms, isMain: boolean): Uint8Array {
  const { octets } = messageAt(golden, isMain ? 5 : 2);
  return octets.slice(-encr.blockOctets);
}

function espOf(chain: ReceivedPayloads) {
  const transform = the("SA", chain).proposals[0]?.transforms[0];
  if (transform === undefined) throw new Error("no transform");
  return espAlgorithmsIkev1(espOfferOf(transform));
}

function spiOf(chain: ReceivedPayloads): number {
  const spi = the("SA", chain).proposals[0]?.spi ?? new Uint8Array(0);
  return new Reader(spi, "SPI").u32();
}
