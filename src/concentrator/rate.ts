/** Rate limits: a bucket of tokens that fills with time. */

import type { Instant } from "../octets/instant.ts";
import { textKeys } from "../octets/key-column.ts";
import { LongMap } from "../octets/long-map.ts";

/** `burst` at once, and `perSecond` on average. */
export type RateLimit = { readonly perSecond: number; readonly burst: number };

/** How full a bucket was, and when: for many buckets, whose limit is kept elsewhere. */
export type Bucket = { tokens: number; at: Instant };

export function newBucket({ burst }: RateLimit, now: Instant): Bucket {
  return { tokens: burst, at: now };
}

/** Takes a token; false if there is none left. */
export function takeToken(bucket: Bucket, limit: RateLimit, now: Instant): boolean {
  fill(bucket, limit, now);
  if (bucket.tokens < 1) return false;
  bucket.tokens--;
  return true;
}

function fill(bucket: Bucket, { perSecond, burst }: RateLimit, now: Instant): void {
  const filled = bucket.tokens + ((now - bucket.at) * perSecond) / 1000;
  bucket.tokens = Math.min(burst, filled);
  bucket.at = now;
}

/** Allows `perSecond` on average, and at most that many, or `burst`, at once. */
export class Rate implements Bucket {
  readonly #limit: RateLimit;
  tokens: number;
  at: Instant;

  constructor(limit: number | RateLimit, now: Instant) {
    this.#limit = typeof limit === "number" ? { perSecond: limit, burst: limit } : limit;
    this.tokens = this.#limit.burst;
    this.at = now;
  }

  /** Takes a token; false if there is none left. */
  take(now: Instant): boolean {
    return takeToken(this, this.#limit, now);
  }

  /** Puts back a token that was taken and not used. */
  giveBack(): void {
    this.tokens = Math.min(this.#limit.burst, this.tokens + 1);
  }

  /** How many could be taken now. */
  left(now: Instant): number {
    fill(this, this.#limit, now);
    return Math.floor(this.tokens);
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
  const rates = new LongMap<string, Rate>(textKeys);
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
      const known = rates.moveToEnd(key);
      if (known !== undefined) return known;
      const rate = new Rate(limit, now);
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
