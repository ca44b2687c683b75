/** How full the tables of the sites are. */

import type { Engine } from "../engine.ts";
import type { TableSizes } from "../snapshot.ts";
import { dynamicCount, eroutesInUse } from "./eroutes.ts";

type Own = Pick<
  TableSizes,
  "dynamicEroutes" | "eroutes" | "namedIkeSas" | "rowChecks" | "errands" | "reach"
>;

export function siteSizes(engine: Engine): Own {
  const { eroutes, ikeSas, unproven, rowChecks, errands, reach } = engine.sites;
  const isDynamic = [...eroutesInUse(engine)].filter(({ kind }) => kind === "dynamic");
  const egroups = [...rowChecks.egroups.values()];
  return {
    eroutes: eroutes.size,
    namedIkeSas: ikeSas.size + unproven.size,
    dynamicEroutes: { kept: dynamicCount(engine), counted: isDynamic.length },
    rowChecks: egroups.reduce((sum, { waiting, reading }) => sum + waiting.size + reading.size, 0),
    errands: errands.waiting.size,
    reach: reach.v4.size + reach.v6.size,
  };
}
