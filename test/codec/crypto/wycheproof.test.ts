/** Known answers of Project Wycheproof: key exchange, signatures, AEADs, right and wrong ones. */

import { expect, test } from "bun:test";
import { encryptionFor, seal, unseal } from "../../../src/crypto/encryption.ts";
import { performKeyExchange, privateOctets } from "../../../src/crypto/key-exchange.ts";
import { Encr, Ke } from "../../../src/crypto/transform.ts";
import { publicKeyKind, type SignatureAlgorithm } from "../../../src/crypto/x509/algorithm.ts";
import { isSignedBy } from "../../../src/crypto/x509/verify.ts";
import { concat } from "../../../src/octets/concat.ts";
import aead from "../vectors/wycheproof_aead.json";
import exchange from "../vectors/wycheproof_key_exchange.json";
import signatures from "../vectors/wycheproof_signatures.json";

const hex = (text: string) => Uint8Array.fromHex(text);

/** 64 bits more than the order has octets: (random mod (order - 1)) + 1 is the private value. */
function randomFor(method: number, privateValue: string): Uint8Array {
  if (method === Ke.X25519) return hex(privateValue);
  const less = (BigInt(`0x${privateValue}`) - 1n).toString(16);
  return hex(less.padStart(2 * privateOctets(method), "0"));
}

for (const { file, method, tests } of exchange.groups) {
  test(`${file}: ${tests.length} public values`, () => {
    let refused = 0;
    for (const one of tests) {
      // Without the form, which a KE payload does not have; compressed points are shorter.
      const peerPublic = hex(method === Ke.X25519 ? one.public : one.public.slice(2));
      const random = randomFor(method, one.private);
      const result = performKeyExchange({ op: "derive", method, random, peerPublic });
      // A point whose X is zero is one like others; X25519 gives zeros for points of low order.
      const isZero = method === Ke.X25519 && /^0*$/.test(one.shared);
      // Their acceptable ones are those that a library may refuse as well.
      const isRight = one.result === "valid" || (one.result === "acceptable" && result.ok);
      const expected = isRight && !isZero ? one.shared : "refused";
      expect([one.tcId, result.ok ? result.value.sharedSecret.toHex() : "refused"]).toEqual([
        ...[one.tcId, expected],
      ]);
      if (!result.ok) refused++;
    }
    expect(refused).toBeGreaterThan(0);
    expect(refused).toBeLessThan(tests.length);
  });
}

for (const { file, scheme, hash, saltOctets, publicKey, tests } of signatures.groups) {
  const algorithm = { scheme, hash, saltOctets } as unknown as SignatureAlgorithm;
  test(`${file}: ${tests.length} signatures from ${tests[0]?.tcId} on`, () => {
    const key = { publicKey: hex(publicKey), key: publicKeyKind(hex(publicKey)) };
    for (const { tcId, comment, result, msg, sig } of tests) {
      const signed = {
        algorithm,
        octets: hex(msg),
        signature: hex(sig),
        ecdsaForm: "der",
      } as const;
      if (result === "acceptable") continue;
      expect([tcId, comment, isSignedBy(key, signed)]).toEqual([tcId, comment, result === "valid"]);
    }
  });
}

for (const { file, id, keyBits, tests } of aead.groups) {
  test(`${file}: ${tests.length} messages with keys of ${keyBits} bits`, () => {
    const enc = encryptionFor(id, id === Encr.AES_GCM_16 ? keyBits : undefined);
    if (enc === undefined) throw new Error("not built in");
    for (const one of tests) {
      // In IKE the first four octets of the nonce are a salt behind the key (RFC 5282 §4).
      const key = concat(hex(one.key), hex(one.iv.slice(0, 8)));
      const iv = hex(one.iv.slice(8));
      const [aad, sealed] = [hex(one.aad), hex(one.ct + one.tag)];
      const opened = unseal(enc, key, iv, aad, sealed);
      const expected = one.result === "valid" ? one.msg : undefined;
      expect([one.tcId, opened?.toHex()]).toEqual([one.tcId, expected]);
      if (one.result !== "valid") continue;
      expect(seal(enc, key, iv, aad, hex(one.msg)).toHex()).toBe(one.ct + one.tag);
    }
  });
}
