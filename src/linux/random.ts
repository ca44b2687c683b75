/** Randomness of the system. */

/** So many cryptographically strong random octets (man 2 getrandom). */
export function randomOctets(count: number): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(count));
}
