/** Sites that refuse what we ask for: the wait before the next request grows. */

import { jittered } from "../../ike/jitter.ts";
import { type Engine, inMs } from "../engine.ts";

/** After a failed call, packets do not cause another one for so long. */
export const HOLD_MS = 15_000;

/** The wait doubles with each refusal, up to this. */
const HOLD_MS_MAX = 600_000;
/** Waits are shortened by chance, at most to this share: sites that refused together spread out. */
const HOLD_SHARE_MIN = 0.8;
/** Far beyond {@link HOLD_MS_MAX}. */
const DOUBLINGS_MAX = 10;

/** Sites whose refusals are counted; the oldest is forgotten first. */
const REFUSED_MAX = 4_096;

/**
 * Counts one more refusal; returns how long nothing is asked for. After as long again without a
 * request, the count starts anew.
 */
export function growingHoldMs(engine: Engine, key: string): number {
  const { refused } = engine.calls;
  const before = refused.get(key);
  const times = before === undefined || before.until < engine.now ? 0 : before.times;
  const most = Math.min(HOLD_MS * 2 ** times, HOLD_MS_MAX);
  const ms = jittered(most, HOLD_SHARE_MIN, engine.random);
  refused.delete(key);
  refused.set(key, { times: Math.min(times + 1, DOUBLINGS_MAX), until: inMs(engine, 2 * most) });
  const [oldest] = refused.keys();
  if (refused.size > REFUSED_MAX && oldest !== undefined) refused.delete(oldest);
  return ms;
}
