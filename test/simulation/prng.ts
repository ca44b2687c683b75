/** A seeded source of numbers and octets: the same seed gives the same run. */

export type Prng = {
  /** A whole number, 32 bits. */
  u32(): number;
  /** At least 0, below `below`. */
  below(below: number): number;
  /** A whole number from `from` to `to`, both included. */
  between(from: number, to: number): number;
  /** True with this probability. */
  chance(probability: number): boolean;
  pick<T>(items: readonly [T, ...T[]]): T;
  octets(count: number): Uint8Array;
  /** A separate source, which depends only on this one's seed and `name`. */
  fork(name: string): Prng;
};

/** SplitMix32: small, fast, and good enough to draw a run from. */
export function createPrng(seed: number): Prng {
  let state = seed >>> 0;
  const u32 = (): number => {
    state = (state + 0x9e3779b9) >>> 0;
    let z = state;
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return (z ^ (z >>> 15)) >>> 0;
  };
  const below = (limit: number): number => Math.floor((u32() / 2 ** 32) * limit);
  return {
    u32,
    below,
    between: (from, to) => from + below(to - from + 1),
    chance: (probability) => u32() / 2 ** 32 < probability,
    pick: (items) => items[below(items.length)] ?? items[0],
    octets: (count) => {
      const octets = new Uint8Array(count);
      for (let at = 0; at < count; at++) octets[at] = u32();
      return octets;
    },
    fork: (name) => createPrng(hash(name) ^ Math.imul(seed + 1, 0x85ebca6b)),
  };
}

/** FNV-1a. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (const character of text) {
    value = Math.imul(value ^ (character.codePointAt(0) ?? 0), 0x01000193);
  }
  return value >>> 0;
}
