/** Kernel requests in order, for so many milliseconds in each turn: one takes some 20 µs. */

import type { Effect } from "../concentrator/effect.ts";
import type { Instant } from "../octets/instant.ts";

export type KernelEffect = Extract<Effect, { kind: "kernel" }>;

export type KernelQueue = {
  /** Performs it now; or in a later turn, if others wait before it or this turn's time is over. */
  add(effect: KernelEffect): void;
  isEmpty(): boolean;
  /** Performs everything that waits, at once. */
  flush(): void;
};

/** Time in one turn; then timers, sockets and the status server get theirs. */
const TURN_MS_MAX = 2;

/**
 * `onPerformed` is called after each request of a later turn, `onTurnEnd` after all of that turn.
 * No more wait than the engine has requested, and the bound on pairs of subnets bounds those.
 */
export function createKernelQueue(
  perform: (effect: KernelEffect) => void,
  onPerformed: () => void,
  now: () => Instant,
  onTurnEnd: () => void,
): KernelQueue {
  let waiting: KernelEffect[] = [];
  let next = 0;
  let endsAt: number | undefined;
  const isTurnOver = (): boolean => {
    if (endsAt !== undefined) return now() >= endsAt;
    endsAt = now() + TURN_MS_MAX;
    setImmediate(goOn);
    return false;
  };
  const takeOne = (): void => {
    const first = waiting[next++];
    if (next === waiting.length) {
      waiting = [];
      next = 0;
    }
    if (first === undefined) return;
    perform(first);
    onPerformed();
  };
  const goOn = (): void => {
    endsAt = undefined;
    if (waiting.length === 0) return;
    while (waiting.length > 0 && !isTurnOver()) takeOne();
    onTurnEnd();
  };
  return {
    add(effect) {
      if (waiting.length === 0 && !isTurnOver()) perform(effect);
      else waiting.push(effect);
    },
    isEmpty: () => waiting.length === 0,
    flush() {
      while (waiting.length > 0) takeOne();
    },
  };
}
