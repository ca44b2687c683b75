/** Algorithms of ESP: key lengths as the RFCs say, the kernel's names, and what is refused. */

import { expect, test } from "bun:test";
import { protectionOf } from "../../../src/concentrator/dataplane/esp-protection.ts";
import { espEncryptionFor, espIntegrityFor } from "../../../src/crypto/esp-algorithm.ts";
import { prfFor } from "../../../src/crypto/prf.ts";
import { isUnencrypted, parseSuite } from "../../../src/crypto/suite-notation.ts";
import { PrfId } from "../../../src/crypto/transform.ts";
import { deriveEspKeys } from "../../../src/ike/v2/keys.ts";

/** Word, transform, octets of key and salt, octets of the ICV, the kernel's name. */
const AEADS = [
  ["aes128gcm16", 20, 128, 16 + 4, 16, "rfc4106(gcm(aes))"], // RFC 4106 §8.1
  ["aes192gcm12", 19, 192, 24 + 4, 12, "rfc4106(gcm(aes))"],
  ["aes256gcm8", 18, 256, 32 + 4, 8, "rfc4106(gcm(aes))"],
  ["aes128ccm8", 14, 128, 16 + 3, 8, "rfc4309(ccm(aes))"], // RFC 4309 §7.1
  ["aes192ccm12", 15, 192, 24 + 3, 12, "rfc4309(ccm(aes))"],
  ["aes256ccm16", 16, 256, 32 + 3, 16, "rfc4309(ccm(aes))"],
  ["aes256gmac", 21, 256, 32 + 4, 16, "rfc4543(gcm(aes))"], // RFC 4543 §5.1
  ["chacha20poly1305", 28, undefined, 32 + 4, 16, "rfc7539esp(chacha20,poly1305)"], // RFC 7634 §2
] as const;

test.each(AEADS)("%s: transform %d with %p bits takes %d octets", (...row) => {
  const [word, id, keyBits, keyOctets, icvOctets, kernelName] = row;
  expect(encryptionOf(word)).toEqual({ id, keyBits });
  const encr = espEncryptionFor(id, keyBits);
  expect(encr).toMatchObject({ kind: "aead", keyOctets, icvOctets });
  if (encr === undefined) throw new Error("not built in");
  const { initiator } = keysFor(encr, undefined);
  expect([initiator.encryption.length, initiator.integrity.length]).toEqual([keyOctets, 0]);
  expect(protectionOf({ encr, integ: undefined }, initiator)).toEqual({
    kind: "aead",
    aead: { name: kernelName, key: initiator.encryption, icvBits: icvOctets * 8 },
  });
});

/** Words of encryption and integrity, their transforms, octets of both keys, kernel names. */
const OTHERS = [
  ["aes192-sha384", [12, 192], 13, [24, 48], ["cbc(aes)", "hmac(sha384)", 192]],
  ["aes128ctr-sha256", [13, 128], 12, [16 + 4, 32], ["rfc3686(ctr(aes))", "hmac(sha256)", 128]],
  ["aes256ctr-aescmac", [13, 256], 8, [32 + 4, 16], ["rfc3686(ctr(aes))", "cmac(aes)", 96]],
  ["aes128-aesxcbc", [12, 128], 5, [16, 16], ["cbc(aes)", "xcbc(aes)", 96]],
  ["camellia256-sha512", [23, 256], 14, [32, 64], ["cbc(camellia)", "hmac(sha512)", 256]],
] as const;

test.each(OTHERS)("%s: lengths of both keys, and what the kernel gets", (...row) => {
  const [words, [id, keyBits], integId, [encrOctets, integOctets], names] = row;
  expect(encryptionOf(words)).toEqual({ id, keyBits });
  const [encr, integ] = [espEncryptionFor(id, keyBits), espIntegrityFor(integId)];
  if (encr === undefined || integ === undefined) throw new Error("not built in");
  const { responder } = keysFor(encr, integ);
  expect(responder.encryption).toHaveLength(encrOctets);
  expect(responder.integrity).toHaveLength(integOctets);
  const [name, authName, truncBits] = names;
  expect(protectionOf({ encr, integ }, responder)).toEqual({
    kind: "crypt-auth",
    crypt: { name, key: responder.encryption },
    auth: { name: authName, key: responder.integrity, truncBits },
  });
});

test("what IKE has no code for is refused there, and what needs integrity says so", () => {
  for (const word of ["aes128ctr", "aes256ccm16", "aes128gcm8", "aes128gmac", "camellia128"]) {
    expect(faultOf(`${word}-sha256-prfsha256-x25519`, "ike")).toBe(
      `"${word}" is not built in for IKE, only for ESP`,
    );
  }
  expect(faultOf("aes128-aescmac-prfsha256-x25519", "ike")).toContain('"aescmac" is not built in');
  expect(faultOf("aes128ctr", "esp")).toContain("AES-CTR needs an integrity algorithm");
  expect(faultOf("camellia128-aes128ccm16", "esp")).toContain("Camellia cannot be in one proposal");
  expect(faultOf("aes128gmac-sha256", "esp")).toContain("AES-GMAC needs no integrity algorithm");
});

test("AES-GMAC does not encrypt: it is found out, for a warning", () => {
  const unencrypted = ["aes128gmac", "aes128gcm16"].map((text) => {
    const suite = parseSuite(text, "esp");
    return suite.ok && isUnencrypted(suite.value);
  });
  expect(unencrypted).toEqual([true, false]);
});

test("what RFC 8221 forbids, and what the kernel lacks, is not there", () => {
  // DES_IV64, DES, 3DES, RC5, IDEA, CAST, BLOWFISH, NULL, CAMELLIA_CTR, CAMELLIA_CCM_16
  for (const id of [1, 2, 3, 4, 5, 6, 7, 11, 24, 27]) {
    for (const keyBits of [undefined, 128, 256])
      expect(espEncryptionFor(id, keyBits)).toBe(undefined);
  }
  // HMAC_MD5_96, DES_MAC, KPDK_MD5, HMAC_MD5_128, HMAC_SHA1_160
  for (const id of [1, 3, 4, 6, 7]) expect(espIntegrityFor(id)).toBe(undefined);
});

function encryptionOf(words: string) {
  const suite = parseSuite(words, "esp");
  if (!suite.ok) throw new Error(suite.error);
  return suite.value.encr[0];
}

function faultOf(text: string, kind: "ike" | "esp"): string {
  const suite = parseSuite(text, kind);
  return suite.ok ? "" : suite.error;
}

function keysFor(
  encr: NonNullable<ReturnType<typeof espEncryptionFor>>,
  integ: ReturnType<typeof espIntegrityFor>,
) {
  const prf = prfFor(PrfId.HMAC_SHA2_256);
  if (prf === undefined) throw new Error("no PRF");
  const [Ni, Nr] = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)];
  const input = { sharedSecret: new Uint8Array(0), Ni, Nr };
  const ike = { prf, SK_d: new Uint8Array(32).fill(3) };
  return deriveEspKeys(ike, { encr, integ, ke: 0, esn: false }, input);
}
