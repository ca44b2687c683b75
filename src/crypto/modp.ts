/** MODP groups (RFC 2409 §6.2, RFC 3526): Diffie-Hellman modulo a safe prime. */

import { createDiffieHellman, type DiffieHellman } from "node:crypto";
import { compareOctets } from "../octets/concat.ts";
import { err, ok } from "../octets/result.ts";
import { wipe } from "../octets/secret.ts";
import { modpPrime } from "./modp-prime.ts";
import type { PrivateValue } from "./private-value.ts";

export type ModpGroup = {
  readonly bits: number;
  /**
   * Length of the exponent: more than twice the group's strength by the first estimate of RFC 3526
   * §8, which asks for 220, 260 and 300 bits. Full-length exponents cost ten times as much.
   */
  readonly privateOctets: number;
};

/** Too weak for anything but old routers that speak IKEv1. */
export const MODP_1024: ModpGroup = { bits: 1024, privateOctets: 32 };
export const MODP_1536: ModpGroup = { bits: 1536, privateOctets: 32 };
export const MODP_2048: ModpGroup = { bits: 2048, privateOctets: 32 };
export const MODP_3072: ModpGroup = { bits: 3072, privateOctets: 40 };
export const MODP_4096: ModpGroup = { bits: 4096, privateOctets: 48 };

type Prepared = {
  /** 1 and p - 1: a public value lies between them (RFC 6989 §2.1). */
  readonly lowest: Uint8Array;
  readonly highest: Uint8Array;
  /** Holds the exponent that was set last: no other computation may come in between. */
  readonly calculator: DiffieHellman;
};

const GENERATOR = 2;

/** What remains in the calculator between computations. */
const NO_EXPONENT = Uint8Array.of(1);

const prepared = new Map<ModpGroup, Prepared>();

/**
 * Prepares the group in this thread. The first time it tests the prime, which blocks for half a
 * second (2048 bits) to several seconds; after that it costs nothing.
 */
export function prepareModpGroup(group: ModpGroup): void {
  preparedGroup(group);
}

/** The private value derived from `random`, which has `privateOctets` octets. Use it at once. */
export function modpPrivateValue(group: ModpGroup, random: Uint8Array): PrivateValue {
  const { calculator, lowest, highest } = preparedGroup(group);
  const exponent = random.slice();
  // All exponents have the same length: none is small, and the time reveals nothing about them.
  exponent[0] = (exponent[0] ?? 0) | 0x80;
  const octets = group.bits / 8;
  return {
    publicValue: () => {
      calculator.setPrivateKey(exponent);
      return leftPadded(calculator.generateKeys(), octets);
    },
    sharedSecret: (peerPublic) => {
      if (compareOctets(peerPublic, lowest) <= 0 || compareOctets(peerPublic, highest) >= 0) {
        return err("is not between 1 and p - 1");
      }
      calculator.setPrivateKey(exponent);
      const secret = calculator.computeSecret(peerPublic);
      const padded = leftPadded(secret, octets);
      wipe(secret);
      return ok(padded);
    },
    wipe: () => {
      wipe(exponent);
      calculator.setPrivateKey(NO_EXPONENT);
    },
  };
}

function preparedGroup(group: ModpGroup): Prepared {
  const there = prepared.get(group);
  if (there !== undefined) return there;
  const prime = modpPrime(group.bits);
  const lowest = new Uint8Array(prime.length);
  lowest[prime.length - 1] = 1;
  const highest = prime.slice();
  highest[prime.length - 1] = (highest[prime.length - 1] ?? 0) - 1; // p is odd: nothing to borrow
  const made = { lowest, highest, calculator: createDiffieHellman(prime, GENERATOR) };
  prepared.set(group, made);
  return made;
}

/** RFC 7296 §2.14, §3.4: as long as the modulus. */
function leftPadded(octets: Uint8Array, length: number): Uint8Array {
  const padded = new Uint8Array(length);
  padded.set(octets, length - octets.length);
  return padded;
}
