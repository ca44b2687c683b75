/**
 * The walk over all eroutes in use under a new configuration, in portions: between them, everything
 * else goes on. An eroute that has not been visited yet keeps its former configuration.
 */

import type { Eroute } from "../../eroute/eroute.ts";
import { childWith } from "../../eroute/row-options.ts";
import type { Instant } from "../../octets/instant.ts";
import { type Engine, inMs } from "../engine.ts";
import { journal } from "../journal/write.ts";
import { awakeOf, createLooks, onlyAwakeOf, renewLexicon } from "../resting.ts";
import type { ErouteInUse } from "./eroute-in-use.ts";
import { closeSoon, tellTermsSoon } from "./errands.ts";
import { versionsOf } from "./ike-sas.ts";
import { recheckRow } from "./row-change.ts";
import { runErrands } from "./run-errands.ts";
import type { Adjusting, Tally } from "./sites.ts";
import { type Comparison, verdictOn } from "./verdict.ts";

/** Entries of the tables that are visited in one portion, or fewer if sites are woken for that. */
const PORTION = 100;
const NEXT_PORTION_MS = 1;

/** Begins the walk with its first portion. */
export function beginAdjusting(engine: Engine, comparison: Comparison): void {
  const { eroutes, ikeSas } = engine.sites;
  renewLexicon(engine);
  engine.sites.adjusting = {
    comparison,
    eroutes: awakeOf(engine, eroutes),
    ikeSas: onlyAwakeOf(ikeSas),
    former: new Set(),
    tally: { kept: 0, later: new Map(), closed: new Map() },
    at: engine.now,
  };
  runAdjusting(engine);
}

/** When the next portion is due; undefined: no walk is under way. */
export function adjustingAt({ sites }: Engine): Instant | undefined {
  return sites.adjusting?.at;
}

/** The next portion, if it is time. */
export function runAdjusting(engine: Engine): void {
  const { adjusting } = engine.sites;
  if (adjusting === undefined || engine.now < adjusting.at) return;
  adjusting.at = inMs(engine, NEXT_PORTION_MS);
  walk(engine, adjusting, PORTION);
  runErrands(engine);
}

/** All that is left of a walk, at once: another configuration comes. */
export function endAdjusting(engine: Engine): void {
  const { adjusting } = engine.sites;
  if (adjusting !== undefined) walk(engine, adjusting, Number.POSITIVE_INFINITY);
}

/** No more of it: all sites are being closed. */
export function forgetAdjusting({ sites }: Engine): void {
  sites.adjusting = undefined;
}

/** Visits so many entries; after the last one the result goes to the journal. */
function walk(engine: Engine, adjusting: Adjusting, portion: number): void {
  const { comparison, tally } = adjusting;
  const looks = createLooks(engine);
  for (let left = portion; left > 0; left -= looks()) {
    const eroute = nextOf(engine, adjusting);
    if (eroute === "end") {
      engine.sites.adjusting = undefined;
      noteTally(engine, tally);
      return;
    }
    if (eroute !== undefined) adjust(engine, eroute, comparison, tally);
  }
}

/**
 * The eroute to be visited next: those of the table, and then those from which only an older IKE SA
 * was made. Undefined for an IKE SA whose eroute has been visited.
 */
function nextOf({ sites }: Engine, adjusting: Adjusting): ErouteInUse | undefined | "end" {
  const inUse = adjusting.eroutes.next();
  if (inUse.done !== true) return inUse.value;
  const ikeSa = adjusting.ikeSas.next();
  if (ikeSa.done === true) return "end";
  const { eroute } = ikeSa.value;
  if (eroute === undefined || sites.eroutes.get(eroute.key) === eroute) return undefined;
  if (adjusting.former.has(eroute)) return undefined;
  adjusting.former.add(eroute);
  return eroute;
}

function adjust(engine: Engine, eroute: ErouteInUse, comparison: Comparison, tally: Tally): void {
  const verdict = verdictOn(eroute, comparison, versionsOf(engine, eroute));
  const inUse = engine.sites.eroutes.get(eroute.key) === eroute;
  if (verdict.kind === "close") {
    closeSoon(engine, eroute, "reconfigured");
    if (!inUse) return;
    addTo(tally.closed, verdict.of);
    journal(engine, undefined, {
      level: "info",
      step: "configuration",
      outcome: "note",
      reason: "reconfigured",
      peerId: eroute.peerId,
      eroute: eroute.name,
      detail: `closed by the new configuration: ${verdict.detail}`,
    });
    return;
  }
  useConfiguration(eroute, verdict.next);
  if (verdict.later.length > 0 || !comparison.sameLimits) tellTermsSoon(engine, eroute);
  if (inUse && eroute.base.kind === "base" && comparison.changedEgroups.has(eroute.base.egroup)) {
    recheckRow(engine, eroute);
  }
  if (!inUse) return;
  if (verdict.later.length === 0) tally.kept++;
  else addTo(tally.later, `${verdict.later.join(", ")} of eroute ${verdict.next.name}`);
}

/** The eroute as it is configured now. */
export function useConfiguration(eroute: ErouteInUse, next: Eroute): void {
  eroute.base = next;
  eroute.child = childWith(next.child, eroute.own);
}

function addTo(counts: Map<string, number>, what: string): void {
  counts.set(what, (counts.get(what) ?? 0) + 1);
}

/** Reasons that are named in one journal entry; each site's own entry has all of them. */
const REASONS_MAX = 5;

function noteTally(engine: Engine, { kept, later, closed }: Tally): void {
  const parts = [
    `${kept} eroutes in use stay as they are`,
    ...counted(later, "take new values when they next negotiate"),
    ...counted(closed, "are closed"),
  ];
  journal(engine, undefined, {
    level: "info",
    step: "configuration",
    outcome: "ok",
    reason: "configuration-applied",
    detail: parts.join("; "),
  });
}

function counted(counts: ReadonlyMap<string, number>, what: string): readonly string[] {
  if (counts.size === 0) return [];
  const sum = [...counts.values()].reduce((all, one) => all + one, 0);
  const reasons = [...counts.keys()].slice(0, REASONS_MAX).join(", ");
  return [`${sum} ${what} (${reasons}${counts.size > REASONS_MAX ? ", …" : ""})`];
}
