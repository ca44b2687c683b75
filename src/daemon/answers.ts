/** Answers of database and threads: they come dozens at a time, and each finishes a handshake. */

import type { Event } from "../concentrator/event.ts";
import type { Instant } from "../octets/instant.ts";

export type Answers = {
  /** Hands the answer over in one of the next turns, in order. */
  add(answer: Event): void;
};

/** So long in one turn, then timers and sockets get theirs. */
const TURN_MS_MAX = 3;

/** No more answers wait here than requests are under way, which the concentrator bounds. */
export function createAnswers(feed: (event: Event) => void, now: () => Instant): Answers {
  const waiting: Event[] = [];
  const drain = (): void => {
    const until = now() + TURN_MS_MAX;
    while (waiting.length > 0 && now() < until) {
      const next = waiting.shift();
      if (next !== undefined) feed(next);
    }
    if (waiting.length > 0) setImmediate(drain);
  };
  return {
    add(answer) {
      waiting.push(answer);
      if (waiting.length === 1) setImmediate(drain);
    },
  };
}
