/** The whole engine, seen from outside: events in, effects out; no I/O, clock or randomness. */

import type { EroutePlan } from "../eroute/eroute.ts";
import { CookieJar } from "../ike/cookie.ts";
import { isFragment } from "../ike/door.ts";
import { decryptionTableLine } from "../ike/ike-sa.ts";
import { type Address, equalAddress } from "../inet/address.ts";
import { createPrefixTable } from "../inet/prefix-table.ts";
import { never } from "../octets/assert.ts";
import { type Instant, later } from "../octets/instant.ts";
import type { XfrmExpire } from "../xfrm/event.ts";
import { isOurReqid } from "../xfrm/request.ts";
import type { XfrmMapping } from "../xfrm/state.ts";
import { onAnswer } from "./answers.ts";
import { createCalls } from "./calls/call-table.ts";
import { callAlways, connect, forgetCalls, onAcquire, runCalls } from "./calls/initiate.ts";
import { drainStates, forgetState } from "./dataplane/install.ts";
import type { Installed } from "./dataplane/installed.ts";
import { movesAt, runMoves } from "./dataplane/move.ts";
import { onKernelTables, onRemoved, runRepairs } from "./dataplane/repair.ts";
import { createRepairs } from "./dataplane/repairs.ts";
import { applyStanding, retryStanding } from "./dataplane/standing.ts";
import { DeadlineHeap } from "./deadline-heap.ts";
import type { Effect } from "./effect.ts";
import { count, type Engine, ikeContextOf, inMs } from "./engine.ts";
import type { Event } from "./event.ts";
import { createStrangerNotes } from "./journal/stranger-notes.ts";
import { admit } from "./negotiation/admit.ts";
import { destinationOf } from "./negotiation/demultiplex.ts";
import { deliver, drain, start } from "./negotiation/drive.ts";
import { createGuesses } from "./negotiation/guesses.ts";
import { onTracedDatagram, trace } from "./negotiation/trace.ts";
import {
  createOpenRequests,
  giveUpLost,
  noteAnswer,
  noteRequests,
  openRequestsAt,
} from "./open-requests.ts";
import { Rate } from "./rate.ts";
import { Requests } from "./requests.ts";
import { addressesAt, leaveGoneAddresses, onAddresses } from "./sites/addresses.ts";
import { disconnect } from "./sites/disconnect.ts";
import { createErrands, forgetErrands, runErrands } from "./sites/errands.ts";
import { evict, hasOpenIkeSas, shutDownPortion } from "./sites/evict.ts";
import { type ConfigurationPreview, previewOf } from "./sites/preview.ts";
import { allAuthorities, allIkeSuites, reconfigure } from "./sites/reconfigure.ts";
import { createRedirects, redirect, runRedirects, stopRedirects } from "./sites/redirect.ts";
import { rekeyByHand } from "./sites/rekey.ts";
import { forgetRowChecks, onRowChanged, rowChecksAt, runRowChecks } from "./sites/row-change.ts";
import { createRowChecks } from "./sites/row-checks.ts";
import { createSiteCaps } from "./sites/site-caps.ts";
import { COUNTER_NAMES, type CounterName, type Snapshot, type TableSizes } from "./snapshot.ts";
import { entryOf, snapshotOf, tableSizesOf } from "./views.ts";

export type Concentrator = {
  /** Takes in one event; returns what has to be done now, in this order. Never waits. */
  handle(event: Event, now: Instant): readonly Effect[];
  /** When to send `{ kind: "deadline" }` next, if nothing else happens before. */
  nextDeadline(): Instant | undefined;
  /** What the status pages show: a copy, cheap, no secrets. */
  snapshot(): Snapshot;
  /** What the event `configuration` with this plan would close; nothing is changed. */
  preview(plan: EroutePlan, isListened: (local: Address) => boolean): ConfigurationPreview;
  /**
   * The line of Wireshark's `ikev2_decryption_table` for the IKE SA that a message belongs to;
   * undefined as long as it has no keys. A secret: only for who was allowed to have it.
   */
  decryptionTableLine(message: Uint8Array): string | undefined;
  /** Walks all tables: for checks that nothing leaks, not for every request. */
  tableSizes(): TableSizes;
  /** After `shutdown`: whether every site has been told and has answered. */
  isIdle(): boolean;
};

export type ConcentratorOptions = {
  readonly plan: EroutePlan;
  readonly now: Instant;
  /** Cryptographically strong random octets. */
  random(octets: number): Uint8Array;
};

/** Answers to strangers a second. */
const STRANGER_ANSWERS_PER_SECOND = 500;

/** IKE SAs whose deadlines are handled in one go; the rest is due at once again. */
const DEADLINES_AT_ONCE = 64;

/** A concentrator without any SA. */
export function createConcentrator(options: ConcentratorOptions): Concentrator {
  const engine = createEngine(options);
  callAlways(engine);
  return {
    handle(event, now) {
      engine.now = now;
      noteAnswer(engine, event);
      dispatch(engine, event);
      drain(engine);
      noteRequests(engine);
      if (engine.onMessage !== undefined) traceSent(engine);
      return engine.out.splice(0);
    },
    nextDeadline: () => nextDeadline(engine),
    snapshot: () => snapshotOf(engine),
    preview: (plan, isListened) => previewOf(engine, plan, isListened),
    decryptionTableLine(message) {
      const entry = entryOf(engine, message);
      return entry === undefined ? undefined : decryptionTableLine(entry.sa);
    },
    tableSizes: () => tableSizesOf(engine),
    isIdle: () => engine.shuttingDown && engine.sas.size === engine.lingering,
  };
}

/** What leaves unencrypted, of IKE_SA_INIT: all else is seen before it is sealed. */
function traceSent(engine: Engine): void {
  for (const effect of [...engine.out]) {
    if (effect.kind === "send") onTracedDatagram(engine, effect.octets, effect.path, "sent");
  }
}

function dispatch(engine: Engine, event: Event): void {
  switch (event.kind) {
    case "datagram":
      onDatagram(engine, event);
      return;
    case "peer-rows":
    case "resolved":
    case "kernel-answer":
    case "key-exchange-answer":
    case "signature-answer":
      return onAnswer(engine, event);
    case "start":
      engine.isStarted = true;
      applyStanding(engine);
      return;
    case "configuration":
      reconfigure(engine, event.plan);
      if (engine.isStarted) applyStanding(engine);
      callAlways(engine);
      return;
    case "disconnect":
      return disconnect(engine, event.peerId);
    case "rekey":
      return rekeyByHand(engine, event.peerId, event.of);
    case "redirect":
      return redirect(engine, event);
    case "trace":
      return trace(engine, event.traced);
    case "row-changed":
      return onRowChanged(engine, event.egroup, event.peerId);
    case "shutdown":
      engine.shuttingDown = true;
      forgetErrands(engine);
      forgetRowChecks(engine);
      forgetCalls(engine);
      stopRedirects(engine);
      drainStates(engine, true);
      shutDownPortion(engine);
      return;
    case "deadline":
      onDeadline(engine);
      return;
    case "expire":
      onExpire(engine, event.expire);
      return;
    case "kernel-tables":
      return onKernelTables(engine, event);
    case "removed":
      return onRemoved(engine, event);
    case "addresses":
      onAddresses(engine, event.local);
      return;
    case "connect":
      return connect(engine, event.peerId);
    case "acquire":
      return onAcquire(engine, event.acquire);
    case "mapping":
      return onMapping(engine, event.mapping);
    default:
      never(event);
  }
}

function onDatagram(engine: Engine, event: Extract<Event, { kind: "datagram" }>): void {
  const { octets, path } = event;
  if (engine.onMessage !== undefined) onTracedDatagram(engine, octets, path, "received");
  const destination = destinationOf(engine, octets, path);
  if (destination.kind === "nowhere") return;
  const { header } = destination;
  if (isFragment(header)) count(engine, "fragments_received");
  if (destination.kind === "ike-sa") {
    deliver(engine, destination.spi, { kind: "message", header, octets, path });
    return;
  }
  if (engine.shuttingDown) return;
  const admitted = admit(engine, { header, octets, path });
  if (admitted !== undefined) start(engine, admitted.entry, admitted.effects);
}

function onDeadline(engine: Engine): void {
  for (let handled = 0; handled < DEADLINES_AT_ONCE; handled++) {
    const spi = engine.deadlines.takeDue(engine.now);
    if (spi === undefined) break;
    deliver(engine, spi as Parameters<typeof deliver>[1], { kind: "deadline" });
  }
  if (engine.shuttingDown) {
    shutDownPortion(engine);
    return;
  }
  runErrands(engine);
  runMoves(engine);
  runRedirects(engine);
  runRowChecks(engine);
  runCalls(engine);
  drainStates(engine);
  leaveGoneAddresses(engine);
  retryStanding(engine);
  runRepairs(engine);
  giveUpLost(engine, (answer) => dispatch(engine, answer));
  if (engine.now >= engine.evictAt) evict(engine);
}

/** The kernel has removed a state whose time or volume was over: the Child SA goes (R5). */
function onExpire(engine: Engine, expire: XfrmExpire): void {
  if (!isOurReqid(expire.reqid)) return;
  const installed = installedOf(engine, expire.id);
  if (installed === undefined) return;
  if (!expire.hard) {
    const { child, ikeSpi } = installed;
    return deliver(engine, ikeSpi, { kind: "rekey-child", spiIn: child.spiIn });
  }
  forgetState(installed, expire.id);
  const { spiIn } = installed.child;
  deliver(engine, installed.ikeSpi, { kind: "close-child", spiIn });
}

/** By destination and SPI, as the kernel does: what a site chose may equal an SPI of ours. */
function installedOf(engine: Engine, id: XfrmExpire["id"]): Installed | undefined {
  const inbound = engine.installed.get(id.spi);
  if (inbound !== undefined && equalAddress(inbound.inbound.dst, id.dst)) return inbound;
  // Rare, so it may walk: inbound states expire at the same time as outbound ones.
  for (const installed of engine.installed.values()) {
    const { outbound } = installed;
    if (outbound.spi === id.spi && equalAddress(outbound.dst, id.dst)) return installed;
  }
  return undefined;
}

/** A NAT before a site has rebound: the kernel has seen its authentic packets from elsewhere. */
function onMapping(engine: Engine, { id, reqid, from }: XfrmMapping): void {
  if (!isOurReqid(reqid)) return;
  const installed = installedOf(engine, id);
  if (installed === undefined) return;
  deliver(engine, installed.ikeSpi, { kind: "peer-moved", remote: from });
}

function nextDeadline(engine: Engine): Instant | undefined {
  if (engine.shuttingDown && hasOpenIkeSas(engine)) return inMs(engine, 1);
  const next = engine.deadlines.next();
  if (engine.shuttingDown) return next;
  const draining = engine.draining[0]?.until;
  const calls = engine.calls.deadlines.next();
  return [
    next,
    engine.errands.at,
    movesAt(engine),
    engine.redirects.at,
    rowChecksAt(engine),
    draining,
    calls,
    addressesAt(engine),
    engine.standingRetryAt,
    engine.repairs.at,
    engine.repairs.tellAt,
    openRequestsAt(engine),
  ].reduce<Instant>((first, at) => (at !== undefined && at < first ? at : first), engine.evictAt);
}

function createEngine(options: ConcentratorOptions): Engine {
  const { plan, now, random } = options;
  const counters = Object.fromEntries(COUNTER_NAMES.map((name) => [name, 0]));
  const engine: Engine = {
    plan,
    ikeSuites: allIkeSuites(plan),
    certReq: allAuthorities(plan),
    now,
    random,
    context: ikeContextOf(() => engine),
    ...{ traced: new Set<string>(), untold: new Map(), onMessage: undefined },
    sas: new Map(),
    ...{ halfOpen: 0, halfOpenOctets: 0 },
    halfOpenPrefixes: new Map(),
    lingering: 0,
    initRequests: new Map(),
    knownPrefixes: new Set(),
    eroutes: new Map(),
    dynamicCount: 0,
    ...{ reach: createPrefixTable(), sharedTerms: new WeakMap() },
    requests: new Requests(),
    openRequests: createOpenRequests(),
    unknownIds: new Map(),
    rowChecks: createRowChecks(random),
    errands: createErrands(),
    ...{ installed: new Map(), outbounds: new Map() },
    draining: [],
    calls: createCalls(),
    redirects: createRedirects(),
    followed: new Map(),
    localAddresses: undefined,
    goneAddresses: new Map(),
    ...{ policies: new Map(), repairs: createRepairs() },
    standing: new Map(),
    isStarted: false,
    standingRetryAt: undefined,
    routes: new Map(),
    reqids: new Map(),
    reqidsTaken: new Set(),
    deadlines: new DeadlineHeap(),
    evictAt: later(now, plan.limits.evictEveryMs),
    cookies: new CookieJar(random, now),
    strangerAnswers: new Rate(STRANGER_ANSWERS_PER_SECOND, now),
    limitNotes: new Map(),
    strangerNotes: createStrangerNotes(now),
    guesses: createGuesses(),
    ikev1Callers: new Map(),
    siteCaps: createSiteCaps(),
    moves: new Map(),
    counters: counters as Record<CounterName, number>,
    inbox: [],
    out: [],
    shuttingDown: false,
  };
  return engine;
}
