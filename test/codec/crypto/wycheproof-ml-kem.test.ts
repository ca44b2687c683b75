/** Known answers of Project Wycheproof for ML-KEM: right values, odd ones, and invalid ones. */

import { expect, test } from "bun:test";
import { performKeyExchange } from "../../../src/crypto/key-exchange.ts";
import { Ke } from "../../../src/crypto/transform.ts";
import { beginMlKem } from "../../../src/daemon/ml-kem.ts";
import { concat } from "../../../src/octets/concat.ts";
import known from "../vectors/wycheproof_ml_kem.json";
import { offer } from "./exchange.ts";

const hex = (text: string) => Uint8Array.fromHex(text);

const METHODS: Readonly<Record<string, number>> = {
  "ML-KEM-512": Ke.ML_KEM_512,
  "ML-KEM-768": Ke.ML_KEM_768,
  "ML-KEM-1024": Ke.ML_KEM_1024,
};

function methodOf(set: string): number {
  const method = METHODS[set];
  if (method === undefined) throw new Error(set);
  return method;
}

for (const set of Object.keys(METHODS)) {
  const method = methodOf(set);

  test(`mlkem_keygen_seed_test, ${set}: the encapsulation key of a seed`, async () => {
    for (const { seed, key } of known.keyGeneration.filter((one) => one.set === set)) {
      expect(offer(method, hex(seed)).toHex()).toBe(key);
      const native = await beginMlKem({ op: "offer", method, random: hex(seed) });
      if (native !== undefined) expect(native.ok && native.value.publicValue.toHex()).toBe(key);
    }
  });

  test(`mlkem_test, ${set}: the secret of a ciphertext, or a refusal`, async () => {
    const results: string[] = [];
    for (const one of known.decapsulation.filter((other) => other.set === set)) {
      const ask = () => ({ random: hex(one.seed), peerPublic: hex(one.ciphertext) });
      const here = performKeyExchange({ op: "derive", method, ...ask() });
      const native = await beginMlKem({ op: "derive", method, ...ask() });
      for (const result of [here, native]) {
        if (result === undefined) continue;
        const seen = result.ok ? result.value.sharedSecret.toHex() : "refused";
        const expected = one.result === "valid" ? one.secret : "refused";
        expect([one.tcId, one.comment, seen]).toEqual([one.tcId, one.comment, expected]);
      }
      results.push(one.result);
    }
    expect(new Set(results)).toEqual(new Set(["valid", "invalid"]));
  });

  test(`mlkem_encaps_test, ${set}: keys that are not reduced or too long are refused`, async () => {
    const results: string[] = [];
    for (const one of known.encapsulation.filter((other) => other.set === set)) {
      // The second half is not used by a responder.
      const random = () => concat(hex(one.message), new Uint8Array(32).fill(0xff));
      const peerPublic = hex(one.key);
      const here = performKeyExchange({ op: "respond", method, random: random(), peerPublic });
      const isRight = one.result === "valid";
      const seen = here.ok
        ? [here.value.publicValue.toHex(), here.value.sharedSecret.toHex()]
        : ["refused"];
      const expected = isRight ? [one.ciphertext, one.secret] : ["refused"];
      expect([one.tcId, one.comment, seen]).toEqual([one.tcId, one.comment, expected]);
      // The runtime's own draws its randomness by itself.
      const native = await beginMlKem({ op: "respond", method, random: random(), peerPublic });
      if (native !== undefined) expect([one.tcId, native.ok]).toEqual([one.tcId, isRight]);
      results.push(one.result);
    }
    expect(new Set(results)).toEqual(new Set(["valid", "invalid"]));
  });
}
