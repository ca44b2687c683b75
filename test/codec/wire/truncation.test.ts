/** Every valid message, cut short at every octet. */

import { expect, test } from "bun:test";
import { kindOf, readMessage, withTrueLength } from "./read-message.ts";
import { SAMPLES } from "./samples.ts";

for (const { name, octets } of SAMPLES) {
  test(`${name}: it is read as a whole, and malformed if cut anywhere`, () => {
    const kind = kindOf(octets);
    expect(readMessage(octets, kind).ok).toBe(true);
    for (let length = 0; length < octets.length; length++) {
      const cut = octets.slice(0, length);
      expect(faultOf(cut, kind)).toMatch(/\d/);
      // With the header's Length corrected, the fault is found in the payloads.
      expect(faultOf(withTrueLength(cut), kind)).toMatch(/\d/);
    }
  });
}

/** The fault's place and numbers; empty if there is none. */
function faultOf(octets: Uint8Array, kind: ReturnType<typeof kindOf>): string {
  const message = readMessage(octets, kind);
  if (message.ok) return "";
  return message.error.kind === "malformed"
    ? `${message.error.where}: ${message.error.detail}`
    : message.error.kind;
}
