/** Generates pre-shared keys. */

import type { PasswordFormat } from "../../eroute/psk.ts";

/** 256 bits as hexadecimal digits: the least that a PPK should have (RFC 8784 §6). */
export function generatePpk(): string {
  return `0x${crypto.getRandomValues(new Uint8Array(32)).toHex()}`;
}

/** A key of 256 bits, or of 32 letters and digits, in the notation of the table's rows. */
export function generatePasswordFor(format: PasswordFormat): string {
  if (format !== "hex" && format !== "base64") return generatePassword();
  const octets = crypto.getRandomValues(new Uint8Array(32));
  return format === "hex" ? octets.toHex() : octets.toBase64();
}

/** 32 letters and digits, 190 bits: every router's input field accepts them. */
export function generatePassword(): string {
  let key = "";
  while (key.length < GENERATED_LENGTH) {
    for (const octet of crypto.getRandomValues(new Uint8Array(GENERATED_LENGTH))) {
      // Octets beyond a multiple of the alphabet's size would make its first letters more likely.
      const letter = octet < 4 * ALPHABET.length ? ALPHABET[octet % ALPHABET.length] : "";
      if (key.length < GENERATED_LENGTH) key += letter;
    }
  }
  // Such a beginning would mark it as hexadecimal or base64.
  return /^0[xs]/.test(key) ? generatePassword() : key;
}

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const GENERATED_LENGTH = 32;
