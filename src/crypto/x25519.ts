/** X25519 (RFC 8031, RFC 7748), on keys in DER (RFC 8410). */

import { createPrivateKey, createPublicKey, diffieHellman, type KeyObject } from "node:crypto";
import { concat } from "../octets/concat.ts";
import { err, ok, type Result } from "../octets/result.ts";
import { wipe } from "../octets/secret.ts";
import { plain } from "./plain.ts";
import type { PrivateValue } from "./private-value.ts";

/** Any 32 octets are a private value; the function itself fixes the bits that matter. */
export const X25519_PRIVATE_OCTETS = 32;

/** PKCS #8 up to the private value, SubjectPublicKeyInfo up to the public one. */
const PKCS8_HEAD = Uint8Array.fromHex("302e020100300506032b656e04220420");
const SPKI_HEAD = Uint8Array.fromHex("302a300506032b656e032100");

/** The private value made from 32 random octets. */
export function x25519PrivateValue(random: Uint8Array): PrivateValue {
  const key = concat(PKCS8_HEAD, random);
  const privateKey = createPrivateKey({ key, format: "der", type: "pkcs8" });
  wipe(key);
  return {
    publicValue: () => {
      const spki = createPublicKey(privateKey).export({ format: "der", type: "spki" });
      return plain(spki).slice(SPKI_HEAD.length);
    },
    sharedSecret: (peerPublic) => sharedSecret(privateKey, peerPublic),
    wipe: () => {}, // the garbage collector frees a KeyObject
  };
}

function sharedSecret(privateKey: KeyObject, peerPublic: Uint8Array): Result<Uint8Array, string> {
  const key = concat(SPKI_HEAD, peerPublic);
  const publicKey = createPublicKey({ key, format: "der", type: "spki" });
  try {
    return ok(plain(diffieHellman({ privateKey, publicKey })));
  } catch {
    return err("gives an all-zero shared secret"); // RFC 8031 §2.3
  }
}
