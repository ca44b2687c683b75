/** Unprotected answers to strangers: a bounded number a second, for all together. */

import { count, type Engine } from "../engine.ts";

/** Whether another one may be sent; one that may not is counted. */
export function mayAnswer(engine: Engine): boolean {
  if (engine.negotiation.strangerAnswers.take(engine.now)) return true;
  count(engine, "datagrams_rate_limited");
  return false;
}
