/** ML-KEM as a key exchange: lengths, agreement, and keys that are refused (FIPS 203 §7). */

import { expect, test } from "bun:test";
import fc from "fast-check";
import {
  isSlowKeyExchange,
  type KeyExchangeRequest,
  keyExchangeFor,
  mlKemFault,
  performKeyExchange,
  privateOctets,
} from "../../../src/crypto/key-exchange.ts";
import { Ke } from "../../../src/crypto/transform.ts";
import { derive, expectAgreement, offer } from "./exchange.ts";

/** FIPS 203 §8, table 3; the numbers of the IANA registry. */
const METHODS = [
  { method: Ke.ML_KEM_512, number: 35, name: "ML_KEM_512", key: 800, ciphertext: 768 },
  { method: Ke.ML_KEM_768, number: 36, name: "ML_KEM_768", key: 1_184, ciphertext: 1_088 },
  { method: Ke.ML_KEM_1024, number: 37, name: "ML_KEM_1024", key: 1_568, ciphertext: 1_568 },
];

const RANDOM = fc.uint8Array({ minLength: 64, maxLength: 64 });

test.each(METHODS)("$name has its number and its lengths", (expected) => {
  const { method, number, name, key, ciphertext } = expected;
  expect(method).toBe(number as typeof method);
  expect(keyExchangeFor(method)).toMatchObject({
    ...{ name, kind: "ml-kem" },
    ...{ publicOctets: key, answerOctets: ciphertext, secretOctets: 32 },
  });
  expect(privateOctets(method)).toBe(64);
  // The library takes up to two milliseconds: too long for the thread that answers all sites.
  expect(isSlowKeyExchange(method)).toBe(true);
});

test.each(METHODS)("$name: both ends agree, whatever their random octets", ({ method }) => {
  fc.assert(
    fc.property(RANDOM, RANDOM, (first, second) => expectAgreement(method, first, second)),
    { numRuns: 10 },
  );
});

test.each(METHODS)("$name: a ciphertext for another key gives another secret", ({ method }) => {
  const [mine, other, second] = [1, 2, 3].map((octet) => new Uint8Array(64).fill(octet));
  if (mine === undefined || other === undefined || second === undefined) return;
  const peerPublic = offer(method, other);
  const answered = performKeyExchange({ op: "respond", method, random: second, peerPublic });
  if (!answered.ok) throw new Error(answered.error.detail);
  const { publicValue, sharedSecret } = answered.value;
  expect(derive(method, other, publicValue)).toEqual(sharedSecret);
  expect(derive(method, mine, publicValue)).not.toEqual(sharedSecret);
});

test.each(METHODS)("$name: a value of a wrong length is refused", ({ method, key, ciphertext }) => {
  for (const octets of [0, 1, key - 1, key + 1, 2 * key]) {
    expect(faultOf(respond(method, new Uint8Array(octets)))).toContain(`needs ${key}`);
  }
  for (const octets of [0, 1, ciphertext - 1, ciphertext + 1, 2 * ciphertext]) {
    expect(faultOf(deriveOf(method, new Uint8Array(octets)))).toContain(`needs ${ciphertext}`);
  }
});

test.each(METHODS)("$name: a key with a coefficient of 3329 is refused", ({ method, key }) => {
  const right = offer(method, new Uint8Array(64).fill(5));
  expect(faultOf(respond(method, right))).toBe("");
  // Two coefficients in three octets: the first of all, the second of all, the last of all.
  const places = [0, 1, ((key - 32) / 3) * 2 - 1];
  for (const place of places) {
    expect(faultOf(respond(method, withCoefficient(right, place, 3_328)))).toBe("");
    for (const value of [3_329, 4_095]) {
      const said = faultOf(respond(method, withCoefficient(right, place, value)));
      expect(said).toContain("a coefficient that is not below the modulus");
    }
  }
  // The last 32 octets are a seed: any value is allowed.
  const seed = right.slice();
  seed.fill(255, key - 32);
  expect(faultOf(respond(method, seed))).toBe("");
});

function respond(method: number, peerPublic: Uint8Array): KeyExchangeRequest {
  return { op: "respond", method, random: new Uint8Array(64).fill(7), peerPublic };
}

function deriveOf(method: number, peerPublic: Uint8Array): KeyExchangeRequest {
  return { op: "derive", method, random: new Uint8Array(64).fill(7), peerPublic };
}

/** The fault, which is the same before the work and in it; empty if there is none. */
function faultOf(request: KeyExchangeRequest): string {
  const result = performKeyExchange(request);
  expect(mlKemFault(request)).toEqual(result.ok ? undefined : result);
  if (result.ok) return "";
  expect(result.error.kind).toBe("invalid-public");
  return result.error.detail;
}

function withCoefficient(key: Uint8Array, place: number, value: number): Uint8Array {
  const changed = key.slice();
  const at = (place >> 1) * 3;
  const [a = 0, b = 0, c = 0] = changed.subarray(at, at + 3);
  const [low, high] = [a | ((b & 15) << 8), (b >> 4) | (c << 4)];
  const [first, second] = place % 2 === 0 ? [value, high] : [low, value];
  changed.set([first & 255, (first >> 8) | ((second & 15) << 4), second >> 4], at);
  return changed;
}
