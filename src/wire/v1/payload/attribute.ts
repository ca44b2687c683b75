/** The Attribute payload of Mode Config and XAUTH (draft-dukes-ike-mode-cfg-02 §3.2). */

import type { Reader } from "../../../octets/reader.ts";
import type { Writer } from "../../../octets/writer.ts";
import { emitAttributes, parseAttributes } from "../attribute.ts";
import type { AttributePayload } from "../message.ts";

/** Cisco's clients ask for some thirty. */
export const CFG_ATTRIBUTES_MAX = 256;

// |     Type      |   RESERVED    |           Identifier          |
// ~                           Attributes                          ~

/** Reads an Attribute payload; attributes of unknown type are kept like any other. */
export function parseAttributePayload(r: Reader): AttributePayload {
  const cfgType = r.u8();
  r.u8(); // RESERVED
  const identifier = r.u16();
  const attributes = parseAttributes(r, CFG_ATTRIBUTES_MAX);
  return { kind: "ATTRIBUTE", cfgType, identifier, attributes };
}

/** Writes the body of an Attribute payload. */
export function emitAttributePayload(w: Writer, payload: AttributePayload): void {
  w.u8(payload.cfgType).u8(0).u16(payload.identifier);
  emitAttributes(w, payload.attributes);
}
