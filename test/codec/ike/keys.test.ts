/** Keys of IKE and Child SAs against NIST's known answers (RFC 7296 §2.14, §2.17, §2.18). */

import { describe, expect, test } from "bun:test";
import { encryptionFor } from "../../../src/crypto/encryption.ts";
import { integrityFor } from "../../../src/crypto/integrity.ts";
import { prfFor } from "../../../src/crypto/prf.ts";
import { Encr, Integ, PrfId } from "../../../src/crypto/transform.ts";
import { deriveEspKeys, deriveIkeKeys, rekeySkeyseed, skeyseed } from "../../../src/ike/v2/keys.ts";
import { concat } from "../../../src/octets/concat.ts";
import { toHex } from "../../../src/octets/hex.ts";
import { asIkeSpi } from "../../../src/wire/header.ts";
import vectors from "../vectors/ikev2_cavp_sha.json";

const hex = (text: string) => Uint8Array.fromHex(text);
const spi = (text: string) => asIkeSpi(BigInt(`0x${text}`));

const input = { Ni: hex(vectors.ni), Nr: hex(vectors.nr) };
const spis = { spiI: spi(vectors.spii), spiR: spi(vectors.spir) };

const cases = [
  { hash: "SHA2-256", prf: PrfId.HMAC_SHA2_256, integ: Integ.HMAC_SHA2_256_128 },
  { hash: "SHA-1", prf: PrfId.HMAC_SHA1, integ: Integ.HMAC_SHA1_96 },
] as const;

function algorithmsOf(prfId: number, integId: number) {
  const encr = encryptionFor(Encr.AES_CBC, 256);
  const integ = integrityFor(integId);
  const prf = prfFor(prfId);
  if (encr === undefined || integ === undefined || prf === undefined) throw new Error("built in");
  return { encr, integ, prf, ke: 2 };
}

for (const { hash, prf: prfId, integ } of cases) {
  const want = vectors.results[hash];
  const algorithms = algorithmsOf(prfId, integ);

  describe(`key derivation with HMAC of ${hash}`, () => {
    const SKEYSEED = skeyseed(algorithms.prf, input, hex(vectors.gir));

    test("SKEYSEED is prf(Ni | Nr, g^ir)", () => {
      expect(toHex(SKEYSEED)).toBe(want.sKeySeed.toLowerCase());
    });

    test("the seven keys are cut from prf+ in the order of RFC 7296 §2.14", () => {
      const keys = deriveIkeKeys(algorithms, SKEYSEED, { ...input, ...spis });
      const { SK_d, SK_ai, SK_ar, SK_ei, SK_er, SK_pi, SK_pr } = keys;
      const all = toHex(concat(SK_d, SK_ai, SK_ar, SK_ei, SK_er, SK_pi, SK_pr));
      const known = Math.min(all.length, want.dkm.length);
      expect(all.slice(0, known)).toBe(want.dkm.slice(0, known).toLowerCase());
      expect(SK_ei.length).toBe(32);
    });

    test("Child SA keys: initiator's direction first, encryption before integrity", () => {
      const SK_d = hex(want.dkm).slice(0, algorithms.prf.keyOctets);
      const esp = { encr: algorithms.encr, integ: algorithms.integ, ke: 0, esn: false };
      const ike = { prf: algorithms.prf, SK_d };
      const plain = deriveEspKeys(ike, esp, { ...input, sharedSecret: new Uint8Array(0) });
      expect(chained(plain)).toBe(want.dkmChild.slice(0, chained(plain).length).toLowerCase());
      const pfs = deriveEspKeys(ike, esp, { ...input, sharedSecret: hex(vectors.girNew) });
      expect(chained(pfs)).toBe(want.dkmDh.slice(0, chained(pfs).length).toLowerCase());
    });

    test("SKEYSEED of a rekeyed IKE SA is prf(SK_d, g^ir | Ni | Nr)", () => {
      const SK_d = hex(want.dkm).slice(0, algorithms.prf.keyOctets);
      const sharedSecret = hex(vectors.girNew);
      const rekeyed = rekeySkeyseed(algorithms.prf, SK_d, { ...input, sharedSecret });
      expect(toHex(rekeyed)).toBe(want.sKeySeedReKey.toLowerCase());
    });
  });
}

function chained(keys: ReturnType<typeof deriveEspKeys>): string {
  const { initiator, responder } = keys;
  const octets = concat(
    initiator.encryption,
    initiator.integrity,
    responder.encryption,
    responder.integrity,
  );
  return toHex(octets);
}
