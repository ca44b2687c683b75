/**
 * Rows that may have changed while their sites are connected: read again, and compared (R5, R6).
 */

import { type DynamicEroute, dynamicErouteOf } from "../../eroute/dynamic-eroute.ts";
import { equalValues, sameSubnets } from "../../eroute/eroute-change.ts";
import { peerKey } from "../../eroute/peer-id.ts";
import { egroupNamed, eroutesFor } from "../../eroute/plan-index.ts";
import type { RowFault } from "../../eroute/row-fault.ts";
import { childWith } from "../../eroute/row-options.ts";
import { formatPrefix } from "../../inet/prefix.ts";
import type { Instant } from "../../octets/instant.ts";
import { err } from "../../octets/result.ts";
import { wipe } from "../../octets/secret.ts";
import { ask } from "../ask.ts";
import { callCount, forgetRefusals } from "../calls/call-table.ts";
import { count, type Engine, inMs } from "../engine.ts";
import type { LookupId, LookupResult } from "../event.ts";
import { journal } from "../journal/write.ts";
import type { RowCheck } from "../requests.ts";
import { type ErouteInUse, erouteKey } from "./eroute-in-use.ts";
import { erouteAt } from "./eroutes.ts";
import { closeSoon, tellTermsSoon } from "./errands.ts";
import { ikeSaAt } from "./ike-sas.ts";
import { demandRefused } from "./look-up.ts";
import { orphansOf } from "./orphans.ts";
import { type EgroupChecks, type RowPrint, rowPrint } from "./row-checks.ts";
import { runErrands } from "./run-errands.ts";
import type { CloseReason } from "./sites.ts";

/** Rows of one egroup that are read at the same time: they travel in one query. */
const READING_MAX = 64;

/** Pause after a failed look-up; it doubles with each one that follows. */
const RETRY_MS_FIRST = 1_000;
const RETRY_MS_MAX = 30_000;

/** Changes that are remembered for negotiations under way; the oldest is forgotten first. */
const CHANGED_MAX = 10_000;

/** A row changed: re-check the SAs built from it. */
export function onRowChanged(engine: Engine, egroup: string, peerId: string): void {
  if (engine.shuttingDown) return;
  engine.sites.unknownIds.delete(peerKey(peerId));
  for (const base of eroutesFor(engine.plan, peerId)) {
    if (base.kind !== "base" || base.egroup !== egroup) continue;
    const key = erouteKey(base.name, peerId);
    if (mayBeReading(engine)) rememberChange(engine, key);
    // A call may have failed because of the row: the next packet may cause another one.
    forgetRefusals(engine, key);
    const eroute = erouteAt(engine, key);
    if (eroute !== undefined) recheckRow(engine, eroute);
    else engine.sites.worked.delete(key);
  }
}

/** Whether a site may be about to connect with a row that was read before. */
function mayBeReading(engine: Engine): boolean {
  return engine.sites.unproven.size + callCount(engine) > 0;
}

/** Reads the row of a site that is up, and compares. */
export function recheckRow(engine: Engine, eroute: ErouteInUse): void {
  if (eroute.base.kind !== "base") return;
  checksOf(engine, eroute.base.egroup).waiting.add(eroute.key);
  runRowChecks(engine);
}

/** Re-checks a site that came up with a row that was read before its change was reported. */
export function recheckIfChanged(engine: Engine, eroute: ErouteInUse): void {
  const changed = engine.sites.rowChecks.changed.get(eroute.key);
  if (changed === undefined || eroute.row === undefined) return;
  if (eroute.row.lookup < changed.number) recheckRow(engine, eroute);
}

/** Reads as many rows as may be read at the same time, and gives up those without an answer. */
export function runRowChecks(engine: Engine): void {
  const { rowChecks } = engine.sites;
  for (const { reading } of rowChecks.egroups.values()) giveUpReading(engine, reading);
  for (const [egroup, checks] of rowChecks.egroups) {
    if (engine.now < checks.notBefore) continue;
    for (const key of checks.waiting) {
      if (checks.reading.size >= READING_MAX) break;
      checks.waiting.delete(key);
      read(engine, egroup, key);
    }
    if (checks.waiting.size === 0 && checks.reading.size === 0 && checks.failures === 0) {
      rowChecks.egroups.delete(egroup);
    }
  }
}

function giveUpReading(engine: Engine, reading: EgroupChecks["reading"]): void {
  for (const [lookup, until] of reading) {
    if (until > engine.now) break;
    const check = engine.requests.giveUp("peer-rows", lookup);
    const result = err({ kind: "timeout", detail: "no answer in time" } as const);
    if (check?.kind === "row-check") settle(engine, check, { lookup, result });
  }
}

/** When {@link runRowChecks} has something to do; undefined if nothing waits. */
export function rowChecksAt({ sites }: Engine): Instant | undefined {
  let at: Instant | undefined;
  for (const { waiting, reading, notBefore } of sites.rowChecks.egroups.values()) {
    const until = reading.size === 0 ? undefined : reading.values().next().value;
    if (until !== undefined && (at === undefined || until < at)) at = until;
    if (waiting.size === 0 || reading.size >= READING_MAX) continue;
    if (at === undefined || notBefore < at) at = notBefore;
  }
  return at;
}

/** No more comparisons: all sites are being closed. */
export function forgetRowChecks({ sites, requests }: Engine): void {
  const { rowChecks } = sites;
  for (const { reading } of rowChecks.egroups.values()) {
    for (const lookup of reading.keys()) requests.giveUp("peer-rows", lookup);
  }
  rowChecks.egroups.clear();
  rowChecks.changed.clear();
}

type Read = { readonly lookup: LookupId; readonly result: LookupResult };

/** The answer to a row that was read again. */
export function onRowRead(engine: Engine, check: RowCheck, read: Read): void {
  settle(engine, check, read);
  runRowChecks(engine);
}

function settle(engine: Engine, reading: RowCheck, { lookup, result }: Read): void {
  const checks = checksOf(engine, reading.egroup);
  checks.reading.delete(lookup);
  if (result.ok) {
    onAnswer(engine, reading.egroup, checks);
    compareWithRow(engine, reading, result.value);
  } else {
    // R6: a failing database never disconnects a connected site.
    checks.waiting.add(reading.key);
    onFailure(engine, reading.egroup, checks, result.error.detail);
  }
}

function read(engine: Engine, egroup: string, key: string): void {
  const eroute = erouteAt(engine, key);
  // Since this was asked for, the site may have gone, or its table may be another one.
  if (eroute?.base.kind !== "base" || eroute.base.egroup !== egroup) return;
  const by = { by: "peerid", peerid: eroute.peerId } as const;
  const waiter = { kind: "row-check", key, egroup } as const;
  const lookup = ask(engine, waiter, (number) => ({ kind: "look-up", lookup: number, egroup, by }));
  const until = inMs(engine, engine.plan.limits.lookupMs);
  checksOf(engine, egroup).reading.set(lookup, until);
  count(engine, "row_checks");
}

function onAnswer(engine: Engine, egroup: string, checks: EgroupChecks): void {
  if (checks.failures === 0) return;
  checks.failures = 0;
  checks.notBefore = engine.now;
  const detail = `egroup ${egroup}: rows of connected sites can be read again`;
  journal(engine, undefined, {
    level: "info",
    step: "row",
    outcome: "ok",
    reason: "row-checks-work",
    detail,
  });
}

/** The failure of a whole batch counts once: all of it was asked before the pause began. */
function onFailure(engine: Engine, egroup: string, checks: EgroupChecks, why: string): void {
  count(engine, "row_checks_failed");
  if (engine.now < checks.notBefore) return;
  const pauseMs = Math.min(RETRY_MS_FIRST * 2 ** checks.failures, RETRY_MS_MAX);
  checks.notBefore = inMs(engine, pauseMs);
  checks.failures++;
  if (checks.failures > 1) return;
  journal(engine, undefined, {
    level: "warning",
    step: "row",
    outcome: "failed",
    reason: "row-checks-fail",
    detail: `egroup ${egroup}: changed rows cannot be read, their sites stay as they are: ${why}`,
  });
}

function compareWithRow(
  engine: Engine,
  { key, egroup }: RowCheck,
  rows: Parameters<typeof dynamicErouteOf>[3],
): void {
  const newest = erouteAt(engine, key);
  const group = egroupNamed(engine.plan, egroup);
  if (newest?.base.kind !== "base" || group === undefined) return;
  const made = dynamicErouteOf(newest.base, group, newest.peerId, rows);
  const print = made.ok ? rowPrint(engine.sites.rowChecks, made.value) : undefined;
  for (const eroute of madeFromRow(engine, newest)) {
    const differs = differing(eroute, print);
    const isWeak = made.ok && lacksDemand(engine, eroute, made.value);
    if (differs === undefined && !isWeak) {
      if (made.ok) useTimes(engine, eroute, made.value);
      continue;
    }
    const { reason, detail }: Closing = made.ok
      ? { reason: "row-changed", detail: difference(eroute, made.value, differs) }
      : fromFault(made.error);
    closeSoon(engine, eroute, reason);
    engine.sites.worked.delete(eroute.key);
    count(engine, "row_changes");
    journal(engine, undefined, {
      level: made.ok ? "info" : "warning",
      step: "row",
      outcome: "note",
      reason,
      peerId: eroute.peerId,
      eroute: eroute.name,
      detail: `closed: ${detail}`,
    });
  }
  if (made.ok) wipe(made.value.psk, made.value.ppk?.key);
  runErrands(engine);
}

/** Whether the row now demands a key exchange that an IKE SA of the site does not have. */
function lacksDemand(engine: Engine, { ikeSas }: ErouteInUse, made: DynamicEroute): boolean {
  return ikeSas.some((spi) => {
    const facts = ikeSaAt(engine, spi)?.stand.facts;
    const algorithms = facts?.version === 1 ? undefined : facts?.algorithms;
    return facts !== undefined && demandRefused(made, algorithms) !== undefined;
  });
}

/** New times in the row take effect, and close nothing; nor does a demand that is met. */
function useTimes(engine: Engine, eroute: ErouteInUse, { own }: DynamicEroute): void {
  if (equalValues(eroute.own, own)) return;
  eroute.own = own;
  eroute.child = childWith(eroute.base.child, own);
  tellTermsSoon(engine, eroute);
  journal(engine, undefined, {
    level: "info",
    step: "row",
    outcome: "note",
    reason: "row-changed",
    peerId: eroute.peerId,
    eroute: eroute.name,
    detail: "its row has other times or demands: they count from now on, nothing is closed",
  });
}

/** Every eroute in use from which SAs of the site were made: there may be older ones. */
function madeFromRow(engine: Engine, newest: ErouteInUse): ReadonlySet<ErouteInUse> {
  const objects = new Set<ErouteInUse>();
  if (orphansOf(engine, newest).length > 0) objects.add(newest);
  for (const spi of newest.ikeSas) {
    const eroute = ikeSaAt(engine, spi)?.eroute;
    if (eroute !== undefined) objects.add(eroute);
  }
  return objects;
}

type Closing = { readonly reason: CloseReason; readonly detail: string };

function fromFault({ kind, detail }: RowFault): Closing {
  if (kind === "no-row") return { reason: "row-removed", detail };
  return { reason: kind === "row-disabled" ? kind : "row-changed", detail };
}

/** Whether the row differs; a PPK that is not to be used makes no difference. */
export function differing(
  { row, base }: Pick<ErouteInUse, "row" | "base">,
  print: RowPrint | undefined,
): "all" | "ppk" | undefined {
  if (print === undefined || row?.print.all !== print.all) return "all";
  return base.ppk !== "off" && row.print.ppk !== print.ppk ? "ppk" : undefined;
}

/** What differs, without telling the key. */
function difference(
  eroute: ErouteInUse,
  made: DynamicEroute,
  what: "all" | "ppk" | undefined,
): string {
  if (what === undefined) return "its row demands a post-quantum key exchange now";
  if (what === "ppk") return "its row has another PPK, or none any more";
  const parts: string[] = [];
  if (!sameSubnets(eroute.remoteSubnets, made.remoteSubnets)) {
    const was = eroute.remoteSubnets.map(formatPrefix).join(", ");
    parts.push(`its row gives it ${made.remoteSubnets.map(formatPrefix).join(", ")}, not ${was}`);
  }
  if (!sameSubnets(eroute.localSubnets, made.localSubnets)) {
    parts.push(`its row gives it ${made.localSubnets.map(formatPrefix).join(", ")} on our side`);
  }
  if (eroute.ourid !== made.ourid) parts.push("its row gives another ourid");
  if (eroute.own.ifId !== made.own.ifId) parts.push("its row gives another if_id");
  return parts.length === 0 ? "its row has another password" : parts.join("; ");
}

function rememberChange(engine: Engine, key: string): void {
  const { changed } = engine.sites.rowChecks;
  changed.delete(key);
  for (const [oldest, { until }] of changed) {
    if (until > engine.now && changed.size < CHANGED_MAX) break;
    changed.delete(oldest);
  }
  // A look-up that is numbered from now on reads the row as it is now.
  const until = inMs(engine, engine.plan.limits.halfOpenMs);
  changed.set(key, { number: engine.requests.number(), until });
}

function checksOf(engine: Engine, egroup: string): EgroupChecks {
  let checks = engine.sites.rowChecks.egroups.get(egroup);
  if (checks === undefined) {
    checks = { waiting: new Set(), reading: new Map(), failures: 0, notBefore: engine.now };
    engine.sites.rowChecks.egroups.set(egroup, checks);
  }
  return checks;
}
