/** Drives IKE SAs: hands an event to one, and carries out what it wants. */

import type { ChildSa } from "../../ike/child-sa.ts";
import { type EndReason, endWord } from "../../ike/end-reason.ts";
import type { IkeEvent } from "../../ike/event.ts";
import type { Stage } from "../../ike/facts.ts";
import {
  deadlineOf,
  factsOf,
  type IkeEffect,
  type IkeSa,
  pathOf,
  spiOf,
  stageOf,
  step,
} from "../../ike/ike-sa.ts";
import { AssertionError, never } from "../../octets/assert.ts";
import type { IkeSpi } from "../../wire/header.ts";
import { callOf, giveUp } from "../calls/call-table.ts";
import { onCallEnded, onCallLost, onCallUp } from "../calls/dial.ts";
import { onCallRedirected, onRedirected } from "../calls/follow-redirect.ts";
import { reauthenticate } from "../calls/initiate.ts";
import { currentEspPath } from "../dataplane/esp-path.ts";
import { installChild, installOutbound, removeChild } from "../dataplane/install.ts";
import { moveSoon } from "../dataplane/move.ts";
import { probeUsage } from "../dataplane/usage.ts";
import { addEntry, count, type Engine, type Entry, factsAt, journal } from "../engine.ts";
import { identify, leaveEroute, useEroute } from "../sites/look-up.ts";
import { gatewayOfSite } from "../sites/redirect.ts";
import { keepChildSas, keepIkeSas } from "../sites/site-caps.ts";
import { farewell, judge, onHeldBack, spareLast } from "../sites/uniqueness.ts";
import { rememberPlace } from "./guesses.ts";
import { leaveHalfOpen, mayGrow, weighHalfOpen } from "./half-open.ts";
import { precedenceOf, rememberPrefix } from "./precedence.ts";

const DELETED: Readonly<Record<string, string>> = {
  "peer-silent": "the site answered none of our requests for over a minute: it counts as gone",
  "replaced-by-newer": "the site has called again: its former IKE SA is removed",
  redundant: "both ends have called at the same time: one IKE SA stays",
  "address-gone": "our address that its packets go to has gone, and has not come back",
  inactive: "no packet in either direction for the eroute's inactivity time",
  "lifetime-over": "its keys could not be replaced in time",
  "keys-refused": "the site refuses new keys, and the old ones have served their time",
  "reauthentication-overdue": "the site has not authenticated anew in time",
  "ike-sas-over-limit": "the site has more IKE SAs than ike.ike_sas_per_site lets it have",
  childless: "the site has had no Child SA for five minutes: the IKE SA is of no use",
  "no-child-sa": "the site grants no Child SA: the IKE SA is of no use",
  "disconnected-by-hand": "an operator has disconnected the site",
  reconfigured: "the new configuration gives the site other SAs",
  "row-changed": "the site's row says something else than its SAs were made from",
  "row-removed": "the site's row is gone",
  "subnet-taken-over": "another site with the same subnet has taken its place (overlap)",
  "row-disabled": "the site is disabled in its row",
};

/** IKE SAs that only answer repeats: with so many of them, the next one is forgotten at once. */
const LINGERING_MAX = 20_000;

/** Hands an event to the IKE SA with this local SPI, if there is one. */
export function deliver(engine: Engine, spi: IkeSpi, event: IkeEvent): void {
  const entry = engine.sas.get(spi);
  if (entry === undefined) return;
  if (event.kind === "message" && !mayGrow(engine, entry, event.octets.length)) return;
  guard(engine, entry, spi, () => {
    const before = stageOf(entry.sa);
    const result = step(entry.sa, event, engine.context);
    settle(engine, entry, result.sa, before);
    perform(engine, entry, result.effects);
    afterStep(engine, entry, result.sa);
  });
}

/** Carries out the first effects of an IKE SA that was just admitted. */
export function start(engine: Engine, entry: Entry, effects: readonly IkeEffect[]): void {
  const spi = spiOf(entry.sa);
  engine.deadlines.set(spi, deadlineOf(entry.sa));
  guard(engine, entry, spi, () => perform(engine, entry, effects));
}

/** Handles what the tables' files left for IKE SAs, and what comes of it, until nothing is left. */
export function drain(engine: Engine): void {
  for (let parcel = engine.inbox.shift(); parcel !== undefined; parcel = engine.inbox.shift()) {
    deliver(engine, parcel.spi, parcel.event);
  }
}

/** A bug in one IKE SA costs that IKE SA, its kernel states included; the others go on. */
function guard(engine: Engine, entry: Entry, spi: IkeSpi, work: () => void): void {
  try {
    work();
  } catch (fault) {
    count(engine, "internal_errors");
    const isOurs = fault instanceof AssertionError;
    journal(engine, entry, {
      level: "error",
      step: "daemon",
      outcome: "failed",
      reason: "internal-error",
      detail: `please report this bug: ${isOurs ? fault.message : String(fault)}`,
    });
    discard(engine, entry, spi, "internal-error");
  }
}

/** Keeps the tables true to the IKE SA's new phase. */
function settle(engine: Engine, entry: Entry, next: IkeSa | undefined, before: Stage): void {
  const spi = spiOf(entry.sa);
  const stage = next === undefined ? undefined : stageOf(next);
  if (before === "half-open" && stage !== "half-open") leaveHalfOpen(engine, entry);
  if (before === "over") engine.lingering--;
  const isLingering = stage === "over";
  const isForgotten = next === undefined || (isLingering && engine.lingering >= LINGERING_MAX);
  if (entry.initKey !== undefined && (isForgotten || stage === "up")) {
    engine.initRequests.delete(entry.initKey);
    entry.initKey = undefined;
  }
  if (isForgotten) {
    engine.sas.delete(spi);
    engine.deadlines.set(spi, undefined);
    return;
  }
  if (isLingering) engine.lingering++;
  entry.sa = next;
  weighHalfOpen(engine, entry);
  engine.deadlines.set(spi, deadlineOf(next));
}

function perform(engine: Engine, entry: Entry, effects: readonly IkeEffect[]): void {
  for (const effect of effects) performOne(engine, entry, effect);
}

function performOne(engine: Engine, entry: Entry, effect: IkeEffect): void {
  const spi = spiOf(entry.sa);
  switch (effect.kind) {
    case "send":
      engine.out.push(effect);
      return;
    case "key-exchange":
    case "signature":
      askForWork(engine, entry, effect);
      return;
    case "identify":
      identify(engine, entry, effect);
      return;
    case "authenticated":
      onAuthenticated(engine, entry, spi, effect);
      return;
    case "held-back":
      onHeldBack(engine, entry);
      return;
    case "child-up":
      entry.installing = effect.child.spiIn;
      installChild(engine, entry, effect);
      keepChildSas(engine, entry, effect.child);
      return;
    case "child-outbound":
      installOutbound(engine, effect.spiIn);
      return;
    case "child-down":
      removeChild(engine, effect.spiIn, effect.why);
      return;
    case "moved":
      moveSoon(engine, entry, spi);
      return;
    case "probe-usage":
      probeUsage(engine, entry, spi, effect.ticket);
      return;
    case "redirected":
      onRedirected(engine, entry, spi, effect.to);
      return;
    case "keepalive":
      keepAlive(engine, entry);
      return;
    case "reauthenticate":
      if (entry.eroute !== undefined) reauthenticate(engine, entry.eroute, effect.why);
      return;
    case "rekeyed":
      onRekeyed(engine, entry, effect.successor);
      return;
    case "hand-over":
      handOver(engine, effect.children, effect.to);
      return;
    case "tell":
      engine.inbox.push({ spi: effect.to, event: effect.event });
      return;
    case "count":
      count(engine, effect.counter);
      return;
    case "note":
      journal(engine, entry, effect.note);
      return;
    case "ended":
      onEnded(engine, entry, spi, effect.reason);
      return;
    default:
      never(effect);
  }
}

/** Work that may have to wait for a thread, and whose turn is when. */
function askForWork(
  engine: Engine,
  entry: Entry,
  effect: Extract<IkeEffect, { kind: "key-exchange" | "signature" }>,
): void {
  const { kind, ticket } = effect;
  const spi = spiOf(entry.sa);
  const precedence = precedenceOf(engine, entry);
  if (kind === "signature") {
    const request = engine.requests.open({ kind, spi, ticket });
    engine.out.push({ kind, request, op: effect.op, precedence });
  } else {
    const request = engine.requests.open({ kind, spi, ticket });
    engine.out.push({ kind, request, op: effect.op, precedence });
  }
}

/** The eroute comes into use; former IKE SAs of the site go once the new one is up. */
function onAuthenticated(
  engine: Engine,
  entry: Entry,
  spi: IkeSpi,
  { initialContact, holder }: Extract<IkeEffect, { kind: "authenticated" }>,
): void {
  const isNew = entry.candidate !== undefined && !engine.eroutes.has(entry.candidate.key);
  useEroute(engine, entry);
  rememberPrefix(engine, pathOf(entry.sa).remote.address);
  rememberPlace(engine, entry);
  count(engine, "ike_sas_established");
  if (entry.eroute?.usesPpk === true) count(engine, "ike_sas_with_ppk");
  const { eroute } = entry;
  if (eroute === undefined) return;
  eroute.proof = holder === undefined ? { kind: "psk" } : { kind: "certificate", holder };
  const { call } = entry;
  const leaves = call === undefined ? undefined : engine.calls.byId.get(call)?.redirect?.leaves;
  if (call !== undefined) onCallUp(engine, call);
  else giveUpLateCall(engine, eroute.key);
  entry.call = undefined;
  entry.initialContact = initialContact;
  judge(engine, entry, spi);
  // Who has sent us here is left, whatever else may stay.
  if (leaves !== undefined) entry.supersedes = [...new Set([...entry.supersedes, leaves])];
  eroute.ikeSas.push(spi);
  keepIkeSas(engine, eroute, spi);
  entry.redirect = gatewayOfSite(engine, entry, isNew);
}

/**
 * A call to a site that has just called us, with its IKE_AUTH still to be made: its INITIAL_CONTACT
 * would be a lie, upon which the site drops the IKE SA that is up, without a word (§2.4).
 */
function giveUpLateCall(engine: Engine, key: string): void {
  const call = callOf(engine, key);
  if (call?.stage.kind !== "calling") return;
  const ike = engine.sas.get(call.stage.spi)?.sa;
  if (ike !== undefined && stageOf(ike) === "calling") giveUp(engine, call, "redundant");
}

/** Only now: so that no packet of the site finds itself without a policy in between. */
function afterStep(engine: Engine, entry: Entry, sa: IkeSa | undefined): void {
  if (entry.supersedes.length === 0 && entry.redirect === undefined) return;
  const facts = sa === undefined ? undefined : factsOf(sa);
  // One that never came up leaves the others alone.
  if (facts === undefined) entry.supersedes = [];
  else if (facts.isServing) return;
  if (entry.redirect !== undefined) {
    const spi = spiOf(entry.sa);
    engine.inbox.push({ spi, event: { kind: "redirect", to: entry.redirect } });
    entry.redirect = undefined;
  }
  for (const spi of entry.supersedes) {
    engine.inbox.push({ spi, event: farewell(engine, entry, spi) });
  }
  entry.supersedes = [];
}

/** It keeps the mapping of ESP in UDP, which is IKE's as well unless the site stays on 500. */
function keepAlive(engine: Engine, { sa }: Entry): void {
  const ike = factsOf(sa);
  if (ike === undefined) return;
  engine.out.push({ kind: "keepalive", path: currentEspPath(engine, ike) });
}

/** The eroute belongs to the new IKE SA now, and so do the Child SAs that it names. */
function onRekeyed(engine: Engine, entry: Entry, successor: IkeSa): void {
  const next = addEntry(engine, successor);
  const spi = spiOf(successor);
  next.peerId = entry.peerId;
  next.eroute = entry.eroute;
  next.eroute?.ikeSas.push(spi);
  next.initialContact = entry.initialContact;
  own(engine, factsOf(successor)?.children ?? [], spi);
  if (next.eroute !== undefined) keepIkeSas(engine, next.eroute, spi);
  engine.deadlines.set(spi, deadlineOf(successor));
}

/** Child SAs go to another IKE SA of the site; where it does not take them, nobody has them. */
function handOver(engine: Engine, children: readonly ChildSa[], to: IkeSpi): void {
  if (factsAt(engine, to)?.canTakeChildSas !== true) {
    for (const { spiIn } of children) removeChild(engine, spiIn, "peer-deleted");
    return;
  }
  own(engine, children, to);
  engine.inbox.push({ spi: to, event: { kind: "adopt", children } });
}

function own(engine: Engine, children: readonly ChildSa[], spi: IkeSpi): void {
  for (const { spiIn } of children) {
    const installed = engine.installed.get(spiIn);
    if (installed !== undefined) installed.ikeSpi = spi;
  }
}

function onEnded(engine: Engine, entry: Entry, spi: IkeSpi, reason: EndReason): void {
  const why = endWord(reason);
  removeLeftChild(engine, entry, spi, why);
  const { call: id } = entry;
  entry.call = undefined;
  if (reason.kind === "redirected") {
    const { to } = reason;
    if (id !== undefined) return onCallRedirected(engine, entry, { id, to });
    noteRedirected(engine, entry, to.host);
  } else if (id !== undefined) onCallEnded(engine, id, start);
  if (entry.eroute === undefined) {
    if (reason.kind !== "redirected") count(engine, "negotiations_failed");
    return;
  }
  count(engine, isReplaced(reason, why) ? "ike_sas_replaced" : "ike_sas_closed");
  if (reason.kind === "we-deleted") {
    journal(engine, entry, {
      level: why === "peer-silent" ? "warning" : "info",
      step: "INFORMATIONAL",
      outcome: "note",
      reason: why,
      detail: DELETED[why] ?? `IKE SA deleted: ${why}`,
    });
  }
  const { eroute } = entry;
  entry.eroute = undefined;
  leaveEroute(engine, eroute, spi, why);
  spareLast(engine, eroute);
}

/** By a rekey or a new call: the site goes on without a gap. */
function isReplaced(reason: EndReason, why: string): boolean {
  return reason.kind === "replaced-by-rekey" || REPLACED.has(why);
}

const REPLACED: ReadonlySet<string> = new Set(["rekeyed", "redundant", "replaced-by-newer"]);

function noteRedirected(engine: Engine, entry: Entry, host: string): void {
  journal(engine, entry, {
    level: "info",
    step: entry.eroute === undefined ? "IKE_AUTH" : "INFORMATIONAL",
    outcome: "note",
    reason: "redirected",
    detail: `the site was sent to ${host}, and has gone`,
  });
}

/** A Child SA that was on its way into the kernel when its IKE SA ended. */
function removeLeftChild(engine: Engine, entry: Entry, spi: IkeSpi, why: string): void {
  const { installing } = entry;
  if (installing === undefined || engine.installed.get(installing)?.ikeSpi !== spi) return;
  removeChild(engine, installing, why);
}

function discard(engine: Engine, entry: Entry, spi: IkeSpi, why: string): void {
  if (stageOf(entry.sa) === "half-open") leaveHalfOpen(engine, entry);
  if (entry.initKey !== undefined) engine.initRequests.delete(entry.initKey);
  engine.sas.delete(spi);
  engine.deadlines.set(spi, undefined);
  for (const child of factsOf(entry.sa)?.children.toReversed() ?? []) {
    removeChild(engine, child.spiIn, "discarded");
  }
  removeLeftChild(engine, entry, spi, why);
  const { call, eroute } = entry;
  entry.call = undefined;
  if (call !== undefined) onCallLost(engine, call);
  entry.eroute = undefined;
  if (eroute !== undefined) leaveEroute(engine, eroute, spi, why);
}
