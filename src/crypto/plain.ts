/** Converts results of `node:crypto` to the plain octets that the rest of erouted uses. */

/**
 * A copy of a Buffer's octets; the Buffer is wiped. `slice` of a Buffer is a view and would share
 * what is wiped later, and a small array of its own takes less memory than a view of a pool.
 */
export function plain(octets: Uint8Array): Uint8Array {
  const copy = new Uint8Array(octets);
  octets.fill(0);
  return copy;
}
