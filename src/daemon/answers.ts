/** Answers of database and threads: they arrive dozens at a time, and each finishes a handshake. */

import type { Event } from "../concentrator/event.ts";
import type { Instant } from "../octets/instant.ts";

export type Answers = {
  /** Delivers the answer in one of the next turns, in order. */
  add(answer: Event): void;
};

/** Time for answers in one turn; then timers and sockets get theirs. */
const TURN_MS_MAX = 3;

/**
 * `onFed` is called when no more are delivered in this turn. No more answers wait here than
 * requests are under way, and the concentrator bounds those.
 */
export function createAnswers(
  feed: (event: Event) => void,
  now: () => Instant,
  onFed: () => void,
): Answers {
  const waiting: Event[] = [];
  const drain = (): void => {
    const until = now() + TURN_MS_MAX;
    while (waiting.length > 0 && now() < until) {
      const next = waiting.shift();
      if (next !== undefined) feed(next);
    }
    onFed();
    if (waiting.length > 0) setImmediate(drain);
  };
  return {
    add(answer) {
      waiting.push(answer);
      if (waiting.length === 1) setImmediate(drain);
    },
  };
}
