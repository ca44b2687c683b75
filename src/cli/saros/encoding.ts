/** Converts the octets of a router's configuration to text, and back to octets for keys. */

import { toHex } from "../../octets/hex.ts";

/** The encoding of the file. Old routers and editors write ISO 8859-1, some editors UTF-16. */
export type Encoding = "UTF-8" | "UTF-16" | "ISO 8859-1";

export type SarosFile = { readonly text: string; readonly encoding: Encoding };

/** Never fails: text that is not Unicode has a character for each octet. */
export function decodeSaros(octets: Uint8Array): SarosFile {
  const utf16 = utf16Of(octets);
  if (utf16 !== undefined) return { text: utf16, encoding: "UTF-16" };
  try {
    return { text: new TextDecoder("utf-8", { fatal: true }).decode(octets), encoding: "UTF-8" };
  } catch {
    return { text: Buffer.from(octets).toString("latin1"), encoding: "ISO 8859-1" };
  }
}

/** Only with a byte order mark: without one it cannot be distinguished from other octets. */
function utf16Of(octets: Uint8Array): string | undefined {
  const [first, second] = octets;
  if (first === 0xff && second === 0xfe) return new TextDecoder("utf-16le").decode(octets);
  if (first === 0xfe && second === 0xff) return new TextDecoder("utf-16be").decode(octets);
  return undefined;
}

/**
 * A pre-shared key for a secret file, written so that erouted reads the same octets as the router:
 * in hex digits if it begins like one of erouted's notations, or if UTF-8 would change it.
 */
export function secretOfKey(key: string, encoding: Encoding): string {
  const isOther = encoding === "ISO 8859-1" && /[^\p{ASCII}]/u.test(key);
  if (!isOther && !/^0[xs]|\p{Cc}/u.test(key)) return key;
  return `0x${toHex(Buffer.from(key, isOther ? "latin1" : "utf8"))}`;
}
