/** What many sites need done at once, in small portions: closing them, telling their new terms. */

import { type Engine, type ErouteInUse, type Errand, type Errands, inMs } from "../engine.ts";
import { termsOf } from "./eroute-in-use.ts";

/** So many at once; the rest follows a moment later, with everything else in between. */
const PORTION = 32;
const NEXT_PORTION_MS = 1;

/** Nothing is to be done. */
export function createErrands(): Errands {
  return { waiting: new Map(), at: undefined };
}

/** Its IKE SAs go, and their sites are told: soon, not all at once. */
export function closeSoon(engine: Engine, eroute: ErouteInUse, why: string): void {
  add(engine, eroute, { kind: "close", why });
}

/** Its IKE SAs hear of the new configuration. Whoever is about to be closed needs not. */
export function tellTermsSoon(engine: Engine, eroute: ErouteInUse): void {
  if (engine.errands.waiting.get(eroute)?.kind !== "close") add(engine, eroute, { kind: "terms" });
}

/** The next few, if it is time. */
export function runErrands(engine: Engine): void {
  const { errands } = engine;
  if (errands.at === undefined || engine.now < errands.at) return;
  let left = PORTION;
  for (const [eroute, errand] of errands.waiting) {
    if (left-- === 0) break;
    errands.waiting.delete(eroute);
    run(engine, eroute, errand);
  }
  errands.at = errands.waiting.size === 0 ? undefined : inMs(engine, NEXT_PORTION_MS);
}

/** Nothing is left to be done: everything goes anyway. */
export function forgetErrands(engine: Engine): void {
  engine.errands.waiting.clear();
  engine.errands.at = undefined;
}

function add(engine: Engine, eroute: ErouteInUse, errand: Errand): void {
  engine.errands.waiting.set(eroute, errand);
  engine.errands.at ??= engine.now;
}

/** A site that has called again meanwhile has IKE SAs of a newer eroute in use: those stay. */
function run(engine: Engine, eroute: ErouteInUse, errand: Errand): void {
  for (const spi of eroute.ikeSas) {
    if (engine.sas.get(spi)?.eroute !== eroute) continue;
    const event =
      errand.kind === "close"
        ? errand
        : ({ kind: "terms", terms: termsOf(engine, eroute) } as const);
    engine.inbox.push({ spi, event });
  }
}
