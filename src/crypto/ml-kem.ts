/**
 * ML-KEM (FIPS 203) as a key exchange (draft-ietf-ipsecme-ikev2-mlkem): the initiator sends an
 * encapsulation key, the responder a ciphertext.
 */

import { ml_kem512, ml_kem768, ml_kem1024 } from "@noble/post-quantum/ml-kem.js";
import { wipe } from "../octets/secret.ts";

export type MlKem = {
  readonly keyOctets: number;
  readonly ciphertextOctets: number;
  /** Number of polynomials in a key: k of FIPS 203 §8. */
  readonly polynomials: number;
  readonly algorithm: typeof ml_kem768;
};

export const ML_KEM_512: MlKem = mlKem(ml_kem512, { polynomials: 2 });
export const ML_KEM_768: MlKem = mlKem(ml_kem768, { polynomials: 3 });
export const ML_KEM_1024: MlKem = mlKem(ml_kem1024, { polynomials: 4 });

/** d | z of key generation; encapsulation uses the first half of as many. */
export const ML_KEM_PRIVATE_OCTETS = 64;
export const ML_KEM_SECRET_OCTETS = 32;

/** The encapsulation key of a seed (ML-KEM.KeyGen_internal, FIPS 203 §6.1). */
export function encapsulationKey({ algorithm }: MlKem, seed: Uint8Array): Uint8Array {
  const { publicKey, secretKey } = algorithm.keygen(seed);
  wipe(secretKey);
  return publicKey;
}

/**
 * What a responder sends, and the secret in it (ML-KEM.Encaps_internal, FIPS 203 §6.2). The key has
 * been checked.
 */
export function encapsulate(
  { algorithm }: MlKem,
  key: Uint8Array,
  random: Uint8Array,
): { readonly ciphertext: Uint8Array; readonly secret: Uint8Array } {
  const made = algorithm.encapsulate(key, random.subarray(0, MESSAGE_OCTETS));
  // The library gives a part of a longer array, which must not be kept alive.
  const secret = made.sharedSecret.slice();
  wipe(made.sharedSecret);
  return { ciphertext: made.cipherText, secret };
}

/**
 * The secret in a ciphertext of the right length (ML-KEM.Decaps_internal, FIPS 203 §6.3). A wrong
 * ciphertext is not noticed here: it gives a secret that the other end does not have.
 */
export function decapsulate(
  { algorithm }: MlKem,
  ciphertext: Uint8Array,
  seed: Uint8Array,
): Uint8Array {
  const { secretKey } = algorithm.keygen(seed);
  const secret = algorithm.decapsulate(ciphertext, secretKey);
  wipe(secretKey);
  const own = secret.slice();
  wipe(secret);
  return own;
}

/** The check of a peer's encapsulation key: each coefficient is reduced (FIPS 203 §7.2). */
export function isEncapsulationKey({ polynomials }: MlKem, key: Uint8Array): boolean {
  const coefficientOctets = polynomials * POLYNOMIAL_OCTETS;
  for (let i = 0; i < coefficientOctets; i += 3) {
    const [a = 0, b = 0, c = 0] = [key[i], key[i + 1], key[i + 2]];
    // Two coefficients of 12 bits in three octets, the low bits first (ByteDecode_12, §4.2.1).
    if ((a | ((b & 0x0f) << 8)) >= MODULUS || ((b >> 4) | (c << 4)) >= MODULUS) return false;
  }
  return true;
}

function mlKem(algorithm: typeof ml_kem768, { polynomials }: Pick<MlKem, "polynomials">): MlKem {
  const { publicKey = 0, cipherText = 0 } = algorithm.lengths;
  return { keyOctets: publicKey, ciphertextOctets: cipherText, polynomials, algorithm };
}

/** q of FIPS 203 §2.4. */
const MODULUS = 3329;
/** 256 coefficients of 12 bits. */
const POLYNOMIAL_OCTETS = 384;
const MESSAGE_OCTETS = 32;
