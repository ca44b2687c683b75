/** What `node:crypto` hands out, as the plain octets that the rest of erouted works with. */

/**
 * The same octets without a copy. It hands out a subclass whose `slice` is a view: wiping the
 * original would wipe what was cut from it.
 */
export function plain(octets: Uint8Array): Uint8Array {
  return new Uint8Array(octets.buffer, octets.byteOffset, octets.length);
}
