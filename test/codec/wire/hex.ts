/** Octets written by hand in tests: hex digits with blanks, one field a line. */

import { fromHex } from "../../../src/octets/hex.ts";

/** The octets of hex digits; blanks between them are for the reader. */
export function hex(...fields: readonly string[]): Uint8Array {
  const octets = fromHex(fields.join("").replaceAll(" ", ""));
  if (octets === undefined) throw new Error(`not hex: ${fields.join(" ")}`);
  return octets;
}
