/** How full each table is: for checks that nothing leaks. */

import { countValues } from "../inet/prefix-table.ts";
import { callCount, callsAdrift } from "./calls/call-table.ts";
import { dataplaneSizes } from "./dataplane/dataplane-counts.ts";
import type { Engine } from "./engine.ts";
import { negotiationSizes } from "./negotiation/negotiation-sizes.ts";
import { siteSizes } from "./sites/site-sizes.ts";
import type { TableSizes } from "./snapshot.ts";

/** Walks all tables; counts that are derived stand next to what walking the table gives. */
export function tableSizesOf(engine: Engine): TableSizes {
  const { requests } = engine;
  return {
    ...negotiationSizes(engine),
    ...siteSizes(engine),
    ...dataplaneSizes(engine),
    calls: callCount(engine),
    callsAdrift: callsAdrift(engine),
    textsAdrift: textsAdrift(engine),
    requests: requests.size(),
    lookups: requests.size("identity"),
    keyExchanges: requests.size("key-exchange"),
    signatures: requests.size("signature"),
    kernelRequests: requests.size("child-sa"),
    usageProbes: requests.size("usage"),
    atRest: engine.resting.documents.size,
    formerLexicons: engine.resting.lexicons.size - 1,
  };
}

function textsAdrift({ sites: { reach }, negotiation: { guesses } }: Engine): number {
  const ofSites = reach.texts.size - countValues(reach);
  return Math.abs(ofSites) + Math.abs(guesses.texts.size - guesses.places.size);
}
