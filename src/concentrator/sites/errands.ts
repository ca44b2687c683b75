/** What many sites need done at once, in small portions: closing them, telling their new terms. */

import type { Instant } from "../../octets/instant.ts";
import type { Reason } from "../../reason/reason.ts";
import { type Engine, inMs } from "../engine.ts";
import { entryAt } from "../negotiation/ike-sas.ts";
import type { ErouteInUse } from "./eroute-in-use.ts";
import type { Errand } from "./sites.ts";
import { termsOf } from "./terms.ts";

/** So many at once; the rest follows a moment later, with everything else in between. */
const PORTION = 32;
const NEXT_PORTION_MS = 1;

/** Its IKE SAs are closed with a Delete: soon, but not all at once. */
export function closeSoon(engine: Engine, eroute: ErouteInUse, why: Reason): void {
  add(engine, eroute, { kind: "close", why });
}

/** Its IKE SAs get the new configuration, unless they are about to be closed. */
export function tellTermsSoon(engine: Engine, eroute: ErouteInUse): void {
  if (engine.sites.errands.waiting.get(eroute)?.kind !== "close")
    add(engine, eroute, { kind: "terms" });
}

/** The next few, if it is time. */
export function runErrands(engine: Engine): void {
  const { errands } = engine.sites;
  if (errands.at === undefined || engine.now < errands.at) return;
  let left = PORTION;
  for (const [eroute, errand] of errands.waiting) {
    if (left-- === 0) break;
    errands.waiting.delete(eroute);
    run(engine, eroute, errand);
  }
  errands.at = errands.waiting.size === 0 ? undefined : inMs(engine, NEXT_PORTION_MS);
}

/** When the next portion is due. */
export function errandsAt({ sites }: Engine): Instant | undefined {
  return sites.errands.at;
}

/** Nothing is left to be done: everything goes anyway. */
export function forgetErrands(engine: Engine): void {
  engine.sites.errands.waiting.clear();
  engine.sites.errands.at = undefined;
}

function add(engine: Engine, eroute: ErouteInUse, errand: Errand): void {
  engine.sites.errands.waiting.set(eroute, errand);
  engine.sites.errands.at ??= engine.now;
}

/** A site that has called again meanwhile has IKE SAs of a newer eroute in use: those stay. */
function run(engine: Engine, eroute: ErouteInUse, errand: Errand): void {
  for (const spi of eroute.ikeSas) {
    if (entryAt(engine, spi)?.eroute !== eroute) continue;
    const event =
      errand.kind === "close"
        ? errand
        : ({ kind: "terms", terms: termsOf(engine, eroute) } as const);
    engine.inbox.push({ spi, event });
  }
}
