/**
 * The transforms of proposals that were read before. Sites of a fleet offer the same, so the same
 * octets give the same list, which is not parsed again, and whatever is worked out for a list holds
 * for all of them.
 */

import { toHex } from "../octets/hex.ts";

/** Kinds of sites that call at the same time; a stranger can only have the oldest forgotten. */
const KNOWN_MAX = 64;
/** Some sixty transforms of IKEv2. A longer list is parsed each time. */
const OCTETS_MAX = 512;

/** The list that these octets, said to hold `count` transforms, are; `parse` reads unknown ones. */
export type TransformsOf<Transform> = (
  octets: Uint8Array,
  count: number,
  parse: () => readonly Transform[],
) => readonly Transform[];

/** None has been read yet. Each version of IKE has its own, whose transforms look different. */
export function createKnownTransforms<Transform>(): TransformsOf<Transform> {
  const known = new Map<string, readonly Transform[]>();
  return (octets, count, parse) => {
    if (octets.length > OCTETS_MAX) return parse();
    const name = `${count} ${toHex(octets)}`;
    const list = known.get(name);
    if (list !== undefined) return list;
    const parsed = parse();
    const oldest = known.size < KNOWN_MAX ? undefined : known.keys().next().value;
    if (oldest !== undefined) known.delete(oldest);
    known.set(name, parsed);
    return parsed;
  };
}
