/** Known answers of ML-KEM (FIPS 203): keys from seeds, ciphertexts, and secrets, also implicit. */

import { expect, test } from "bun:test";
import { performKeyExchange } from "../../../src/crypto/key-exchange.ts";
import { ML_KEM_512, ML_KEM_768, ML_KEM_1024 } from "../../../src/crypto/ml-kem.ts";
import { Ke } from "../../../src/crypto/transform.ts";
import { beginMlKem } from "../../../src/daemon/ml-kem.ts";
import { concat } from "../../../src/octets/concat.ts";
import known from "../vectors/ml_kem.json";
import { derive, offer } from "./exchange.ts";

const hex = (text: string) => Uint8Array.fromHex(text);

const SETS: Readonly<Record<string, { readonly method: number; readonly kem: typeof ML_KEM_768 }>> =
  {
    "ML-KEM-512": { method: Ke.ML_KEM_512, kem: ML_KEM_512 },
    "ML-KEM-768": { method: Ke.ML_KEM_768, kem: ML_KEM_768 },
    "ML-KEM-1024": { method: Ke.ML_KEM_1024, kem: ML_KEM_1024 },
  };

function setOf(name: string) {
  const found = SETS[name];
  if (found === undefined) throw new Error(name);
  return found;
}

test("each kind of answer is there for each parameter set", () => {
  for (const list of [
    known.keyGeneration,
    known.encapsulation,
    known.decapsulation,
    known.bySeed,
  ]) {
    expect(new Set(list.map(({ set }) => set))).toEqual(new Set(Object.keys(SETS)));
  }
});

test("the encapsulation key of a seed", async () => {
  for (const { set, seed, key } of known.keyGeneration) {
    const { method } = setOf(set);
    expect(offer(method, hex(seed)).toHex()).toBe(key);
    const native = await beginMlKem({ op: "offer", method, random: hex(seed) });
    if (native !== undefined) expect(native.ok && native.value.publicValue.toHex()).toBe(key);
  }
});

test("the ciphertext of a message and its secret", () => {
  for (const { set, message, key, ciphertext, secret } of known.encapsulation) {
    const { method } = setOf(set);
    // The second half is not used by a responder.
    const random = concat(hex(message), new Uint8Array(32).fill(0xff));
    const result = performKeyExchange({ op: "respond", method, random, peerPublic: hex(key) });
    if (!result.ok) throw new Error(result.error.detail);
    expect(result.value.publicValue.toHex()).toBe(ciphertext);
    expect(result.value.sharedSecret.toHex()).toBe(secret);
  }
});

test("the secret of a ciphertext under the key of a seed", async () => {
  for (const { set, seed, ciphertext, secret } of known.bySeed) {
    const { method } = setOf(set);
    const [random, peerPublic] = [hex(seed), hex(ciphertext)];
    expect(derive(method, random, peerPublic).toHex()).toBe(secret);
    const native = await beginMlKem({ op: "derive", method, random, peerPublic });
    if (native !== undefined) expect(native.ok && native.value.sharedSecret.toHex()).toBe(secret);
  }
});

test("the secret of a ciphertext under a decapsulation key", () => {
  for (const { set, decapsulationKey, ciphertext, secret } of known.decapsulation) {
    const { algorithm } = setOf(set).kem;
    expect(algorithm.decapsulate(hex(ciphertext), hex(decapsulationKey)).toHex()).toBe(secret);
  }
});
