/**
 * What every event is handled with: the time, the plan, and the owners of all state. An owner is a
 * folder; what stands in its field is read and written by the files of that folder only.
 */

import type { EroutePlan } from "../eroute/eroute.ts";
import type { EspAlgorithms, IkeAlgorithms } from "../ike/algorithms.ts";
import { type Instant, later } from "../octets/instant.ts";
import { type AlgorithmCount, type AlgorithmCounts, countAlgorithms } from "./algorithm-counts.ts";
import type { Calls } from "./calls/calls.ts";
import type { Changes } from "./changes.ts";
import type { Dataplane } from "./dataplane/dataplane.ts";
import type { Effect } from "./effect.ts";
import type { Notes } from "./journal/notes.ts";
import type { Parcel } from "./negotiation/entry.ts";
import type { Negotiation } from "./negotiation/negotiation.ts";
import type { Requests } from "./requests.ts";
import type { Resting } from "./resting.ts";
import type { Sites } from "./sites/sites.ts";
import type { CounterName } from "./snapshot.ts";

export type Engine = {
  plan: EroutePlan;
  now: Instant;
  readonly random: (octets: number) => Uint8Array;
  /** The IKE SAs, and who may make one. */
  readonly negotiation: Negotiation;
  /** The eroutes in use, with what their rows and the configuration say. */
  readonly sites: Sites;
  /** Sites that we call. */
  readonly calls: Calls;
  /** What stands in the kernel. */
  readonly dataplane: Dataplane;
  /** How many journal entries each source may still cause. */
  readonly notes: Notes;
  /** What was asked of the shell, and who waits for the answer until when. */
  readonly requests: Requests;
  readonly counters: Record<CounterName, number>;
  readonly algorithms: AlgorithmCounts;
  /** What the owners tell IKE SAs: handled before anything else. */
  readonly inbox: Parcel[];
  /** Taken by {@link takeOut}. */
  out: Effect[];
  /** What is to be written for the next process; undefined: nothing is kept for it. */
  readonly changes: Changes | undefined;
  /** Sites that nothing happens to, as octets. */
  readonly resting: Resting;
  shuttingDown: boolean;
};

export function count(engine: Engine, counter: CounterName): void {
  engine.counters[counter]++;
}

/** What is to be done since the last call. */
export function takeOut(engine: Engine): readonly Effect[] {
  const { out } = engine;
  if (out.length === 0) return NOTHING;
  engine.out = [];
  return out;
}

/** Many events have no effects: the answers of the kernel but the last. */
const NOTHING: readonly Effect[] = [];

/** Counts what a new or rekeyed SA has agreed on. */
export function countAgreed(
  engine: Engine,
  sa: AlgorithmCount["sa"],
  algorithms: IkeAlgorithms | EspAlgorithms,
): void {
  countAlgorithms(engine.algorithms, sa, algorithms);
}

/** The instant that is `ms` from now. */
export function inMs(engine: Engine, ms: number): Instant {
  return later(engine.now, ms);
}
