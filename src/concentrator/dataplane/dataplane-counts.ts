/** How much of ours is in the kernel, and how full the tables about it are. */

import type { Engine } from "../engine.ts";
import type { TableSizes } from "../snapshot.ts";
import { installedOf } from "./child-sas.ts";

/** The counts that are shown. */
export function dataplaneCounts({ dataplane }: Engine): {
  readonly childSas: number;
  readonly standingPolicies: number;
  readonly draining: number;
} {
  const { installed, standing, draining } = dataplane;
  return {
    childSas: installed.size,
    standingPolicies: standing.size,
    draining: draining.queue.length,
  };
}

type Own = Pick<
  TableSizes,
  "childSas" | "draining" | "repairs" | "policies" | "reqids" | "reqidsTaken"
>;

export function dataplaneSizes(engine: Engine): Own {
  const { dataplane, requests } = engine;
  const { installed, draining, repairs, policies, reqidsTaken } = dataplane;
  return {
    childSas: installed.size,
    draining: draining.queue.length,
    repairs: requests.size("repair") + repairs.lost.size + repairs.remakes.size,
    policies: policies.size,
    reqids: new Set([...installedOf(engine)].map(({ place }) => place.reqid)).size,
    reqidsTaken: reqidsTaken.size,
  };
}
