/** Performs what an IKE SA requests, on behalf of its owner. */

import type { ChildSa } from "../ike/child-sa.ts";
import { factsOf, type IkeEffect, type IkeSa, pathOf, spiOf } from "../ike/ike-sa.ts";
import { never } from "../octets/assert.ts";
import type { IkeSpi } from "../wire/header.ts";
import { forgetRefusals } from "./calls/call-table.ts";
import { giveUpLateCall, onCallUp, type StartEntry } from "./calls/dial.ts";
import { onRedirected } from "./calls/follow-redirect.ts";
import { reauthenticate } from "./calls/initiate.ts";
import { handOver } from "./dataplane/child-sas.ts";
import { currentEspPath } from "./dataplane/esp-path.ts";
import { installChild, installOutbound, removeChild } from "./dataplane/install.ts";
import { moveSoon } from "./dataplane/move.ts";
import { probeUsage } from "./dataplane/usage.ts";
import { onEnded } from "./ended.ts";
import { count, type Engine } from "./engine.ts";
import { journal } from "./journal/write.ts";
import type { Entry } from "./negotiation/entry.ts";
import { rememberPlace } from "./negotiation/guesses.ts";
import { addEntry, factsAt } from "./negotiation/ike-sas.ts";
import { precedenceOf, rememberPrefix } from "./negotiation/known-prefixes.ts";
import { setDeadline } from "./negotiation/settle.ts";
import { erouteAt } from "./sites/eroutes.ts";
import { identify, useEroute } from "./sites/look-up.ts";
import { gatewayOfSite } from "./sites/redirect.ts";
import { keepChildSas, keepIkeSas } from "./sites/site-caps.ts";
import { judge, onHeldBack, removeReplaced } from "./sites/uniqueness.ts";

/** Carries them out one after another; `start` begins the IKE SA of another call. */
export function perform(
  engine: Engine,
  entry: Entry,
  effects: readonly IkeEffect[],
  start: StartEntry,
): void {
  for (const effect of effects) performOne(engine, entry, effect, start);
}

function performOne(engine: Engine, entry: Entry, effect: IkeEffect, start: StartEntry): void {
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
      offerChildren(engine, effect.children, effect.to);
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
      onEnded(engine, entry, { spi, ...effect }, start);
      return;
    default:
      never(effect);
  }
}

/** Work that may have to wait for a thread, and whose turn is when. */
export function askForWork(
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
  const isNew =
    entry.candidate !== undefined && erouteAt(engine, entry.candidate.key) === undefined;
  useEroute(engine, entry);
  rememberPrefix(engine, pathOf(entry.sa).remote.address);
  rememberPlace(engine, entry);
  count(engine, "ike_sas_established");
  if (entry.eroute?.usesPpk === true) count(engine, "ike_sas_with_ppk");
  const { eroute } = entry;
  if (eroute === undefined) return;
  eroute.proof = holder === undefined ? { kind: "psk" } : { kind: "certificate", holder };
  const { call } = entry;
  const leaves = call === undefined ? undefined : onCallUp(engine, call);
  if (call === undefined) giveUpLateCall(engine, eroute.key);
  forgetRefusals(engine, eroute.key);
  entry.call = undefined;
  entry.initialContact = initialContact;
  judge(engine, entry, spi);
  // Who has sent us here is left, whatever else may stay.
  if (leaves !== undefined) entry.supersedes = [...new Set([...entry.supersedes, leaves])];
  eroute.ikeSas.push(spi);
  keepIkeSas(engine, eroute, spi);
  entry.redirect = gatewayOfSite(engine, entry, isNew);
}

/** Only now: so that no packet of the site finds itself without a policy in between. */
export function afterStep(engine: Engine, entry: Entry, sa: IkeSa | undefined): void {
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
  for (const spi of entry.supersedes) removeReplaced(engine, entry, spi);
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
  handOver(engine, factsOf(successor)?.children ?? [], spi);
  if (next.eroute !== undefined) keepIkeSas(engine, next.eroute, spi);
  setDeadline(engine, spi, successor);
}

/** Child SAs move to another IKE SA of the site; if it does not accept them, they have no owner. */
function offerChildren(engine: Engine, children: readonly ChildSa[], to: IkeSpi): void {
  if (factsAt(engine, to)?.canTakeChildSas !== true) {
    for (const { spiIn } of children) removeChild(engine, spiIn, "peer-deleted");
    return;
  }
  handOver(engine, children, to);
  engine.inbox.push({ spi: to, event: { kind: "adopt", children } });
}
