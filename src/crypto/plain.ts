/** What `node:crypto` hands out, as the plain octets that the rest of erouted works with. */

/**
 * A copy of a Buffer's octets; the Buffer is wiped. A Buffer's `slice` is a view and would share
 * what is wiped later, and a small array of its own takes less room than a view of a pool.
 */
export function plain(octets: Uint8Array): Uint8Array {
  const copy = new Uint8Array(octets);
  octets.fill(0);
  return copy;
}
