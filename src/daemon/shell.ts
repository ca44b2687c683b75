/** Feeds events to the concentrator and performs its effects; holds the only timer. */

import type { Concentrator } from "../concentrator/concentrator.ts";
import { type Effect, isKeptFirst } from "../concentrator/effect.ts";
import type { Event } from "../concentrator/event.ts";
import { createAnswers } from "./answers.ts";
import { createKernelQueue, type KernelEffect } from "./kernel-queue.ts";
import { perform, performKernel, type Surroundings } from "./perform.ts";

export type Shell = {
  /**
   * Handles an event. Everything that follows from it at once is done on return, except kernel
   * requests: if there are many, some wait for the next turns.
   */
  feed(event: Event): void;
  /** Performs what is to be done before the next event. */
  perform(effects: readonly Effect[]): void;
  /** The same, after which deadlines are met: of a shell that waits for it. */
  begin(effects: readonly Effect[]): void;
  /** Whether kernel requests wait for a later turn. */
  isBehind(): boolean;
  /** Performs the kernel requests that wait. */
  flush(): void;
  /** Stops the timer; answers that come later are dropped. */
  close(): void;
};

/** Longest sleep of the timer, far below the limit of setTimeout. */
const SLEEP_MS_MAX = 60_000;

/** Connects a concentrator with its environment. `waits`: no deadline is met until `begin`. */
export function createShell(
  concentrator: Concentrator,
  around: Surroundings,
  { waits }: { readonly waits: boolean } = { waits: false },
): Shell {
  let hasBegun = !waits;
  const queue: Event[] = [];
  let isBusy = false;
  let isClosed = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let timerAt = Number.POSITIVE_INFINITY;

  const feed = (event: Event): void => {
    if (isClosed) return;
    queue.push(event);
    run();
  };

  const run = (): void => {
    if (isBusy || isClosed) return;
    isBusy = true;
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) handle(next);
    save();
    isBusy = false;
    arm();
  };

  /** A bug costs this event; those after it are still handled. */
  const handle = (event: Event): void => {
    let effects: readonly Effect[] = [];
    try {
      effects = concentrator.handle(event, around.now());
    } catch (fault) {
      around.onBug(fault);
    }
    performAll(effects);
  };

  const performAll = (effects: readonly Effect[]): void => {
    if (effects.some(isKeptFirst)) save();
    let requests: KernelEffect[] | undefined;
    for (const effect of effects) {
      if (effect.kind !== "kernel") perform(effect, around, ways);
      else if (requests === undefined) requests = [effect];
      else requests.push(effect);
    }
    // Together, and before any message of this turn leaves.
    if (requests !== undefined) kernelQueue.add(requests);
  };

  const save = (): void => {
    try {
      around.save?.();
    } catch (fault) {
      around.onBug(fault);
    }
  };

  const onTimer = (): void => {
    timerAt = Number.POSITIVE_INFINITY;
    feed({ kind: "deadline" });
  };

  /** A timer that fires too early does no harm: it is never moved back, only forward. */
  const arm = (): void => {
    if (!hasBegun) return;
    const next = concentrator.nextDeadline();
    if (next === undefined || next >= timerAt) return;
    clearTimeout(timer);
    timerAt = next;
    const wait = Math.min(Math.max(0, Math.ceil(next - around.now())), SLEEP_MS_MAX);
    timer = setTimeout(onTimer, wait);
  };

  // Dozens may have been answered together: their messages leave together, and at once.
  const send = (): void => around.flush?.();
  const answers = createAnswers(feed, around.now, send);
  const ways = { atOnce: (answer: Event) => void queue.push(answer), late: answers.add };
  const ask = (requests: readonly KernelEffect[]) => performKernel(requests, around, ways);
  const kernelQueue = createKernelQueue(ask, run, around.now, send);
  arm();
  return {
    feed,
    perform(effects) {
      performAll(effects);
      run();
    },
    begin(effects) {
      hasBegun = true;
      performAll(effects);
      run();
    },
    isBehind: () => !kernelQueue.isEmpty(),
    flush: kernelQueue.flush,
    close() {
      kernelQueue.flush();
      isClosed = true;
      clearTimeout(timer);
    },
  };
}
