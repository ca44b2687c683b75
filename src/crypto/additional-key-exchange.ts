/** Methods of additional key exchanges, each used once (RFC 9370 §2.2.2). */

import { Ke } from "./transform.ts";

/** How often a method may still turn out to be taken, over a whole SA payload. */
export type Tries = { left: number };

/** Far more than any sensible proposal needs. */
export const TRIES_MAX = 2_000;

/**
 * One method of each list, the earlier ones preferred, none of them twice and none that is `taken`.
 * NONE may be there as often as one likes. Undefined: there is no such choice, or it takes too long
 * to find.
 */
export function distinctMethods(
  lists: readonly (readonly number[])[],
  taken: readonly number[],
  tries: Tries,
): readonly number[] | undefined {
  const [first, ...rest] = lists;
  if (first === undefined) return [];
  for (const id of first) {
    if (id !== Ke.NONE && taken.includes(id)) {
      if (tries.left <= 0) return undefined;
      tries.left--;
      continue;
    }
    const others = distinctMethods(rest, id === Ke.NONE ? taken : [...taken, id], tries);
    if (others !== undefined) return [id, ...others];
  }
  return undefined;
}

/** Whether an additional key exchange of these methods may be left out. */
export function isOptional(methods: readonly number[]): boolean {
  return methods.includes(Ke.NONE);
}
