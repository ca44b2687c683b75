/** Performs what an IKE SA requests: each effect goes to its owner. */

import { type IkeEffect, type IkeSa, pathOf, spiOf } from "../ike/ike-sa.ts";
import { formatAddress } from "../inet/address.ts";
import type { EspSpi } from "../inet/esp-spi.ts";
import { never } from "../octets/assert.ts";
import type { IkeSpi } from "../wire/header.ts";
import { ask } from "./ask.ts";
import { callOfIkeSa, forgetRefusals } from "./calls/call-table.ts";
import { giveUpLateCall, onCallUp, type Start } from "./calls/dial.ts";
import { onRedirected } from "./calls/follow-redirect.ts";
import { reauthenticate } from "./calls/initiate.ts";
import { rememberManner } from "./calls/manners.ts";
import { changedIkeSa } from "./changes.ts";
import { handOver } from "./dataplane/child-sas.ts";
import { currentEspPath } from "./dataplane/esp-path.ts";
import { installChild, installOutbound, letOthersSend, removeChild } from "./dataplane/install.ts";
import { moveSoon } from "./dataplane/move.ts";
import { probeUsage } from "./dataplane/usage.ts";
import { onEnded } from "./ended.ts";
import { count, countAgreed, type Engine } from "./engine.ts";
import { journal } from "./journal/write.ts";
import type { Entry } from "./negotiation/entry.ts";
import { forgive, rememberPlace, slowDown } from "./negotiation/guesses.ts";
import { aboutOf, addEntry } from "./negotiation/ike-sas.ts";
import { precedenceOf, rememberPrefix } from "./negotiation/known-prefixes.ts";
import { setDeadline } from "./negotiation/settle.ts";
import { type Stand, standOf } from "./negotiation/stand.ts";
import { isTracing, tellUntold } from "./negotiation/trace.ts";
import { identifyByAddress } from "./sites/by-address.ts";
import { onChildDeletedElsewhere } from "./sites/eroute-end.ts";
import { presentedId } from "./sites/expected-id.ts";
import { askForFirstChild } from "./sites/first-child.ts";
import { factsAt, ikeSaAt, nameSuccessor } from "./sites/ike-sas.ts";
import { identify } from "./sites/look-up.ts";
import { findPpks } from "./sites/ppk-look-up.ts";
import { prove, settleProven } from "./sites/proven.ts";
import { keepChildSas, keepIkeSas } from "./sites/site-caps.ts";
import { onDeletedElsewhere, onHeldBack, onInitialContact } from "./sites/uniqueness.ts";
import { tellElsewhere } from "./sites/untold.ts";
import { onChildMethod } from "./sites/worked.ts";
import { checkPassword } from "./sites/xauth.ts";

/** Carries them out one after another; `start` begins the IKE SA of another call. */
export function perform(
  engine: Engine,
  entry: Entry,
  effects: readonly IkeEffect[],
  start: Start,
): void {
  const isEnding = effects.some(({ kind }) => kind === "ended");
  for (const effect of effects) {
    if (effect.kind === "child-down" && !isEnding) letOthersSend(engine, effect.spiIn);
    performOne(engine, entry, effect, start);
  }
}

function performOne(engine: Engine, entry: Entry, effect: IkeEffect, start: Start): void {
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
      onIdentify(engine, entry, effect);
      return;
    case "find-ppks":
      return findPpks(engine, spi, effect);
    case "authenticated":
      onAuthenticated(engine, entry, effect);
      return;
    case "initial-contact":
      return onInitialContact(engine, spi);
    case "check-password":
      return checkPassword(engine, spi, effect);
    case "held-back":
      return holdBack(engine, entry);
    case "child-up":
      installChild(engine, spi, effect);
      keepChildSas(engine, spi, effect.child);
      return;
    case "child-method":
      return onChildMethod(engine, spi, effect.method);
    case "child-outbound":
      return installOutbound(engine, effect.spiIn, effect.insteadOf);
    case "child-down":
      return removeChild(engine, effect.spiIn, effect.why);
    case "moved":
      return moveSoon(engine, spi);
    case "probe-usage":
      probeUsage(engine, spi, effect.ticket);
      return;
    case "redirected":
      onRedirected(engine, spi, effect.to);
      return;
    case "keepalive":
      return keepAlive(engine, spi);
    case "reauthenticate":
      return callAgain(engine, spi, effect.why);
    case "rekeyed":
      onRekeyed(engine, entry, effect.successor);
      return;
    case "hand-over":
      return offerChildren(engine, spi, effect);
    case "tell":
      engine.inbox.push({ spi: effect.to, event: effect.event });
      return;
    case "unsaid":
      return sayElsewhere(engine, spi, effect.spis);
    case "child-deleted-elsewhere":
      return onChildDeletedElsewhere(engine, spi, effect.spi);
    case "deleted-elsewhere":
      return onDeletedElsewhere(engine, spi, effect);
    case "count":
      count(engine, effect.counter);
      return;
    case "note":
      journal(engine, aboutOf(entry), effect.note);
      return;
    case "ended":
      return onEnded(engine, entry, effect, start);
    default:
      never(effect);
  }
}

/** Asks for work that may have to wait for a thread, with its precedence. */
export function askForWork(
  engine: Engine,
  entry: Entry,
  effect: Extract<IkeEffect, { kind: "key-exchange" | "signature" }>,
): void {
  const { kind, ticket } = effect;
  const spi = spiOf(entry.sa);
  const precedence = precedenceOf(engine, entry);
  if (kind === "signature") {
    const { op } = effect;
    ask(engine, { kind, spi, ticket }, (request) => ({ kind, request, op, precedence }));
  } else {
    const { op } = effect;
    ask(engine, { kind, spi, ticket }, (request) => ({ kind, request, op, precedence }));
  }
}

/** The sites find out whose IKE SA it is, unless its ID has failed too often. */
function onIdentify(
  engine: Engine,
  entry: Entry,
  { ticket, peer, algorithms, exchange }: Extract<IkeEffect, { kind: "identify" }>,
): void {
  const peerId = presentedId(peer);
  entry.peerId = peerId;
  if (isTracing(engine)) tellUntold(engine, entry);
  const tooEarly = slowDown(engine, entry);
  const stand = standOf(entry.sa);
  const asked = { spi: spiOf(entry.sa), ticket, peerId, algorithms, exchange, stand, tooEarly };
  const isByAddress =
    exchange === "Main Mode" && peerId === formatAddress(stand.path.remote.address);
  if (isByAddress) identifyByAddress(engine, asked);
  else identify(engine, asked);
}

/** Shared by all sites with a pre-shared key. */
const BY_PSK = { kind: "psk" } as const;

/** The eroute comes into use; former IKE SAs of the site go once the new one is up. */
function onAuthenticated(
  engine: Engine,
  entry: Entry,
  { initialContact, holder, phase1 }: Extract<IkeEffect, { kind: "authenticated" }>,
): void {
  const spi = spiOf(entry.sa);
  const proven = prove(engine, spi);
  entry.isProven = proven !== undefined;
  rememberPrefix(engine, pathOf(entry.sa).remote.address);
  rememberPlace(engine, entry);
  count(engine, "ike_sas_established");
  countIkeSa(engine, standOf(entry.sa));
  if (proven === undefined) return;
  const { eroute } = proven;
  const facts = factsAt(engine, spi);
  if (facts?.version === 1) count(engine, "ikev1_sas_established");
  if (facts?.hasFullTranscript === true) count(engine, "ike_sas_with_downgrade_prevention");
  if (eroute.usesPpk) count(engine, "ike_sas_with_ppk");
  eroute.proof = holder === undefined ? BY_PSK : { kind: "certificate", holder };
  const call = callOfIkeSa(engine, spi);
  const leaves = call === undefined ? undefined : onCallUp(engine, call);
  if (call === undefined) giveUpLateCall(engine, eroute.key);
  if (call === undefined && phase1 !== undefined) {
    rememberManner(engine, eroute.key, { major: 1, phase1 });
  }
  forgetRefusals(engine, eroute.key);
  settleProven(engine, proven, { initialContact, leaves });
  if (call !== undefined) askForFirstChild(engine, spi, eroute.key);
}

/**
 * Keeps the NAT's mapping of ESP in UDP, which is also that of IKE unless the site stays on 500.
 */
function keepAlive(engine: Engine, spi: IkeSpi): void {
  const ike = factsAt(engine, spi);
  if (ike === undefined) return;
  engine.out.push({ kind: "keepalive", path: currentEspPath(engine, ike) });
}

function holdBack(engine: Engine, entry: Entry): void {
  forgive(engine, entry);
  onHeldBack(engine, spiOf(entry.sa));
}

function sayElsewhere(engine: Engine, spi: IkeSpi, spis: readonly EspSpi[]): void {
  const eroute = ikeSaAt(engine, spi)?.eroute;
  if (eroute !== undefined) tellElsewhere(engine, eroute, spis, spi);
}

type Again = Extract<IkeEffect, { kind: "reauthenticate" }>["why"];

function callAgain(engine: Engine, spi: IkeSpi, why: Again): void {
  const eroute = ikeSaAt(engine, spi)?.eroute;
  if (eroute === undefined) return;
  // A call has come so far that the site only has to show that it knows of it.
  if (eroute.ikeSas.some((one) => factsAt(engine, one)?.awaitsSign === true)) return;
  reauthenticate(engine, eroute, why);
}

/** The eroute belongs to the new IKE SA now, and so do the Child SAs that it names. */
function onRekeyed(engine: Engine, entry: Entry, successor: IkeSa): void {
  const next = addEntry(engine, successor);
  next.peerId = entry.peerId;
  next.eroute = entry.eroute;
  next.isProven = entry.isProven;
  const spi = spiOf(successor);
  const stand = standOf(successor);
  const named = nameSuccessor(engine, spiOf(entry.sa), { spi, stand });
  handOver(engine, stand.facts?.children ?? [], spi);
  if (named?.eroute !== undefined) keepIkeSas(engine, named.eroute, spi);
  setDeadline(engine, spi, successor);
  changedIkeSa(engine, spi);
  countIkeSa(engine, stand);
}

function countIkeSa(engine: Engine, { facts }: Stand): void {
  if (facts !== undefined) countAgreed(engine, "ike", facts.algorithms);
}

/**
 * Child SAs go to another IKE SA of the site. If none takes them, those that belong to their site
 * stay where they are, and the others are removed.
 */
function offerChildren(
  engine: Engine,
  from: IkeSpi,
  { children, to, tasks }: Extract<IkeEffect, { kind: "hand-over" }>,
): void {
  const giver = factsAt(engine, from) ?? factsAt(engine, to);
  const isShared = giver?.sharesChildSas === true;
  // The one that it was to be may be gone by now.
  const others = isShared ? (ikeSaAt(engine, from)?.eroute?.ikeSas ?? []) : [];
  const taker = [to, ...others.toReversed()].find((spi) => {
    const facts = factsAt(engine, spi);
    const isOfSameKind = facts?.sharesChildSas === giver?.sharesChildSas;
    return spi !== from && facts?.canTakeChildSas === true && isOfSameKind;
  });
  if (taker === undefined && !isShared) {
    for (const { spiIn } of children) removeChild(engine, spiIn, "peer-deleted");
    return;
  }
  if (taker === undefined) engine.inbox.push({ spi: from, event: { kind: "needed" } });
  else handOver(engine, children, taker);
  const handed = tasks === undefined ? { children } : { children, tasks };
  engine.inbox.push({ spi: taker ?? from, event: { kind: "adopt", ...handed } });
}
