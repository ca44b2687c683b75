/** Wrong tokens, by header or form, with any method: so many from one prefix, and no more. */

import type { Context } from "hono";
import { createRates, Rate, type RateLimit } from "../../concentrator/rate.ts";
import { originOfText } from "../../inet/origin.ts";
import { asInstant } from "../../octets/instant.ts";
import { problem } from "../problem.ts";
import type { StatusBindings } from "../request.ts";

/** From one address, or one /64 of IPv6: others are not kept out by it. */
const WRONG_TOKENS: RateLimit = { perSecond: 2, burst: 10 };
/** From everywhere: what comparing costs, and what is noted. */
const ALL_WRONG_TOKENS: RateLimit = { perSecond: 100, burst: 500 };
/** Prefixes that are remembered. */
const PREFIXES_MAX = 4_096;

export type TokenGuard = {
  /** Whether a token from there is looked at now; a right one uses nothing up. */
  mayTry(c: Context<StatusBindings>): boolean;
  /** It was a wrong one. */
  onWrong(c: Context<StatusBindings>): void;
  /** Tokens that were wrong, and tokens that were not looked at, since start. */
  readonly wrong: number;
  readonly limited: number;
};

export type TokenGuardSettings = {
  /** Monotonic. */
  nowMs(): number;
  /** Somebody has shown a wrong token: `POST /status/login`, and from where. */
  onDenied(what: string, remote: string): void;
};

/** Nobody has tried. */
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

/** The answer to who has shown too many wrong ones. */
export function tooManyTokens(c: Context): Response {
  return problem(c, 429, "too many wrong tokens: wait a little", { "Retry-After": "1" });
}

function remoteOf(c: Context<StatusBindings>): string {
  return c.env?.remote ?? "unknown";
}
