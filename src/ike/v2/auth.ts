/** What AUTH covers, and AUTH by pre-shared key (RFC 7296 §2.15). */

import { type Prf, prf } from "../../crypto/prf.ts";
import { concat } from "../../octets/concat.ts";
import { wipe } from "../../octets/secret.ts";

/** AUTH method 2, Shared Key Message Integrity Code (§3.8). */
export const AUTH_METHOD_PSK = 2;

/** What one end signs: its first message, the other end's nonce, and its own identity. */
export type AuthInput = {
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
  const { message, nonce, SK_p, idBody, intAuth } = input;
  return concat(message, nonce, prf(algorithm, SK_p, idBody), intAuth ?? NOTHING);
}

/** prf(prf(PSK, "Key Pad for IKEv2"), message | nonce | prf(SK_p, ID body) [| IntAuth]). */
export function pskAuth(algorithm: Prf, psk: Uint8Array, input: AuthInput): Uint8Array {
  const key = prf(algorithm, psk, KEY_PAD);
  const mac = prf(algorithm, key, signedOctets(algorithm, input));
  wipe(key);
  return mac;
}

const NOTHING = new Uint8Array(0);
const KEY_PAD = new TextEncoder().encode("Key Pad for IKEv2");
