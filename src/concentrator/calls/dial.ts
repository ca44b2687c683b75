/** Calling a site that is known: its hosts one after another, and their addresses. */

import { peerKey } from "../../eroute/peer-id.ts";
import type { EndReason } from "../../ike/end-reason.ts";
import type { Call } from "../../ike/event.ts";
import type { IkeEffect } from "../../ike/ike-sa.ts";
import { isLasting } from "../../ike/lasting-refusal.ts";
import { wipe } from "../../octets/secret.ts";
import type { IkeSpi } from "../../wire/header.ts";
import { identityText, parseIdentity } from "../../wire/identity.ts";
import { ask } from "../ask.ts";
import { count, type Engine, inMs } from "../engine.ts";
import type { ResolveResult } from "../event.ts";
import { journal } from "../journal/write.ts";
import { begin } from "../negotiation/begin.ts";
import { credentialsFor } from "../sites/credentials.ts";
import { dynamicCount, erouteAt } from "../sites/eroutes.ts";
import { expectedAt } from "../sites/expected-id.ts";
import { aboutIkeSa, factsAt, ikeSaAt, nameIkeSa } from "../sites/ike-sas.ts";
import { callOf, fail, forget, giveUp, holdMs, noteFailure, rest, setStage } from "./call-table.ts";
import type { CallAttempt, CallId, CallReason, CallTarget, CallUnderWay } from "./calls.ts";
import {
  attemptsAt,
  attemptsLeft,
  mannersFor,
  noMannerFailure,
  rememberManner,
} from "./manners.ts";

/** Resolving a host name: the shell's own deadline comes first. */
const RESOLVE_MS = 10_000;

/** Addresses of one host name that are tried. */
const ENDS_MAX = 4;

/** Carries out the first effects of a new IKE SA: `start` of drive.ts. */
export type Start = (engine: Engine, spi: IkeSpi, effects: readonly IkeEffect[]) => void;

/** Where a host can be called, or why not. */
export function onResolved(engine: Engine, id: CallId, result: ResolveResult, start: Start): void {
  const call = engine.calls.byId.get(id);
  if (call?.stage.kind !== "resolve") {
    count(engine, "late_answers");
    return;
  }
  const { target, host } = call.stage;
  const name = target.hosts[host] ?? "";
  if (!result.ok || result.value.length === 0) {
    const detail = result.ok ? `${name} has no reachable address` : result.error;
    const eroute = target.eroute.name;
    noteFailure(engine, { peerId: target.eroute.peerId, eroute }, { reason: "resolve", detail });
    nextHost(engine, call, target, host);
    return;
  }
  const manners = mannersFor(engine, target.eroute);
  const left = attemptsAt(result.value.slice(0, ENDS_MAX), manners);
  dial(engine, call, { target, host, left }, start);
}

/**
 * The IKE SA of a call is authenticated: the call is done. Returns the IKE SA with the gateway that
 * sent us here, which this one replaces.
 */
export function onCallUp(engine: Engine, call: CallUnderWay): IkeSpi | undefined {
  if (call.stage.kind === "calling") {
    rememberManner(engine, call.stage.target.eroute.key, call.stage.attempt.manner);
  }
  forget(engine, call);
  return call.redirect?.leaves;
}

/**
 * Ends our call to a site that has just called us, if its IKE_AUTH is not made yet: the
 * INITIAL_CONTACT in it would no longer be true, and the site would silently drop the IKE SA that
 * is up (§2.4).
 */
export function giveUpLateCall(engine: Engine, key: string): void {
  const call = callOf(engine, key);
  if (call?.stage.kind !== "calling") return;
  const ikeSa = ikeSaAt(engine, call.stage.spi);
  if (ikeSa?.stand.stage === "calling") giveUp(engine, call, "redundant");
}

/**
 * The IKE SA of a call has ended before it was up: try the next address, the next host, or later.
 */
export function onCallEnded(
  engine: Engine,
  call: CallUnderWay,
  reason: EndReason,
  start: Start,
): void {
  if (call.stage.kind !== "calling" || engine.shuttingDown) return;
  if (reason.kind === "refused" && isLasting(reason.refusal)) call.isRefused = true;
  const { target, host, attempt } = call.stage;
  const left = attemptsLeft(attempt, call.stage.left, reason);
  if (left.length > 0) dial(engine, call, { target, host, left }, start);
  else nextHost(engine, call, target, host);
}

/** The call has lost its IKE SA by a bug of ours: the next host is tried. */
export function onCallLost(engine: Engine, call: CallUnderWay): void {
  if (call.stage.kind !== "calling" || engine.shuttingDown) return;
  nextHost(engine, call, call.stage.target, call.stage.host);
}

/** With an IKE SA there is no need to call: the site is asked for the missing Child SA. */
export function isUp(engine: Engine, key: string, why: CallReason): boolean {
  const eroute = erouteAt(engine, key);
  if (eroute === undefined || INSTEAD.includes(why)) return false;
  for (const spi of [...eroute.ikeSas].reverse()) {
    const ike = factsAt(engine, spi);
    if (ike === undefined || ike.isReplaced) continue;
    const { local, remote } = ike.policy;
    engine.inbox.push({ spi, event: { kind: "new-child", local, remote } });
    // Whoever asks to connect a connected site doubts that it is connected.
    if (why === "by-hand") engine.inbox.push({ spi, event: { kind: "check-liveness" } });
    return true;
  }
  return false;
}

/** Calls that are to replace an IKE SA that is up. */
const INSTEAD: readonly CallReason[] = ["reauthentication", "redirect", "keys-refused"];

/**
 * The site to call is known: its first host is resolved, unless the site is being called already.
 */
export function aim(engine: Engine, call: CallUnderWay, target: CallTarget): void {
  const { calls } = engine;
  const { key } = target.eroute;
  const other = calls.byKey.get(key);
  if ((other !== undefined && other !== call.id) || isUp(engine, key, call.why)) {
    wipe(target.psk, target.ppk?.key);
    forget(engine, call);
    return;
  }
  if (mannersFor(engine, target.eroute).length === 0) {
    wipe(target.psk, target.ppk?.key);
    fail(engine, call, noMannerFailure(target.eroute));
    return;
  }
  const isNew = erouteAt(engine, key) === undefined && target.eroute.kind === "dynamic";
  const max = engine.plan.limits.dynamicEroutesMax;
  if (isNew && dynamicCount(engine) >= max) {
    wipe(target.psk, target.ppk?.key);
    count(engine, "dynamic_eroutes_refused_full");
    const detail = `all ${max} dynamic eroutes are in use: raise dynamic_eroutes.max`;
    fail(engine, call, { reason: "table-full", detail });
    return;
  }
  if (other === undefined) {
    calls.byKey.set(key, call.id);
    call.keys.push(key);
  }
  // The IKE SA with the site that redirected us is still up: no other needs to be called.
  const hosts = call.redirect === undefined ? target.hosts : [call.redirect.to];
  resolve(engine, call, { ...target, hosts }, 0);
}

function resolve(engine: Engine, call: CallUnderWay, target: CallTarget, host: number): void {
  const name = target.hosts[host];
  if (name === undefined) return;
  const waiter = { kind: "call-resolve", call: call.id } as const;
  const asked = ask(engine, waiter, (number) => ({ kind: "resolve", resolve: number, host: name }));
  const until = inMs(engine, RESOLVE_MS);
  setStage(engine, call, { kind: "resolve", resolve: asked, target, host, until });
}

/** Tries `bakpeerip` after `peerip`; after both the site is left alone for a while. */
export function nextHost(
  engine: Engine,
  call: CallUnderWay,
  target: CallTarget,
  host: number,
): void {
  if (host + 1 < target.hosts.length) {
    resolve(engine, call, target, host + 1);
    return;
  }
  wipe(target.psk, target.ppk?.key);
  count(engine, "calls_failed");
  rest(engine, call, holdMs(engine, call));
}

type Line = {
  readonly target: CallTarget;
  readonly host: number;
  readonly left: readonly CallAttempt[];
};

/** Makes the first attempt; the others are kept in case that it fails. */
function dial(engine: Engine, call: CallUnderWay, line: Line, start: Start): void {
  const { target, host } = line;
  const [attempt, ...left] = line.left;
  if (attempt === undefined) return nextHost(engine, call, target, host);
  const { eroute } = target;
  const begun = begin(engine, callFor(engine, call, target, attempt), {
    peerId: eroute.peerId,
    eroute: eroute.name,
  });
  if (begun === undefined) return;
  const { spi, stand } = begun;
  nameIkeSa(engine, spi, { peerId: eroute.peerId, stand }).candidate = eroute;
  setStage(engine, call, { kind: "calling", spi, target, host, attempt, left });
  count(engine, "calls_started");
  const { step, words } = WITH[attempt.manner.major === 2 ? "v2" : attempt.manner.phase1];
  journal(engine, aboutIkeSa(engine, spi), {
    level: "info",
    step,
    outcome: "note",
    reason: "calling",
    detail: `calling ${target.hosts[host]}${words}: ${WHY[call.why]}`,
  });
  start(engine, spi, begun.effects);
}

/** What an IKE SA has to know to make this attempt. */
function callFor(
  engine: Engine,
  call: CallUnderWay,
  target: CallTarget,
  { local, remote, manner }: CallAttempt,
): Call {
  const { ports } = engine.plan;
  const { eroute } = target;
  // A copy: the IKE SA wipes its own, and there may be another attempt.
  const keys = { psk: target.psk?.slice(), ppk: target.ppk };
  const { major } = manner;
  return {
    path: {
      local: { address: local, port: ports.ike },
      remote: { address: remote, port: ports.ike },
    },
    natPorts: { local: ports.nat, remote: ports.nat },
    credentials: credentialsFor(engine, eroute, keys, { ourAddress: local, major }),
    peer: parseIdentity(eroute.peerId),
    // With a key of its own a site is known whatever address it presents; with a certificate, which
    // others have, too, its ID is all that tells it from them.
    isPeer:
      major === 1 && eroute.base.auth.own.kind === "psk"
        ? expectedAt(eroute.peerId).isPeer
        : (identity) => peerKey(identityText(identity)) === peerKey(eroute.peerId),
    initialContact: erouteAt(engine, eroute.key) === undefined,
    withFullTranscript: engine.plan.fullTranscriptAuth,
    withIntermediatePpk: engine.plan.intermediatePpk,
    redirectedFrom: call.redirect?.from,
    ...(manner.major === 1 ? { phase1: manner.phase1 } : {}),
  };
}

const WITH = {
  v2: { step: "IKE_SA_INIT", words: "" },
  main: { step: "Main Mode", words: " with IKEv1 (Main Mode)" },
  aggressive: { step: "Aggressive Mode", words: " with IKEv1 (Aggressive Mode)" },
} as const;

const WHY: Readonly<Record<CallReason, string>> = {
  traffic: "a packet is for its subnet",
  always: 'start = "always"',
  "by-hand": "an operator wants it",
  reauthentication: "it is time to reauthenticate",
  redirect: "it has redirected us there",
  "keys-refused": "it refuses new keys in the established IKE SA",
};
