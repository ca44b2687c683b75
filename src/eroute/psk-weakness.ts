/** Pre-shared keys that can be guessed, as far as their text shows it. */

import { type PasswordFormat, passwordOctets } from "./psk.ts";

/** Random letters and digits for about 120 bits; random octets for 128. */
const PSK_TEXT_LENGTH_MIN = 20;
const PSK_OCTETS_MIN = 16;
/** Different characters, or octets, of a key that is not a pattern. */
const DISTINCT_MIN = 6;

/**
 * A warning about a weak key, in words that follow "its password"; it quotes nothing of the key.
 * Undefined: no weakness is visible, which does not make the key strong.
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
  if (OBVIOUS.has(letters) || OBVIOUS.has(bare)) return `is one of the first guesses: ${REPLACE}`;
  if (isText && text.length < PSK_TEXT_LENGTH_MIN) {
    const counted = text.length === 1 ? "1 character" : `${text.length} characters`;
    return `has ${counted}, at least ${PSK_TEXT_LENGTH_MIN} random ones are needed: ${REPLACE}`;
  }
  if (!isText && octets.value.length < PSK_OCTETS_MIN) {
    const bits = octets.value.length * 8;
    return `has ${bits} bits, at least ${PSK_OCTETS_MIN * 8} random ones are needed: ${REPLACE}`;
  }
  if (new Set(octets.value).size < DISTINCT_MIN || isSequence(octets.value)) {
    return `follows a pattern: ${REPLACE}`;
  }
  return undefined;
}

/** The warning about a key that several rows have. */
export function sharedKeyText(others: number): string {
  const rows = others === 1 ? "1 other row" : `${others} other rows`;
  return `its password is that of ${rows}: one of these sites can pose as another`;
}

const REPLACE = "`erouted peers set` with --generate makes a strong one";

/** Each octet is one more, or one less, than the previous one. */
function isSequence(octets: Uint8Array): boolean {
  const steps = octets.subarray(1).map((octet, i) => octet - (octets[i] ?? 0));
  return steps.every((step) => step === 1) || steps.every((step) => step === 255);
}

/** Examples from manuals, and common careless choices; letters only, lower case. */
const OBVIOUS: ReadonlySet<string> = new Set([
  ...["password", "passwort", "passw", "secret", "sharedsecret", "presharedkey", "psk", "key"],
  ...["changeme", "changeit", "default", "admin", "administrator", "root", "test", "testtest"],
  ...["testing", "letmein", "welcome", "qwerty", "qwertz", "qwertyuiop", "asdfgh", "vpn"],
  ...["vpnvpn", "ipsec", "ipsecvpn", "strongswan", "libreswan", "cisco", "westermo", "digi"],
  ...["erouted", "concentrator", "example", "abc", "abcdef", "abcdefgh", "cisco", "foobar"],
  ...["correcthorse", "correcthorsebatterystaple", "secretkey", "mysecret", "mypassword"],
]);
