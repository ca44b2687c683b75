/** The Key Exchange payload (RFC 7296 §3.4). */

import type { Reader } from "../../../octets/reader.ts";
import type { Writer } from "../../../octets/writer.ts";
import type { KePayload } from "../message.ts";

// |   Key Exchange Method Num     |           RESERVED            |
// ~                       Key Exchange Data                       ~

/** Code that knows the method checks the length of the data. */
export function parseKe(r: Reader): KePayload {
  const method = r.u16();
  r.u16(); // RESERVED: MUST be ignored on receipt
  if (r.left === 0) r.fail("Key Exchange Data needs at least 1 octet, has 0");
  return { kind: "KE", method, data: r.rest() };
}

/** Writes the body of a KE payload. */
export function emitKe(w: Writer, payload: KePayload): void {
  w.u16(payload.method).u16(0).octets(payload.data);
}
