/** Limits wrong tokens, by header or form, for each address prefix and for all. */

import type { Context } from "hono";
import { createRates, Rate, type RateLimit } from "../../concentrator/rate.ts";
import { originOfText } from "../../inet/origin.ts";
import { asInstant } from "../../octets/instant.ts";
import { problem } from "../problem.ts";
import { remoteOf, type StatusBindings } from "../request.ts";

/** From one address, or one /64 of IPv6: other addresses are not affected. */
const WRONG_TOKENS: RateLimit = { perSecond: 2, burst: 10 };
/** From all addresses together: bounds the comparisons, and the log. */
const ALL_WRONG_TOKENS: RateLimit = { perSecond: 100, burst: 500 };
/** Prefixes that are remembered. */
const PREFIXES_MAX = 4_096;

export type TokenGuard = {
  /** Whether a token from this address is compared now; a right one does not count. */
  mayTry(c: Context<StatusBindings>): boolean;
  /** Counts a wrong token. */
  onWrong(c: Context<StatusBindings>): void;
  /** Tokens that were wrong, and tokens that were not compared, since start. */
  readonly wrong: number;
  readonly limited: number;
};

export type TokenGuardSettings = {
  /** Monotonic. */
  nowMs(): number;
  /** Called for each wrong token: with `POST /status/login` and the address. */
  onDenied(what: string, remote: string): void;
};

/** No wrong tokens yet. */
export function createTokenGuard({ nowMs, onDenied }: TokenGuardSettings): TokenGuard {
  const now = () => asInstant(nowMs());
  const each = createRates(WRONG_TOKENS, PREFIXES_MAX);
  const all = new Rate(ALL_WRONG_TOKENS, now());
  const counts = { wrong: 0, limited: 0 };
  return {
    mayTry(c) {
      const rate = each.find(originOfText(remoteOf(c)));
      if ((rate === undefined || rate.left(now()) > 0) && all.left(now()) > 0) return true;
      counts.limited++;
      return false;
    },
    onWrong(c) {
      const remote = remoteOf(c);
      counts.wrong++;
      each.of(originOfText(remote), now()).take(now());
      all.take(now());
      onDenied(`${c.req.method} ${c.req.path}`, remote);
    },
    get wrong() {
      return counts.wrong;
    },
    get limited() {
      return counts.limited;
    },
  };
}

/** The answer after too many wrong tokens. */
export function tooManyTokens(c: Context): Response {
  return problem(c, 429, "too many wrong tokens: wait a second", { "Retry-After": "1" });
}
