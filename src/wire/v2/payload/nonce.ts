/** The Nonce payload (RFC 7296 §3.9). */

import type { Reader } from "../../../octets/reader.ts";
import type { Writer } from "../../../octets/writer.ts";
import type { NoncePayload } from "../message.ts";

const NONCE_OCTETS_MIN = 16;
const NONCE_OCTETS_MAX = 256;

/** Faults unless the nonce has 16 to 256 octets. */
export function parseNonce(r: Reader): NoncePayload {
  if (r.left < NONCE_OCTETS_MIN || r.left > NONCE_OCTETS_MAX) {
    r.fail(`Nonce Data has ${r.left} octets, needs ${NONCE_OCTETS_MIN} to ${NONCE_OCTETS_MAX}`);
  }
  return { kind: "NONCE", data: r.rest() };
}

/** Writes the body of a Nonce payload. */
export function emitNonce(w: Writer, payload: NoncePayload): void {
  w.octets(payload.data);
}
