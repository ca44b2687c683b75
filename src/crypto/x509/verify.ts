/** Whether a signature is right: the only place where public keys are used. */

import { constants, createPublicKey, publicDecrypt, verify } from "node:crypto";
import { equalOctets } from "../../octets/concat.ts";
import type { PublicKeyKind, SignatureAlgorithm } from "./algorithm.ts";

/** A public key and what kind it is. */
export type PublicKey = { readonly publicKey: Uint8Array; readonly key: PublicKeyKind };

export type Signed = {
  readonly algorithm: SignatureAlgorithm;
  readonly octets: Uint8Array;
  readonly signature: Uint8Array;
  /** `raw` is r | s of fixed length (RFC 4754), `der` an ECDSA-Sig-Value. */
  readonly ecdsaForm: "der" | "raw";
};

/** False also for a key that is of another kind than the algorithm needs, or broken. */
export function isSignedBy({ publicKey, key }: PublicKey, signed: Signed): boolean {
  const { algorithm, octets, signature, ecdsaForm } = signed;
  if (!fits(key, algorithm)) return false;
  try {
    const object = createPublicKey({ key: publicKey, format: "der", type: "spki" });
    switch (algorithm.scheme) {
      case "ed25519":
        return verify(null, octets, object, signature);
      case "ecdsa":
        return verify(
          algorithm.hash,
          octets,
          { key: object, dsaEncoding: DSA[ecdsaForm] },
          signature,
        );
      default:
        return verify(algorithm.hash, octets, { key: object, ...paddingOf(algorithm) }, signature);
    }
  } catch {
    // A peer may send anything as its key or signature.
    return false;
  }
}

/**
 * Whether RSA has encrypted this hash with the private key, as in IKEv1 (RFC 2409 §5.1). False also
 * for a key that is no RSA key, or broken.
 */
export function isHashSignedBy(
  { publicKey, key }: PublicKey,
  hash: Uint8Array,
  signature: Uint8Array,
): boolean {
  if (key.kind !== "rsa") return false;
  try {
    const object = createPublicKey({ key: publicKey, format: "der", type: "spki" });
    return equalOctets(publicDecrypt({ key: object, ...PKCS1 }, signature), hash);
  } catch {
    return false;
  }
}

export const PKCS1 = { padding: constants.RSA_PKCS1_PADDING } as const;

/** How RSA pads, for node:crypto. */
export function paddingOf(
  algorithm: Extract<SignatureAlgorithm, { scheme: "rsa-pkcs1" | "rsa-pss" }>,
): { readonly padding: number; readonly saltLength?: number } {
  return algorithm.scheme === "rsa-pss"
    ? { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: algorithm.saltOctets }
    : { padding: constants.RSA_PKCS1_PADDING };
}

export const DSA = { der: "der", raw: "ieee-p1363" } as const;

function fits(key: PublicKeyKind, algorithm: SignatureAlgorithm): boolean {
  if (algorithm.scheme === "ed25519") return key.kind === "ed25519";
  if (algorithm.scheme === "ecdsa") return key.kind.startsWith("ecdsa-");
  return key.kind === "rsa";
}
