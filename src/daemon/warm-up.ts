/**
 * Connects sites that exist in memory only, so that the code of a connection has run when the first
 * real site calls: code that runs for the first time takes ten times as long, and is compiled again
 * and again until it has run some hundred times.
 */

import { now } from "../linux/clock.ts";
import { createRehearsal, type Rehearsal } from "./rehearsal.ts";

/**
 * Before the start: one site alone, a few times. Each connection takes 10 ms there, and the first
 * 2,000 sites save that; what more of them would save is less than they take.
 */
const FIRST = { callers: 1, isWhole: false };
const FIRST_ROUNDS = 4;
/** While nobody calls: a few, so that some are at rest while others connect. */
const CALLERS = 8;
/** After so many connections hardly anything is left to compile. */
const CONNECTIONS = 1_500;
/** However far it has come by then: a slow router has other things to do. */
const IDLE_MS_MAX = 3_000;
/** However often it has only waited: its own look-ups may fail. */
const SLICES_MAX = 10_000;
/** The start itself comes first. */
const IDLE_AFTER_MS = 1_000;
/** One slice, and the pause after it: other work of this machine goes on. */
const SLICE_MS = 2;
const PAUSE_MS = 5;
/** Sites that call need the time themselves, and have the same effect. A single one does not. */
const CALLS_FEW = 4;
const QUIET_MS = 500;
/** After so many connections of real sites nothing that they run is cold. */
const CONNECTED_ENOUGH = 500;
/** Far more steps than a round has. */
const STEPS_MAX = 2_000;

export type IdleWarmUp = {
  /** How often a site in memory has connected. */
  readonly connections: number;
  stop(): void;
};

/** What real sites have done so far: two counts that only grow. */
export type Calls = {
  /** First messages, also those that were refused. */
  readonly begun: number;
  /** IKE SAs that were established. */
  readonly connected: number;
};

type IdleOptions = {
  readonly calls: () => Calls;
  /** A bug of ours: it is over. */
  readonly onFault: (fault: unknown) => void;
  /** It is over; `detail` says how far it came. */
  readonly onEnd: (detail: string) => void;
  readonly afterMs?: number;
  readonly withIkev1?: boolean;
};

/**
 * Goes on with it in short slices, after `afterMs` and while hardly any site calls; what sites that
 * are connected send does not count. Then it is over. It is needless once very many have called.
 */
export function warmUpWhileIdle(options: IdleOptions): IdleWarmUp {
  const { calls, onFault, onEnd, afterMs = IDLE_AFTER_MS, withIkev1 = false } = options;
  const connectedBefore = calls().connected;
  /** Calls up to the last slice; undefined after a wait: what came meanwhile does not count. */
  let begunBefore: number | undefined;
  let spentMs = 0;
  let connections = 0;
  let slices = 0;
  let rehearsal: Rehearsal | undefined;
  let timer: ReturnType<typeof setTimeout>;
  const wait = (ms: number) => {
    timer = setTimeout(work, ms);
    timer.unref();
  };
  const end = () => {
    clearTimeout(timer);
    rehearsal?.close();
    // Its sites are no longer needed.
    rehearsal = undefined;
  };
  const work = () => {
    const { begun, connected } = calls();
    if (connected - connectedBefore >= CONNECTED_ENOUGH) {
      end();
      return onEnd(`sites have connected ${connected - connectedBefore} times: no more is needed`);
    }
    if (begunBefore !== undefined && begun - begunBefore > CALLS_FEW) {
      begunBefore = undefined;
      return wait(QUIET_MS);
    }
    begunBefore = begun;
    const beganAt = now();
    try {
      rehearsal ??= createRehearsal({ callers: CALLERS, isWhole: true, withIkev1 });
      while (now() < beganAt + SLICE_MS && rehearsal.step());
      connections = rehearsal.connections;
    } catch (fault) {
      onFault(fault);
      return end();
    }
    spentMs += now() - beganAt;
    const isOver = spentMs >= IDLE_MS_MAX || ++slices >= SLICES_MAX;
    if (!isOver && connections < CONNECTIONS) return wait(PAUSE_MS);
    end();
    const ms = Math.round(spentMs);
    onEnd(
      `sites in memory have connected ${connections} times, in ${ms} ms of the event loop's time`,
    );
  };
  wait(afterMs);
  return {
    get connections() {
      return connections;
    },
    stop: end,
  };
}

/**
 * Takes some tens of milliseconds, sends nothing, leaves nothing behind. Returns what went wrong,
 * undefined if nothing did: a bug in here costs speed, and never the start.
 */
export function warmUp(): unknown {
  try {
    const rehearsal = createRehearsal(FIRST);
    for (let steps = 0; rehearsal.rounds < FIRST_ROUNDS && steps < STEPS_MAX; steps++)
      rehearsal.step();
    rehearsal.close();
    return rehearsal.connections > 0 ? undefined : "the warm-up did not connect its site";
  } catch (fault) {
    return fault;
  }
}
