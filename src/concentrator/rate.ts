/** Rate limits: a bucket of tokens that fills with time. */

import type { Instant } from "../octets/instant.ts";

/** Allows `perSecond` on average, and at most that many at once. */
export class Rate {
  readonly #perSecond: number;
  #tokens: number;
  #at: Instant;

  constructor(perSecond: number, now: Instant) {
    this.#perSecond = perSecond;
    this.#tokens = perSecond;
    this.#at = now;
  }

  /** Takes a token; false if there is none left. */
  take(now: Instant): boolean {
    const filled = this.#tokens + ((now - this.#at) * this.#perSecond) / 1000;
    this.#tokens = Math.min(this.#perSecond, filled);
    this.#at = now;
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }
}
