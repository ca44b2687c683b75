/** What AUTH covers, and AUTH by pre-shared key (RFC 7296 §2.15). */

import { type Prf, prf } from "../../crypto/prf.ts";
import { concat } from "../../octets/concat.ts";
import { wipe } from "../../octets/secret.ts";

/** AUTH method 2, Shared Key Message Integrity Code (§3.8). */
export const AUTH_METHOD_PSK = 2;

/** What one end signs: its first message, the other end's nonce, and its own identity. */
export type AuthInput = {
  /** What precedes its message; absent: nothing. */
  readonly before?: readonly Uint8Array[];
  readonly message: Uint8Array;
  readonly nonce: Uint8Array;
  /** SK_pi of the initiator, SK_pr of the responder. */
  readonly SK_p: Uint8Array;
  /** Body of the ID payload, without its generic header. */
  readonly idBody: Uint8Array;
  /** What is covered of IKE_INTERMEDIATE (RFC 9242 §3.3.2); absent: there was none. */
  readonly intAuth?: Uint8Array;
};

/** message | nonce | prf(SK_p, ID body) [| IntAuth]: what is signed, by whatever method. */
export function signedOctets(algorithm: Prf, input: AuthInput): Uint8Array {
  return concat(...signedParts(algorithm, input));
}

function signedParts(algorithm: Prf, input: AuthInput): readonly Uint8Array[] {
  const { before = [], message, nonce, SK_p, idBody, intAuth } = input;
  const parts = [...before, message, nonce, prf(algorithm, SK_p, idBody)];
  return intAuth === undefined ? parts : [...parts, intAuth];
}

/** prf(prf(PSK, "Key Pad for IKEv2"), message | nonce | prf(SK_p, ID body) [| IntAuth]). */
export function pskAuth(algorithm: Prf, psk: Uint8Array, input: AuthInput): Uint8Array {
  const key = prf(algorithm, psk, KEY_PAD);
  const mac = prf(algorithm, key, ...signedParts(algorithm, input));
  wipe(key);
  return mac;
}

const KEY_PAD = new TextEncoder().encode("Key Pad for IKEv2");
