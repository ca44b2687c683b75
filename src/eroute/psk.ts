/** Converts pre-shared keys, as tables and secret files write them, to octets. */

import { fromHex } from "../octets/hex.ts";
import { err, ok, type Result } from "../octets/result.ts";

/** How passwords are written in a table; `auto`: a prefix `0x` or `0s` says how. */
export type PasswordFormat = "auto" | "text" | "hex" | "base64";

/** The octets of a password; the fault is like that of {@link pskOf}. */
export function passwordOctets(text: string, format: PasswordFormat): Result<Uint8Array, string> {
  if (format === "auto") return pskOf(text);
  if (text === "") return err("is empty");
  if (format === "text") return ok(new TextEncoder().encode(text));
  const plain = text.trim();
  const octets = format === "hex" ? fromHex(plain) : fromBase64(plain);
  if (octets !== undefined && octets.length > 0) return ok(octets);
  const what = format === "hex" ? "an even number of hex digits" : "base64";
  return err(`is not ${what}, as password_format = "${format}" of its egroup says`);
}

/** The same password in the notation of `auto`. */
export function prefixedPassword(text: string, format: PasswordFormat): string {
  if (format === "hex") return `0x${text.trim()}`;
  return format === "base64" ? `0s${text.trim()}` : text;
}

/**
 * The octets of a password: hexadecimal after `0x`, base64 after `0s`, anything else as UTF-8. The
 * fault says what is wrong in words that follow "the password"; it quotes nothing of it.
 */
export function pskOf(text: string): Result<Uint8Array, string> {
  if (text === "") return err("is empty");
  if (text.startsWith("0x")) {
    const octets = fromHex(text.slice(2));
    if (octets !== undefined && octets.length > 0) return ok(octets);
    return err("begins with 0x, but what follows is not an even number of hex digits");
  }
  if (text.startsWith("0s")) {
    const octets = fromBase64(text.slice(2));
    if (octets !== undefined && octets.length > 0) return ok(octets);
    return err("begins with 0s, but what follows is not base64");
  }
  return ok(new TextEncoder().encode(text));
}

/** The octets of base64 text (RFC 4648 §4), with or without padding. */
function fromBase64(text: string): Uint8Array | undefined {
  const digits = text.replace(/={1,2}$/, "");
  if (!/^[A-Za-z0-9+/]*$/.test(digits) || digits.length % 4 === 1) return undefined;
  if (digits !== text && text.length % 4 !== 0) return undefined;
  return Uint8Array.fromBase64(digits);
}
