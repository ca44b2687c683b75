/** The engine put together from its owners. */

import type { EroutePlan } from "../eroute/eroute.ts";
import { type Instant, later } from "../octets/instant.ts";
import { createCalls } from "./calls/call-table.ts";
import { createChanges } from "./changes.ts";
import { createDataplane } from "./dataplane/dataplane.ts";
import type { Engine } from "./engine.ts";
import { ikeContextOf } from "./ike-context.ts";
import { createNotes } from "./journal/notes.ts";
import { createNegotiation } from "./negotiation/negotiation.ts";
import { offerOf } from "./negotiation/offer.ts";
import { Requests } from "./requests.ts";
import { glimpse, wake } from "./rest/rest.ts";
import { createResting } from "./resting.ts";
import { createSites } from "./sites/sites.ts";
import { COUNTER_NAMES, type CounterName } from "./snapshot.ts";

export type ConcentratorOptions = {
  readonly plan: EroutePlan;
  readonly now: Instant;
  /** Cryptographically strong random octets. */
  random(octets: number): Uint8Array;
  /** Whether what is up is kept for a next process; absent: it is not. */
  readonly keeps?: boolean;
  /** How many sites stay awake that nothing happens to (`resting.ts`); absent: none. */
  readonly awakeMax?: number;
};

/** An engine without any SA. */
export function createEngine(options: ConcentratorOptions): Engine {
  const { plan, now, random } = options;
  const counters = Object.fromEntries(COUNTER_NAMES.map((name) => [name, 0]));
  const context = ikeContextOf(() => engine);
  const sites = createSites(random, later(now, plan.limits.evictEveryMs));
  const engine: Engine = {
    plan,
    now,
    random,
    negotiation: createNegotiation({ now, random }, { context, ...offerOf(plan) }),
    sites,
    calls: createCalls(),
    dataplane: createDataplane(),
    notes: createNotes(now),
    requests: new Requests(),
    counters: counters as Record<CounterName, number>,
    algorithms: new Map(),
    inbox: [],
    out: [],
    resting: createResting({
      awakeMax: options.awakeMax ?? 0,
      wake: (place) => wake(engine, place),
      glimpse: (place) => glimpse(engine, place),
    }),
    changes: options.keeps === true ? createChanges() : undefined,
    shuttingDown: false,
  };
  return engine;
}
