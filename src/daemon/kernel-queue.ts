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
/** Performed together: those of one event, as many as take so long, by what the last ones took. */
const TOGETHER_MS = 1;
const TOGETHER_MAX = 64;
/** Until the first ones have been performed. */
const FIRST_GUESS_MS = 0.1;

/**
 * `perform` gets some that were added together. `onPerformed` is called after those of a later
 * turn, `onTurnEnd` after all of that turn. No more wait than the engine has requested, and the
 * bound on pairs of subnets bounds those.
 */
export function createKernelQueue(
  perform: (effects: readonly KernelEffect[]) => void,
  onPerformed: () => void,
  now: () => Instant,
  onTurnEnd: () => void,
): KernelQueue {
  /** Of one event each. */
  let waiting: (readonly KernelEffect[])[] = [];
  let next = 0;
  /** How many of the next ones are done. */
  let done = 0;
  let eachMs = FIRST_GUESS_MS;
  let endsAt: number | undefined;
  const isTurnOver = (): boolean => {
    if (endsAt !== undefined) return now() >= endsAt;
    endsAt = now() + TURN_MS_MAX;
    setImmediate(goOn);
    return false;
  };
  const takeSome = (): void => {
    const group = waiting[next] ?? [];
    const count = Math.max(1, Math.min(TOGETHER_MAX, Math.floor(TOGETHER_MS / eachMs)));
    const some = group.slice(done, done + count);
    done += some.length;
    if (done === group.length) {
      done = 0;
      next++;
    }
    if (next === waiting.length) {
      waiting = [];
      next = 0;
    }
    const from = now();
    perform(some);
    eachMs = (now() - from) / some.length;
  };
  const goOn = (): void => {
    endsAt = undefined;
    if (waiting.length === 0) return;
    while (waiting.length > 0 && !isTurnOver()) {
      takeSome();
      onPerformed();
    }
    onTurnEnd();
  };
  return {
    add(effects) {
      if (effects.length === 0) return;
      const isAlone = waiting.length === 0;
      waiting.push(effects);
      while (isAlone && waiting.length > 0 && !isTurnOver()) takeSome();
    },
    isEmpty: () => waiting.length === 0,
    flush() {
      while (waiting.length > 0) {
        takeSome();
        onPerformed();
      }
    },
  };
}
