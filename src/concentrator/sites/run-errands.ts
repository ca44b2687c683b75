/** Errands of many sites, carried out in small portions, with everything else in between. */

import { changedSite } from "../changes.ts";
import { type Engine, inMs } from "../engine.ts";
import { endOrphans } from "./eroute-end.ts";
import type { ErouteInUse } from "./eroute-in-use.ts";
import { erouteAt } from "./eroutes.ts";
import { lookForOrphans } from "./errands.ts";
import { ikeSaAt, versionAt } from "./ike-sas.ts";
import type { Errand } from "./sites.ts";
import { termsOf } from "./terms.ts";

/** Errands of one portion, and when the next one follows. */
const PORTION = 32;
const NEXT_PORTION_MS = 1;

/** Carries out the next few, if it is time. */
export function runErrands(engine: Engine): void {
  const { errands } = engine.sites;
  if (errands.at === undefined || engine.now < errands.at) return;
  lookForOrphans(engine);
  let left = PORTION;
  for (const [eroute, errand] of errands.waiting) {
    if (left-- === 0) break;
    errands.waiting.delete(eroute);
    changedSite(engine, eroute.key);
    run(engine, eroute, errand);
  }
  const isDone = errands.waiting.size === 0 && errands.toLookAt === undefined;
  errands.at = isDone ? undefined : inMs(engine, NEXT_PORTION_MS);
}

/** If the site has connected again in the meantime, what it has of a newer reading stays. */
function run(engine: Engine, eroute: ErouteInUse, errand: Errand): void {
  if (errand.kind === "close" && erouteAt(engine, eroute.key) === eroute) {
    endOrphans(engine, eroute, errand.why);
  }
  for (const spi of eroute.ikeSas) {
    if (ikeSaAt(engine, spi)?.eroute !== eroute) continue;
    const event =
      errand.kind === "close"
        ? errand
        : ({ kind: "terms", terms: termsOf(engine, eroute, versionAt(engine, spi)) } as const);
    engine.inbox.push({ spi, event });
  }
}
