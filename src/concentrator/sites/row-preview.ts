/**
 * What rows from elsewhere, or read otherwise, would mean for connected sites: found out before a
 * new configuration takes them over, without changing anything.
 */

import { dynamicErouteOf } from "../../eroute/dynamic-eroute.ts";
import type { EroutePlan } from "../../eroute/eroute.ts";
import type { PeerId } from "../../eroute/peer-id.ts";
import { egroupNamed, erouteNamed } from "../../eroute/plan-index.ts";
import type { PeerRow } from "../../eroute/row.ts";
import { wipe } from "../../octets/secret.ts";
import type { Engine } from "../engine.ts";
import { isAtRest } from "../resting.ts";
import { erouteAt } from "./eroutes.ts";
import { differing } from "./row-change.ts";
import { rowPrint } from "./row-checks.ts";

/** A connected site whose row is to be read, by the key of its eroute in use. */
export type SiteOfEgroup = { readonly key: string; readonly peerId: PeerId };

/** Rows that were read before a new configuration. */
export type RowsAhead = {
  /** Egroups whose rows come from elsewhere, or are read otherwise. */
  readonly egroups: ReadonlySet<string>;
  /** By key: why the row closes the site; undefined: it does not. Rows not read are missing. */
  readonly read: ReadonlyMap<string, string | undefined>;
};

/** Sites that are connected with a row of an egroup, in the order in which they came. */
export function* connectedSitesOf(engine: Engine, egroup: string): Generator<SiteOfEgroup> {
  for (const [key, held] of engine.sites.eroutes) {
    // Whoever is at rest has proved who he is.
    const site = isAtRest(held) ? engine.resting.glimpse(held) : held;
    if (site === undefined || (!isAtRest(held) && held.proof === undefined)) continue;
    const { base, peerId } = site;
    if (base.kind === "base" && base.egroup === egroup) yield { key, peerId };
  }
}

/** Why the rows that were read for a site close it under a plan, the same words for all sites. */
export function rowVerdict(
  engine: Engine,
  plan: EroutePlan,
  { key, peerId }: SiteOfEgroup,
  rows: readonly PeerRow[],
): string | undefined {
  const eroute = erouteAt(engine, key);
  if (eroute === undefined) return undefined;
  const base = erouteNamed(plan, eroute.base.name);
  // The plan itself closes such a site.
  if (base?.kind !== "base") return undefined;
  const egroup = egroupNamed(plan, base.egroup);
  if (egroup === undefined) return undefined;
  const made = dynamicErouteOf(base, egroup, peerId, rows);
  const where = `in egroup ${egroup.name}`;
  if (!made.ok) {
    const { kind } = made.error;
    if (kind === "no-row") return `they have no row ${where}`;
    return kind === "row-disabled"
      ? `their row ${where} is disabled`
      : `their row ${where} is faulty`;
  }
  const { psk, ppk } = made.value;
  const differs = differing(
    { row: eroute.row, base },
    rowPrint(engine.sites.rowChecks, made.value),
  );
  wipe(psk, ppk?.key);
  return differs === undefined ? undefined : `their row ${where} is another`;
}
