/** Valid messages damaged at random, the same for the same seed. */

import { withTrueLength } from "./read-message.ts";

/** A number from 0 to one below the argument. */
export type Random = (below: number) => number;

/** One to four damages; mostly the header's Length is corrected, so that they reach further in. */
export function damaged(octets: Uint8Array, random: Random): Uint8Array {
  let result: Uint8Array = octets.slice();
  for (let i = random(4); i >= 0; i--) result = damagedOnce(result, random);
  return random(8) === 0 ? result : withTrueLength(result);
}

function damagedOnce(octets: Uint8Array, random: Random): Uint8Array {
  if (octets.length === 0) return new Uint8Array(random(64));
  const at = random(octets.length);
  switch (random(6)) {
    case 0: // a bit
      return octets.with(at, (octets[at] ?? 0) ^ (1 << random(8)));
    case 1: // an octet
      return octets.with(at, random(256));
    case 2: // something that may be a length, slightly off
      return octets.with(at, ((octets[at] ?? 0) + random(9) - 4) & 0xff);
    case 3: // 16 bits at their edges
      return withU16(octets, at, [0, 1, 4, 8, 0x7fff, 0x8000, 0xffff][random(7)] ?? 0);
    case 4: {
      // octets more
      const more = Uint8Array.from({ length: 1 + random(32) }, () => random(256));
      const result = new Uint8Array(octets.length + more.length);
      result.set(octets.subarray(0, at));
      result.set(more, at);
      result.set(octets.subarray(at), at + more.length);
      return result;
    }
    default: {
      // octets fewer
      const result = new Uint8Array(octets.length - Math.min(1 + random(32), octets.length - at));
      result.set(octets.subarray(0, at));
      result.set(octets.subarray(octets.length - (result.length - at)), at);
      return result;
    }
  }
}

function withU16(octets: Uint8Array, at: number, value: number): Uint8Array {
  const result = octets.with(at, value >>> 8);
  return at + 1 < result.length ? result.with(at + 1, value & 0xff) : result;
}

/** Mulberry32: small, and the same everywhere. */
export function randomOf(seed: number): Random {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}
