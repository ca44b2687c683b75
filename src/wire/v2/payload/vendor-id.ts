/** The Vendor ID payload (RFC 7296 §3.12). */

import type { Reader } from "../../../octets/reader.ts";
import type { Writer } from "../../../octets/writer.ts";
import type { VendorPayload } from "../message.ts";

/** Any octets are accepted: code that reads Vendor IDs ignores unknown ones. */
export function parseVendorId(r: Reader): VendorPayload {
  return { kind: "VENDOR", data: r.rest() };
}

/** Writes the body of a Vendor ID payload. */
export function emitVendorId(w: Writer, payload: VendorPayload): void {
  w.octets(payload.data);
}
