/** MODP groups (RFC 3526): primes, agreement, and public values that are refused. */

import { expect, setDefaultTimeout, test } from "bun:test";
import { sha256 } from "../../../src/crypto/hash.ts";
import {
  keyExchangeFor,
  prepareKeyExchange,
  privateOctets,
} from "../../../src/crypto/key-exchange.ts";
import { modpPrime } from "../../../src/crypto/modp-prime.ts";
import { Ke } from "../../../src/crypto/transform.ts";
import { derive, expectAgreement, offer, refusal } from "./exchange.ts";

/** Preparing a group tests its prime, which takes seconds, and longer on a busy machine. */
setDefaultTimeout(120_000);

/** The groups as OpenSSL has them: the hash of the prime in network order. */
const GROUPS = [
  {
    name: "MODP_1024",
    method: Ke.MODP_1024,
    bits: 1024,
    hash: "3f35a3f5f6c4376a744acad409bb22f8d897f949d2311d885adaa890981b67a0",
  },
  {
    name: "MODP_1536",
    method: Ke.MODP_1536,
    bits: 1536,
    hash: "64fcc83ec403930bf18393dbc883ccaa1fbb08ac876f77f7aa99748ca945019b",
  },
  {
    name: "MODP_2048",
    method: Ke.MODP_2048,
    bits: 2048,
    hash: "d66436f79bbd6b2e38c0ffbd079be904d2641415e2e67140e09448be9a60890e",
  },
  {
    name: "MODP_3072",
    method: Ke.MODP_3072,
    bits: 3072,
    hash: "48cf8b092fbce4359d9871abf74f98e25b6163379eaa15cd9087e800c6d1c55c",
  },
  {
    name: "MODP_4096",
    method: Ke.MODP_4096,
    bits: 4096,
    hash: "4ee95187682bcb230ad26a95205f6920e84708f6251b3894329b09ec23919e33",
  },
];

test.each(GROUPS)("$name: the prime is that of RFC 2409 or RFC 3526", ({ bits, hash }) => {
  expect(sha256(modpPrime(bits)).toHex()).toBe(hash);
});

test.each(GROUPS)("$name: both ends agree", ({ name, method, bits }) => {
  prepareKeyExchange(method);
  const octets = privateOctets(method);
  expect(keyExchangeFor(method)).toMatchObject({ name, kind: "modp", publicOctets: bits / 8 });
  expectAgreement(method, new Uint8Array(octets).fill(3), new Uint8Array(octets).fill(0xa5));
  expectAgreement(method, new Uint8Array(octets), new Uint8Array(octets).fill(0xff));
});

test.each(GROUPS)("$name: 0, 1, p - 1, p and more are refused (RFC 6989 §2.1)", (group) => {
  const { method, bits } = group;
  const prime = number(modpPrime(bits));
  const largest = (1n << BigInt(bits)) - 1n;
  for (const value of [0n, 1n, prime - 1n, prime, prime + 1n, largest]) {
    expect(refusal(method, octetsOf(value, bits / 8))).toContain("between 1 and p - 1");
  }
  const exponent = new Uint8Array(privateOctets(method)).fill(1);
  for (const value of [2n, prime - 2n]) {
    expect(derive(method, exponent, octetsOf(value, bits / 8)).length).toBe(bits / 8);
  }
});

test("MODP_2048: a public value of a wrong length is refused", () => {
  for (const octets of [0, 1, 255, 257, 384]) {
    const said = refusal(Ke.MODP_2048, new Uint8Array(octets).fill(9));
    expect(said).toContain(`has ${octets} octets, needs 256`);
  }
});

test("MODP_2048: values are those of plain arithmetic, padded to the modulus", () => {
  const prime = number(modpPrime(2048));
  // Found by trying: with 94 the public value begins with a zero octet, with 350 the secret does.
  const [ordinary, shortPublic, shortSecret] = [1, 94, 350].map((last) => {
    const random = octetsOf(BigInt(last), 32);
    const exponent = BigInt(last) | (1n << 255n);
    const publicValue = offer(Ke.MODP_2048, random);
    const secret = derive(Ke.MODP_2048, random, octetsOf(3n, 256));
    expect(publicValue).toEqual(octetsOf(power(2n, exponent, prime), 256));
    expect(secret).toEqual(octetsOf(power(3n, exponent, prime), 256));
    return { publicValue, secret };
  });
  expect(ordinary?.publicValue[0]).not.toBe(0);
  expect(shortPublic?.publicValue[0]).toBe(0);
  expect(shortSecret?.secret[0]).toBe(0);
});

test("MODP_2048: one computation leaves nothing behind for the next", () => {
  const [a, b] = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)];
  const first = offer(Ke.MODP_2048, a);
  const second = offer(Ke.MODP_2048, b);
  expect(first).not.toEqual(second);
  expect(derive(Ke.MODP_2048, a, second)).toEqual(derive(Ke.MODP_2048, b, first));
  expect(a).toEqual(new Uint8Array(32).fill(1));
});

function power(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let [result, square] = [1n, base];
  for (let left = exponent; left > 0n; left >>= 1n) {
    if (left & 1n) result = (result * square) % modulus;
    square = (square * square) % modulus;
  }
  return result;
}

function number(octets: Uint8Array): bigint {
  return BigInt(`0x${octets.toHex()}`);
}

function octetsOf(value: bigint, length: number): Uint8Array {
  return Uint8Array.fromHex(value.toString(16).padStart(2 * length, "0"));
}
