/** Signatures that an end accepts in AUTH, as RFC 9593 names them: ours, and what a peer says. */

import { decode } from "../../octets/reader.ts";
import { type AcceptedMethod, AuthMethod } from "../signature.ts";
import {
  algorithmIdentifier,
  algorithmName,
  readSignatureAlgorithm,
  type SignatureAlgorithm,
} from "./algorithm.ts";

const HASHES = ["sha256", "sha384", "sha512"] as const;
const SALT_OCTETS = { sha256: 32, sha384: 48, sha512: 64 } as const;
const NONE = new Uint8Array(0);

const ALGORITHMS: readonly SignatureAlgorithm[] = [
  { scheme: "ed25519" },
  ...HASHES.map((hash) => ({ scheme: "ecdsa", hash }) as const),
  ...HASHES.map((hash) => ({ scheme: "rsa-pss", hash, saltOctets: SALT_OCTETS[hash] }) as const),
  ...HASHES.map((hash) => ({ scheme: "rsa-pkcs1", hash }) as const),
];

/** Every signature that we can verify. */
export const ACCEPTED_SIGNATURES: readonly AcceptedMethod[] = [
  ...ALGORITHMS.map((algorithm) => ({
    method: AuthMethod.DIGITAL_SIGNATURE,
    algorithm: algorithmIdentifier(algorithm),
  })),
  ...[AuthMethod.ECDSA_256, AuthMethod.ECDSA_384, AuthMethod.ECDSA_521, AuthMethod.RSA].map(
    (method) => ({ method, algorithm: NONE }),
  ),
];

/** Whether a peer that accepts these methods accepts a signature by this one. */
export function isAccepted(
  accepted: readonly AcceptedMethod[],
  method: number,
  algorithm: SignatureAlgorithm,
): boolean {
  return accepted.some((one) => {
    if (one.method !== method) return false;
    if (method !== AuthMethod.DIGITAL_SIGNATURE || one.algorithm.length === 0) return true;
    const read = algorithmOf(one.algorithm);
    if (read?.scheme !== algorithm.scheme) return false;
    // The length of the salt may differ: whoever verifies finds it in the signature's own name.
    return read.scheme === "ed25519" || ("hash" in algorithm && read.hash === algorithm.hash);
  });
}

/** `ECDSA with SHA2-256`; undefined if there is no algorithm, or none that is known. */
export function acceptedName({ algorithm }: AcceptedMethod): string | undefined {
  const read = algorithmOf(algorithm);
  return read === undefined ? undefined : algorithmName(read);
}

function algorithmOf(identifier: Uint8Array): SignatureAlgorithm | undefined {
  if (identifier.length === 0) return undefined;
  const read = decode(identifier, "AlgorithmIdentifier", readSignatureAlgorithm);
  return read.ok && read.value.kind === "known" ? read.value.algorithm : undefined;
}
