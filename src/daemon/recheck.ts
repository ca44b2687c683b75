/** Reads the rows of connected sites again, in portions. */

import type { Concentrator } from "../concentrator/concentrator.ts";
import type { ErouteView } from "../concentrator/snapshot.ts";
import type { Config } from "../config/config.ts";
import { erouteNamed } from "../eroute/plan-index.ts";
import type { Note } from "./reload.ts";
import type { Shell } from "./shell.ts";

export type Connected = {
  readonly config: Config;
  readonly concentrator: Pick<Concentrator, "snapshot">;
  readonly shell: Pick<Shell, "feed"> | undefined;
  readonly note: (entry: Note) => void;
};

/** Rows in one turn of the event loop. */
const PORTION = 100;

/** Reads the rows of all connected sites of an egroup again; never rejects. */
export async function recheckConnected(daemon: Connected, egroup: string): Promise<void> {
  let before = daemon.concentrator.snapshot().gauges.dynamicEroutes;
  while (before > 0) {
    before = recheckPage(daemon, egroup, { before, limit: PORTION });
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
}

/**
 * The same for the last `limit` dynamic eroutes before a place in their table; returns where the
 * next page ends. Backwards, so that none is missed when others leave: eroutes only move forward.
 */
export function recheckPage(
  { config, concentrator, shell }: Connected,
  egroup: string,
  page: { readonly before: number; readonly limit: number },
): number {
  const offset = Math.max(0, page.before - page.limit);
  const views = concentrator.snapshot().eroutes(offset, page.before - offset, "dynamic");
  for (const view of views) {
    if (!isOf(config, egroup, view)) continue;
    shell?.feed({ kind: "row-changed", egroup, peerId: view.peerId });
  }
  return offset;
}

function isOf({ plan }: Config, egroup: string, view: ErouteView): boolean {
  const eroute = erouteNamed(plan, view.baseEroute);
  return eroute?.kind === "base" && eroute.egroup === egroup;
}
