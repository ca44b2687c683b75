/** Sites by algorithm: the names that people use, and what they mean. */

import { expect, test } from "bun:test";
import {
  algorithmFilter,
  isPostQuantum,
  keyExchangesIn,
  traitNames,
} from "../../../src/why/algorithm-filter.ts";

const CLASSICAL = "AES_GCM_16_256/PRF_HMAC_SHA2_256/X25519";
const HYBRID = "AES_GCM_16_256/PRF_HMAC_SHA2_384/X25519/ML_KEM_768";
const OLD = "AES_CBC_128/HMAC_SHA1_96/PRF_HMAC_SHA1/MODP_1024";

function found(word: string): readonly string[] {
  const filter = algorithmFilter(word);
  if (!filter.ok) throw new Error(filter.error);
  const lists = { CLASSICAL, HYBRID, OLD };
  return Object.entries(lists).flatMap(([name, list]) => (filter.value.isIn([list]) ? [name] : []));
}

test.each([
  ["mlkem768", ["HYBRID"]],
  ["ML_KEM_768", ["HYBRID"]],
  ["ml-kem-768", ["HYBRID"]],
  ["ke1_mlkem768", ["HYBRID"]],
  ["mlkem", ["HYBRID"]],
  ["pq", ["HYBRID"]],
  ["post-quantum", ["HYBRID"]],
  ["modp1024", ["OLD"]],
  ["modp", ["OLD"]],
  ["curve25519", ["CLASSICAL", "HYBRID"]],
  ["aes256gcm16", ["CLASSICAL", "HYBRID"]],
  ["AES_GCM_16_256", ["CLASSICAL", "HYBRID"]],
  ["aes128", ["OLD"]],
  ["sha1", ["OLD"]],
  ["legacy", ["OLD"]],
  ["prfsha384", ["HYBRID"]],
  ["ecp384", []],
])("%s finds %p", (word, names) => {
  expect(found(word)).toEqual(names);
});

test("legacy is each of 3DES, MD5, SHA-1 and the groups 2 and 5, and nothing else", () => {
  const filter = algorithmFilter("legacy");
  const isLegacy = (list: string) => filter.ok && filter.value.isIn([list]);
  for (const name of ["3DES", "PRF_HMAC_MD5", "HMAC_MD5_96", "HMAC_SHA1_96", "MODP_1536"]) {
    expect([name, isLegacy(`AES_CBC_256/${name}`)]).toEqual([name, true]);
  }
  for (const name of ["HMAC_SHA2_256_96", "PRF_HMAC_SHA2_256", "MODP_2048", "CAMELLIA_CBC_128"]) {
    expect([name, isLegacy(`AES_CBC_256/${name}`)]).toEqual([name, false]);
  }
});

test("a word that is no algorithm is refused, not taken for one that nobody has", () => {
  for (const word of ["mlkem769x", "m", "", "site-1", "x".repeat(1_000)]) {
    const filter = algorithmFilter(word);
    expect(filter.ok).toBe(false);
    expect(filter.ok ? "" : filter.error.length).toBeLessThan(120);
  }
});

test("offered proposals are searched as well, with additional key exchanges and remarks", () => {
  const filter = algorithmFilter("mlkem1024");
  const offered = "AES_CBC_256/X25519/ADDKE1_ML_KEM_1024 with attribute 15=1/and 3 more";
  expect(filter.ok && filter.value.isIn(["AES_CBC_256", offered])).toBe(true);
  expect(filter.ok && filter.value.isIn(["AES_CBC_256", "and 3 more"])).toBe(false);
});

test("the key exchanges of an SA, and whether one is post-quantum", () => {
  expect(keyExchangesIn(HYBRID)).toBe("X25519+ML_KEM_768");
  expect(keyExchangesIn("AES_CBC_128/HMAC_SHA2_256_128/ESN")).toBe("");
  expect([CLASSICAL, HYBRID].map(isPostQuantum)).toEqual([false, true]);
});

test.each([
  ["ikev1", false, true],
  ["ikev2", true, false],
  ["ppk", true, false],
  ["downgrade-prevention", true, false],
  ["DOWNGRADE_PREVENTION", true, false],
])("%s is found like an algorithm", (word, isInNew, isInOld) => {
  const filter = algorithmFilter(word);
  if (!filter.ok) throw new Error(filter.error);
  const algorithms = "AES_CBC_256/MODP_2048";
  const all = traitNames({ version: 2, ppk: true, downgradePrevention: true });
  const none = traitNames({ version: 1, ppk: false, downgradePrevention: false });
  expect([all, none].map((traits) => filter.value.isIn([algorithms, ...traits]))).toEqual([
    isInNew,
    isInOld,
  ]);
});
