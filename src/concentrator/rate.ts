/** Rate limits: a bucket of tokens that fills with time. */

import type { Instant } from "../octets/instant.ts";

/** `burst` at once, and `perSecond` on average. */
export type RateLimit = { readonly perSecond: number; readonly burst: number };

/** Allows `perSecond` on average, and at most that many, or `burst`, at once. */
export class Rate {
  readonly #perSecond: number;
  readonly #burst: number;
  #tokens: number;
  #at: Instant;

  constructor(limit: number | RateLimit, now: Instant) {
    const { perSecond, burst } =
      typeof limit === "number" ? { perSecond: limit, burst: limit } : limit;
    this.#perSecond = perSecond;
    this.#burst = burst;
    this.#tokens = burst;
    this.#at = now;
  }

  /** Takes a token; false if there is none left. */
  take(now: Instant): boolean {
    this.#fill(now);
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }

  /** Puts back a token that was taken and not used. */
  giveBack(): void {
    this.#tokens = Math.min(this.#burst, this.#tokens + 1);
  }

  /** How many could be taken now. */
  left(now: Instant): number {
    this.#fill(now);
    return Math.floor(this.#tokens);
  }

  #fill(now: Instant): void {
    const filled = this.#tokens + ((now - this.#at) * this.#perSecond) / 1000;
    this.#tokens = Math.min(this.#burst, filled);
    this.#at = now;
  }
}

/** A rate for each of many: by address prefix, by site. */
export type Rates = {
  of(key: string, now: Instant): Rate;
  /** The same, without making one. */
  find(key: string): Rate | undefined;
  /** Puts back a token that was taken and not used; a rate that is full again is forgotten. */
  giveBack(key: string, now: Instant): void;
  readonly size: number;
};

/** How many of the least recently used are compared when one has to be forgotten. */
const COMPARED = 8;

/**
 * At most `max` rates. Of the least recently used, the fullest is forgotten: so nobody gets a new
 * bucket by filling the table with others.
 */
export function createRates(limit: RateLimit, max: number): Rates {
  const rates = new Map<string, Rate>();
  const forgetOne = (now: Instant) => {
    let fullest: string | undefined;
    let left = -1;
    let compared = 0;
    for (const [key, rate] of rates) {
      const here = rate.left(now);
      if (here > left) [fullest, left] = [key, here];
      if (++compared >= COMPARED) break;
    }
    if (fullest !== undefined) rates.delete(fullest);
  };
  return {
    of(key, now) {
      const rate = rates.get(key) ?? new Rate(limit, now);
      rates.delete(key);
      if (rates.size >= max) forgetOne(now);
      rates.set(key, rate);
      return rate;
    },
    find: (key) => rates.get(key),
    giveBack(key, now) {
      const rate = rates.get(key);
      rate?.giveBack();
      if (rate !== undefined && rate.left(now) >= limit.burst) rates.delete(key);
    },
    get size() {
      return rates.size;
    },
  };
}
