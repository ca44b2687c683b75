/** PRFs and prf+ against known answers (RFC 7296 §2.13, §2.14, §2.17, §2.18; RFC 2202, 4231). */

import { expect, test } from "bun:test";
import { type Prf, prf, prfFor, prfPlus } from "../../../src/crypto/prf.ts";
import { PrfId } from "../../../src/crypto/transform.ts";
import { concat } from "../../../src/octets/concat.ts";
import cavp from "../vectors/ikev2_cavp_sha.json" with { type: "json" };
import plus from "../vectors/prf_plus.json" with { type: "json" };

const hex = (text: string) => Uint8Array.fromHex(text);

function builtIn(id: number): Prf {
  const found = prfFor(id);
  if (found === undefined) throw new Error(`PRF ${id} is missing`);
  return found;
}

/** MD5 is for IKEv1 alone. */
const PRFS = Object.values(PrfId)
  .filter((id) => id !== PrfId.HMAC_MD5)
  .map(builtIn);
const named = (name: string) => PRFS.find((p) => p.name === name) ?? builtIn(-1);

const RFC_4231_CASE_2 = {
  PRF_HMAC_SHA1: "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79", // RFC 2202 §3, case 2
  PRF_HMAC_SHA2_256: "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
  PRF_HMAC_SHA2_384:
    "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47" +
    "e42ec3736322445e8e2240ca5e69e2c78b3239ecfab21649",
  PRF_HMAC_SHA2_512:
    "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554" +
    "9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737",
};

test.each(Object.entries(RFC_4231_CASE_2))("%s gives the RFC's answer", (name, output) => {
  const text = (s: string) => new TextEncoder().encode(s);
  const inOne = prf(named(name), text("Jefe"), text("what do ya want for nothing?"));
  const inParts = prf(named(name), text("Jefe"), text("what do ya want"), text(" for nothing?"));
  expect(inOne.toHex()).toBe(output);
  expect(inParts.toHex()).toBe(output);
});

test.each(plus.vectors.filter((v) => v.kind === "kdf_prf"))("prf: $name", (v) => {
  // As for SKEYSEED: the nonces ("salt") are the key of the prf, the shared secret is its data.
  expect(prf(named(v.prf), hex(v.salt), hex(v.key)).toHex()).toBe(v.out);
});

test.each(plus.vectors.filter((v) => v.kind === "kdf_prf_plus"))("prf+: $name", (v) => {
  const out = hex(v.out);
  expect(prfPlus(named(v.prf), hex(v.key), hex(v.salt), out.length)).toEqual(out);
});

const CAVP = [
  { p: builtIn(PrfId.HMAC_SHA1), answers: cavp.results["SHA-1"] },
  { p: builtIn(PrfId.HMAC_SHA2_256), answers: cavp.results["SHA2-256"] },
].map(({ p, answers }) => ({ name: p.name, p, answers }));

test.each(CAVP)("keys of IKE and Child SAs, first and rekeyed, with $name", ({ p, answers }) => {
  const nonces = concat(hex(cavp.ni), hex(cavp.nr));
  const spis = concat(hex(cavp.spii), hex(cavp.spir));
  const like = (expected: string, key: Uint8Array, ...seed: Uint8Array[]) =>
    prfPlus(p, key, concat(...seed), expected.length / 2).toHex();

  const SKEYSEED = prf(p, nonces, hex(cavp.gir));
  expect(SKEYSEED.toHex()).toBe(answers.sKeySeed.toLowerCase());
  expect(like(answers.dkm, SKEYSEED, nonces, spis)).toBe(answers.dkm.toLowerCase());

  const SK_d = hex(answers.dkm).slice(0, p.keyOctets);
  expect(like(answers.dkmChild, SK_d, nonces)).toBe(answers.dkmChild.toLowerCase());
  expect(like(answers.dkmDh, SK_d, hex(cavp.girNew), nonces)).toBe(answers.dkmDh.toLowerCase());
  const rekeyed = prf(p, SK_d, hex(cavp.girNew), nonces);
  expect(rekeyed.toHex()).toBe(answers.sKeySeedReKey.toLowerCase());
});

test.each(PRFS)("prf+ with $name: shorter output begins longer output", (p) => {
  const key = new Uint8Array(p.keyOctets).fill(7);
  const seed = new Uint8Array(40).fill(9);
  const long = prfPlus(p, key, seed, 5 * p.outputOctets);
  for (const octets of [0, 1, p.outputOctets, p.outputOctets + 1, 4 * p.outputOctets - 1]) {
    expect(prfPlus(p, key, seed, octets)).toEqual(long.slice(0, octets));
  }
});

test.each(PRFS)("prf+ with $name ends with block 255 (RFC 7296 §2.13)", (p) => {
  const key = new Uint8Array(p.keyOctets);
  const all = 255 * p.outputOctets;
  const stream = prfPlus(p, key, key, all);
  const beforeLast = stream.slice(all - 2 * p.outputOctets, all - p.outputOctets);
  const last = prf(p, key, beforeLast, key, Uint8Array.of(255));
  expect(last).toEqual(stream.slice(all - p.outputOctets));
  expect(() => prfPlus(p, key, key, all + 1)).toThrow("at most");
});

test("output can be cut and wiped like any other octets", () => {
  const output = prf(builtIn(PrfId.HMAC_SHA2_256), hex("01"), hex("02"));
  const cut = output.slice(0, 8);
  const before = cut.toHex();
  output.fill(0);
  expect(cut.toHex()).toBe(before);
});

test("a PRF that is not built in is undefined", () => {
  expect([0, 1, 3, 4, 8, 99].map(prfFor)).toEqual(Array(6).fill(undefined));
});
