/** A network that delays, loses, doubles and reorders datagrams, as a seeded source decides. */

import type { Prng } from "./prng.ts";

export type NetworkWeather = {
  readonly delayMs: readonly [number, number];
  /** Some datagrams take much longer, and so arrive after later ones. */
  readonly late: { readonly probability: number; readonly delayMs: number };
  readonly lossProbability: number;
  readonly doubleProbability: number;
  readonly bitFlipProbability: number;
};

/** One copy of a datagram under way. */
export type Copy = { readonly octets: Uint8Array; readonly delayMs: number };

/** What arrives of a datagram that is sent now: no copy, one, or two. */
export function travel(octets: Uint8Array, weather: NetworkWeather, prng: Prng): readonly Copy[] {
  if (prng.chance(weather.lossProbability)) return [];
  const copies = [copyOf(octets, weather, prng)];
  if (prng.chance(weather.doubleProbability)) copies.push(copyOf(octets, weather, prng));
  return copies;
}

/** No loss, almost no delay. */
export const FAIR_WEATHER: NetworkWeather = {
  delayMs: [1, 1],
  late: { probability: 0, delayMs: 0 },
  lossProbability: 0,
  doubleProbability: 0,
  bitFlipProbability: 0,
};

/** Anything from fair weather to a storm. */
export function drawWeather(prng: Prng): NetworkWeather {
  if (prng.chance(0.2)) return FAIR_WEATHER;
  const isStorm = prng.chance(0.3);
  return {
    delayMs: [1, prng.between(2, 200)],
    late: { probability: prng.chance(0.5) ? 0.05 : 0, delayMs: prng.between(500, 8_000) },
    lossProbability: isStorm ? 0.25 : prng.chance(0.5) ? 0.05 : 0,
    doubleProbability: prng.chance(0.5) ? 0.1 : 0,
    bitFlipProbability: prng.chance(0.3) ? 0.03 : 0,
  };
}

function copyOf(octets: Uint8Array, weather: NetworkWeather, prng: Prng): Copy {
  const [least, most] = weather.delayMs;
  const isLate = prng.chance(weather.late.probability);
  const delayMs = prng.between(least, most) + (isLate ? prng.below(weather.late.delayMs) : 0);
  // Each is a copy of its own: its receiver may overwrite it.
  const copy = octets.slice();
  if (copy.length > 0 && prng.chance(weather.bitFlipProbability)) {
    const at = prng.below(copy.length);
    copy[at] = (copy[at] ?? 0) ^ (1 << prng.below(8));
  }
  return { octets: copy, delayMs };
}
