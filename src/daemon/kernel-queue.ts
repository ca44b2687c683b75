/** Kernel requests in order, for so many milliseconds in each turn: one takes some 8 µs. */

import type { Effect } from "../concentrator/effect.ts";
import type { Instant } from "../octets/instant.ts";

export type KernelEffect = Extract<Effect, { kind: "kernel" }>;

export type KernelQueue = {
  /**
   * Performs them now; or in a later turn, if others wait before them or this turn's time is over.
   */
  add(effects: readonly KernelEffect[]): void;
  isEmpty(): boolean;
  /** Performs everything that waits, at once. */
  flush(): void;
};

/** Time in one turn; then timers, sockets and the status server get theirs. */
const TURN_MS_MAX = 2;
/** Performed together: those of one event, but no more than take half a millisecond. */
const AT_ONCE_MAX = 64;

/**
 * `perform` gets some that were added together. `onPerformed` is called after those of a later
 * turn, `onTurnEnd` after all of that turn.
 * No more wait than the engine has requested, and the bound on pairs of subnets bounds those.
 */
export function createKernelQueue(
  perform: (effects: readonly KernelEffect[]) => void,
  onPerformed: () => void,
  now: () => Instant,
  onTurnEnd: () => void,
): KernelQueue {
  let waiting: (readonly KernelEffect[])[] = [];
  let next = 0;
  let endsAt: number | undefined;
  const isTurnOver = (): boolean => {
    if (endsAt !== undefined) return now() >= endsAt;
    endsAt = now() + TURN_MS_MAX;
    setImmediate(goOn);
    return false;
  };
  const takeNext = (): void => {
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
    while (waiting.length > 0 && !isTurnOver()) takeNext();
    onTurnEnd();
  };
  return {
    add(effects) {
      for (let from = 0; from < effects.length; from += AT_ONCE_MAX) {
        const some = effects.slice(from, from + AT_ONCE_MAX);
        if (waiting.length === 0 && !isTurnOver()) perform(some);
        else waiting.push(some);
      }
    },
    isEmpty: () => waiting.length === 0,
    flush() {
      while (waiting.length > 0) takeNext();
    },
  };
}
