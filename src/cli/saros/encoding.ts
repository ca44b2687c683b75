/** The octets of a router's configuration as text, and back to octets where a key is meant. */

import { toHex } from "../../octets/hex.ts";

/** How the file is written. Old routers and editors write ISO 8859-1, some editors UTF-16. */
export type Encoding = "UTF-8" | "UTF-16" | "ISO 8859-1";

export type SarosFile = { readonly text: string; readonly encoding: Encoding };

/** Never fails: what is no Unicode has a character for each octet. */
export function decodeSaros(octets: Uint8Array): SarosFile {
  const utf16 = utf16Of(octets);
  if (utf16 !== undefined) return { text: utf16, encoding: "UTF-16" };
  try {
    return { text: new TextDecoder("utf-8", { fatal: true }).decode(octets), encoding: "UTF-8" };
  } catch {
    return { text: Buffer.from(octets).toString("latin1"), encoding: "ISO 8859-1" };
  }
}

/** With a byte order mark only: without one it cannot be told from other octets. */
function utf16Of(octets: Uint8Array): string | undefined {
  const [first, second] = octets;
  if (first === 0xff && second === 0xfe) return new TextDecoder("utf-16le").decode(octets);
  if (first === 0xfe && second === 0xff) return new TextDecoder("utf-16be").decode(octets);
  return undefined;
}

/**
 * A pre-shared key for a secret file, so that erouted reads the octets that the router has: in hex
 * digits where it begins as erouted's notations do, or is not what UTF-8 makes of it.
 */
export function secretOfKey(key: string, encoding: Encoding): string {
  const isOther = encoding === "ISO 8859-1" && /[^\p{ASCII}]/u.test(key);
  if (!isOther && !/^0[xs]|\p{Cc}/u.test(key)) return key;
  return `0x${toHex(Buffer.from(key, isOther ? "latin1" : "utf8"))}`;
}
