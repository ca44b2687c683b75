/** The Authentication payload (RFC 7296 §3.8). */

import type { Reader } from "../../../octets/reader.ts";
import type { Writer } from "../../../octets/writer.ts";
import type { AuthPayload } from "../message.ts";

// | Auth Method   |                RESERVED                       |
// ~                      Authentication Data                      ~

/** Reads an AUTH payload; others judge whether method and data are acceptable. */
export function parseAuth(r: Reader): AuthPayload {
  const method = r.u8();
  r.skip(3); // RESERVED: MUST be ignored on receipt
  return { kind: "AUTH", method, data: r.rest() };
}

/** Writes the body of an AUTH payload. */
export function emitAuth(w: Writer, payload: AuthPayload): void {
  w.u8(payload.method).zeros(3).octets(payload.data);
}
