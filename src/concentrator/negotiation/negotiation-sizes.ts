/** How full the tables of the negotiations are. */

import type { Stage } from "../../ike/facts.ts";
import { halfOpenOctets, stageOf } from "../../ike/ike-sa.ts";
import type { Engine } from "../engine.ts";
import { onlyAwakeOf } from "../resting.ts";
import type { TableSizes } from "../snapshot.ts";

type Own = Pick<
  TableSizes,
  | ("ikeSas" | "halfOpen" | "halfOpenOctets" | "lingering")
  | ("initRequests" | "halfOpenPrefixes" | "deadlines")
>;

export function negotiationSizes({ negotiation }: Engine): Own {
  const { sas, halfOpen, lingering, initRequests, deadlines } = negotiation;
  const all = [...onlyAwakeOf(sas)].map((entry) => entry.sa);
  const countOf = (stage: Stage) => all.filter((sa) => stageOf(sa) === stage).length;
  return {
    ikeSas: sas.size,
    halfOpen: { kept: halfOpen.places.size, counted: countOf("half-open") },
    halfOpenOctets: {
      kept: halfOpen.octets,
      counted: all.reduce((sum, sa) => sum + halfOpenOctets(sa), 0),
    },
    lingering: {
      kept: lingering.size,
      counted: countOf("over"),
    },
    initRequests: initRequests.size,
    halfOpenPrefixes: halfOpen.prefixes.size,
    deadlines: deadlines.size,
  };
}
