/** Pre-shared keys that can be guessed, as far as they can be told by looking at them. */

import { type PasswordFormat, passwordOctets } from "./psk.ts";

/** Random letters and digits that make some 120 bits; random octets that make 128. */
export const PSK_TEXT_LENGTH_MIN = 20;
export const PSK_OCTETS_MIN = 16;
/** Different characters, or octets, of a key that is no pattern. */
const DISTINCT_MIN = 6;

/**
 * What is to be said of a weak key, in words that follow "its password"; it quotes nothing of it.
 * Undefined: nothing is to be seen, which does not make it strong.
 */
export function pskWeakness(
  text: string,
  peerId: string,
  format: PasswordFormat,
): string | undefined {
  const octets = passwordOctets(text, format);
  if (!octets.ok) return undefined;
  const isText = format === "text" || (format === "auto" && !/^0[xs]/.test(text));
  const plain = isText ? text : new TextDecoder("latin1").decode(octets.value);
  const letters = plain.toLowerCase();
  if (letters === peerId.toLowerCase()) return `is its peer ID: ${REPLACE}`;
  const bare = letters.replace(/[^a-z]/g, "");
  if (OBVIOUS.has(letters) || OBVIOUS.has(bare)) return `is one that is tried first: ${REPLACE}`;
  if (isText && text.length < PSK_TEXT_LENGTH_MIN) {
    const counted = text.length === 1 ? "1 character" : `${text.length} characters`;
    return `has ${counted}, ${PSK_TEXT_LENGTH_MIN} random ones are the least: ${REPLACE}`;
  }
  if (!isText && octets.value.length < PSK_OCTETS_MIN) {
    const bits = octets.value.length * 8;
    return `has ${bits} bits, ${PSK_OCTETS_MIN * 8} random ones are the least: ${REPLACE}`;
  }
  if (new Set(octets.value).size < DISTINCT_MIN || isSequence(octets.value)) {
    return `follows a pattern: ${REPLACE}`;
  }
  return undefined;
}

/** What is said of a key that several rows have. */
export function sharedKeyText(others: number): string {
  const rows = others === 1 ? "1 other row" : `${others} other rows`;
  return `its password is that of ${rows}: whoever has one of these routers can be any of them`;
}

const REPLACE = "`erouted peers set` with --generate makes a strong one";

/** Each octet one more, or one less, than the one before. */
function isSequence(octets: Uint8Array): boolean {
  const steps = octets.subarray(1).map((octet, i) => octet - (octets[i] ?? 0));
  return steps.every((step) => step === 1) || steps.every((step) => step === 255);
}

/** Examples of manuals, and what people write until they know better; letters only, lower case. */
const OBVIOUS: ReadonlySet<string> = new Set([
  ...["password", "passwort", "passw", "secret", "sharedsecret", "presharedkey", "psk", "key"],
  ...["changeme", "changeit", "default", "admin", "administrator", "root", "test", "testtest"],
  ...["testing", "letmein", "welcome", "qwerty", "qwertz", "qwertyuiop", "asdfgh", "vpn"],
  ...["vpnvpn", "ipsec", "ipsecvpn", "strongswan", "libreswan", "cisco", "westermo", "digi"],
  ...["erouted", "concentrator", "example", "abc", "abcdef", "abcdefgh", "cisco", "foobar"],
  ...["correcthorse", "correcthorsebatterystaple", "secretkey", "mysecret", "mypassword"],
]);
