/** Keys of IKEv1 where nothing was recorded, against HMACs written out by hand (RFC 2409 §5). */

import { expect, test } from "bun:test";
import { createHmac } from "node:crypto";
import { protectionOf } from "../../../../src/concentrator/dataplane/esp-protection.ts";
import { isakmpEncryptionFor, isakmpPrfFor, isLegacy } from "../../../../src/crypto/ikev1.ts";
import { prfFor, prf as prfOutput } from "../../../../src/crypto/prf.ts";
import { Encr, Integ, Ke, PrfId, TransformType } from "../../../../src/crypto/transform.ts";
import { anyEspAlgorithmsOf, espAlgorithmsOf } from "../../../../src/ike/algorithms.ts";
import { decryptPayloads, encryptPayloads } from "../../../../src/ike/v1/cipher.ts";
import {
  cookieOctets,
  deriveIsakmpKeys,
  deriveQuickModeKeys,
  quickModeHash3,
  signatureSkeyid,
  wipeIsakmpKeys,
} from "../../../../src/ike/v1/keys.ts";
import { concat } from "../../../../src/octets/concat.ts";
import { asIkeSpi } from "../../../../src/wire/header.ts";
import { espAlgorithmsIkev1 } from "./esp.ts";

const Ni = new Uint8Array(16).fill(1);
const Nr = new Uint8Array(32).fill(2);
const COOKIES = { spiI: asIkeSpi(0x0102030405060708n), spiR: asIkeSpi(0x1112131415161718n) };
const NO_LIFETIME = { seconds: undefined, kilobytes: undefined };

test("SKEYID for signatures is prf(Ni_b | Nr_b, g^xy)", () => {
  const secret = new Uint8Array(128).fill(9);
  expect(signatureSkeyid(prf("sha1"), { Ni, Nr }, secret)).toEqual(
    hmac("sha1", concat(Ni, Nr), secret),
  );
});

test("HASH(3) is prf(SKEYID_a, 0 | M-ID | Ni_b | Nr_b)", () => {
  const key = new Uint8Array(20).fill(7);
  const id = Uint8Array.of(0xa1, 0xb2, 0xc3, 0xd4);
  expect(quickModeHash3(prf("sha1"), key, 0xa1b2c3d4, { Ni, Nr })).toEqual(
    hmac("sha1", key, Uint8Array.of(0), id, Ni, Nr),
  );
});

test("the cookies: initiator's first", () => {
  expect(cookieOctets(COOKIES).toHex()).toBe("01020304050607081112131415161718");
});

test("a cipher's key that is longer than SKEYID_e is made of K1 | K2 (App. B)", () => {
  const encr = isakmpEncryptionFor(Encr.AES_CBC, 256);
  if (encr === undefined) throw new Error("built in");
  const SKEYID = new Uint8Array(16).fill(3);
  const input = { ...COOKIES, sharedSecret: new Uint8Array(128).fill(9) };
  const keys = deriveIsakmpKeys({ encr, prf: prf("md5"), ke: 2 }, SKEYID, input);
  const K1 = hmac("md5", keys.SKEYID_e, Uint8Array.of(0));
  const K2 = hmac("md5", keys.SKEYID_e, K1);
  expect(keys.cipherKey).toEqual(concat(K1, K2));
  wipeIsakmpKeys(keys);
  expect(keys.cipherKey).toEqual(new Uint8Array(32));
});

test("KEYMAT of any length: K1 | K2 | K3, each direction by its receiver's SPI", () => {
  const SKEYID_d = new Uint8Array(16).fill(5);
  const sharedSecret = new Uint8Array(128).fill(6);
  const gcm = { id: Encr.AES_GCM_16, keyBits: 256 };
  const offer = { encr: gcm, integ: 0, ke: 2, encapsulation: 1 };
  const esp = espAlgorithmsIkev1({ ...offer, odd: undefined, lifetime: NO_LIFETIME });
  const keys = deriveQuickModeKeys({ prf: prf("md5"), SKEYID_d }, esp, {
    ...{ Ni, Nr, sharedSecret },
    spiI: 0x11111111,
    spiR: 0xeeeeeeee,
  });
  for (const [octet, direction] of [
    [0xee, keys.initiator],
    [0x11, keys.responder],
  ] as const) {
    const spi = new Uint8Array(4).fill(octet);
    const tail = [sharedSecret, Uint8Array.of(3), spi, Ni, Nr];
    const K1 = hmac("md5", SKEYID_d, ...tail);
    const K2 = hmac("md5", SKEYID_d, K1, ...tail);
    const K3 = hmac("md5", SKEYID_d, K2, ...tail);
    expect(direction.encryption).toEqual(concat(K1, K2, K3).slice(0, 36));
    expect(direction.integrity).toEqual(new Uint8Array(0));
  }
});

test("only whole blocks are decrypted; padding is zeros up to a block", () => {
  for (const [id, keyBits] of [
    [Encr.AES_CBC, 128],
    [Encr.AES_CBC, 192],
    [Encr.AES_CBC, 256],
    [Encr.DES3, undefined],
  ] as const) {
    const encr = isakmpEncryptionFor(id, keyBits);
    if (encr === undefined) throw new Error("built in");
    const algorithms = { encr, prf: prf("sha1"), ke: 2 };
    const key = Uint8Array.from({ length: encr.keyOctets }, (_, i) => 7 * i + 1);
    const iv = new Uint8Array(encr.ivOctets).fill(9);
    for (let octets = 1; octets <= 3 * encr.blockOctets; octets++) {
      const payloads = new Uint8Array(octets).fill(0xff);
      const sealed = encryptPayloads(algorithms, key, iv, payloads);
      const opened = decryptPayloads(algorithms, key, iv, sealed.octets);
      expect(opened?.octets.subarray(0, octets)).toEqual(payloads);
      expect(opened?.octets.subarray(octets).every((octet) => octet === 0)).toBe(true);
      expect((opened?.octets.length ?? 0) - octets).toBeLessThan(encr.blockOctets);
      expect(opened?.iv).toEqual(sealed.iv);
      const cut = sealed.octets.subarray(1);
      expect(decryptPayloads(algorithms, key, iv, cut)).toBeUndefined();
    }
    expect(decryptPayloads(algorithms, key, iv, new Uint8Array(0))).toBeUndefined();
  }
});

test("HMAC-MD5 as in RFC 2202 §2, case 2; IKEv2 does not know it", () => {
  const utf8 = new TextEncoder();
  const key = utf8.encode("Jefe");
  const output = prfOutput(prf("md5"), key, utf8.encode("what do ya want for nothing?"));
  expect(output.toHex()).toBe("750c783e6ab0b503eaa86e310a5db738");
  expect(prfFor(PrfId.HMAC_MD5)).toBeUndefined();
});

test("old algorithms of ESP have names in the kernel, and are read back by their numbers", () => {
  const choice = (encr: number, keyBits: number | undefined, integ: number) => {
    const one = { encr: { id: encr, keyBits }, integ, prf: 0, ke: 0, esn: false };
    expect(espAlgorithmsOf(one)).toBeUndefined();
    return anyEspAlgorithmsOf(one);
  };
  const key = { encryption: new Uint8Array(24), integrity: new Uint8Array(32) };
  const namesOf = (algorithms: ReturnType<typeof choice>) => {
    if (algorithms === undefined) return undefined;
    const made = protectionOf(algorithms, key);
    return made.kind === "crypt-auth" && [made.crypt.name, made.auth.name, made.auth.truncBits];
  };
  expect(namesOf(choice(Encr.DES3, undefined, Integ.HMAC_MD5_96))).toEqual([
    "cbc(des3_ede)",
    "hmac(md5)",
    96,
  ]);
  expect(namesOf(choice(Encr.AES_CBC, 128, Integ.HMAC_SHA2_256_96))).toEqual([
    "cbc(aes)",
    "hmac(sha256)",
    96,
  ]);
});

test("an AEAD is no cipher for an ISAKMP SA", () => {
  expect(isakmpEncryptionFor(Encr.AES_GCM_16, 256)).toBeUndefined();
  expect(isakmpEncryptionFor(Encr.CHACHA20_POLY1305, undefined)).toBeUndefined();
  expect(isakmpEncryptionFor(Encr.DES3, 192)).toBeUndefined();
});

test("what an eroute has to allow by name", () => {
  const { ENCR, INTEG, KE, PRF } = TransformType;
  for (const [type, weak, strong] of [
    [ENCR, [Encr.DES3], [Encr.AES_CBC]],
    [INTEG, [Integ.HMAC_SHA1_96], [Integ.HMAC_SHA2_256_128]],
    [PRF, [PrfId.HMAC_MD5], [PrfId.HMAC_SHA2_256]],
    [KE, [Ke.MODP_1024, Ke.MODP_1536], [Ke.MODP_2048]],
  ] as const) {
    expect(weak.map((id) => isLegacy(type, id))).toEqual(weak.map(() => true));
    expect(strong.map((id) => isLegacy(type, id))).toEqual([false]);
  }
});

function prf(name: "md5" | "sha1") {
  const found = isakmpPrfFor(name === "md5" ? PrfId.HMAC_MD5 : PrfId.HMAC_SHA1);
  if (found === undefined) throw new Error("built in");
  return found;
}

function hmac(name: string, key: Uint8Array, ...chunks: readonly Uint8Array[]): Uint8Array {
  const state = createHmac(name, key);
  for (const chunk of chunks) state.update(chunk);
  return new Uint8Array(state.digest());
}
