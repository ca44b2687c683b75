/**
 * The table of calls: at most one for each site, a bounded number in all, each with its deadline.
 */

import { around } from "../../ike/jitter.ts";
import type { Instant } from "../../octets/instant.ts";
import { wipe } from "../../octets/secret.ts";
import type { Reason } from "../../reason/reason.ts";
import type { IkeSpi } from "../../wire/header.ts";
import { changedHead } from "../changes.ts";
import { DeadlineHeap } from "../deadline-heap.ts";
import { count, type Engine, inMs } from "../engine.ts";
import { journal } from "../journal/write.ts";
import { isNamed } from "../sites/ike-sas.ts";
import type { CallId, CallRedirect, CallStage, Calls, CallUnderWay } from "./calls.ts";
import { growingHoldMs, HOLD_MS } from "./refused.ts";

/**
 * start = "always" tries again after the first pause, which doubles with each failure up to the
 * last.
 */
const RETRY_MS_FIRST = 5_000;
const RETRY_MS_MAX = 300_000;
/** Pauses vary by this share, so that eroutes that failed together do not keep calling together. */
const RETRY_SPREAD = 0.2;

/** Calls that wait for their next attempt; beyond that the oldest is forgotten. */
const WAITING_MAX = 4_096;

/** No site is called. */
export function createCalls(): Calls {
  return {
    byId: new Map(),
    byKey: new Map(),
    byIkeSa: new Map(),
    deadlines: new DeadlineHeap(),
    held: new Set(),
    followed: new Map(),
    manners: new Map(),
    refused: new Map(),
  };
}

export type Wish = Pick<CallUnderWay, "base" | "why" | "peerId" | "destination"> & {
  readonly key: string;
  readonly redirect?: CallRedirect;
};

/** Adds a call; undefined if the site has one already, or there is no room for more. */
export function add(engine: Engine, wish: Wish, failures: number): CallUnderWay | undefined {
  const { calls } = engine;
  const { key, base, why, peerId, destination } = wish;
  const id = calls.byKey.get(key);
  const before = id === undefined ? undefined : calls.byId.get(id);
  const isImpatient = why === "by-hand" && before?.stage.kind === "waiting";
  if (before !== undefined && !isImpatient) {
    count(engine, "acquires_ignored");
    return undefined;
  }
  if (before !== undefined) forget(engine, before);
  if (why === "by-hand") engine.calls.refused.delete(key);
  if (why !== "always" && isFull(engine)) {
    count(engine, "acquires_ignored");
    return undefined;
  }
  const call: CallUnderWay = {
    id: engine.requests.number() as CallId,
    keys: [key],
    base,
    why,
    peerId,
    destination,
    failures,
    redirect: wish.redirect,
    isRefused: false,
    stage: { kind: "waiting", until: engine.now },
  };
  calls.byId.set(call.id, call);
  calls.byKey.set(key, call.id);
  return call;
}

/** Whether as many sites are being called as may be at the same time. */
export function isFull(engine: Engine): boolean {
  return activeCalls(engine) >= engine.plan.limits.callsMax;
}

function activeCalls({ calls }: Engine): number {
  let active = 0;
  for (const { stage } of calls.byId.values()) if (stage.kind !== "waiting") active++;
  return active;
}

export type Failure = { readonly reason: Reason; readonly detail: string };

export function fail(engine: Engine, call: CallUnderWay, failure: Failure): void {
  count(engine, "calls_failed");
  noteFailure(engine, { peerId: call.peerId, eroute: call.base.name }, failure);
  rest(engine, call, holdMs(engine, call));
}

/** How long a site is left alone after a failed call. */
export function holdMs(engine: Engine, call: CallUnderWay): number {
  const { why, failures, keys, isRefused } = call;
  if (why !== "always") return isRefused ? growingHoldMs(engine, keys.at(-1) ?? "") : HOLD_MS;
  const ms = Math.min(RETRY_MS_FIRST * 2 ** failures, RETRY_MS_MAX);
  return around(ms, RETRY_SPREAD, engine.random);
}

/** This site is not called for a while. */
export function rest(engine: Engine, call: CallUnderWay, ms: number): void {
  const { calls } = engine;
  const waiting: CallUnderWay = { ...call, failures: call.failures + 1 };
  calls.byId.set(call.id, waiting);
  setStage(engine, waiting, { kind: "waiting", until: inMs(engine, ms) });
  if (calls.byId.size <= WAITING_MAX) return;
  for (const other of calls.byId.values()) {
    if (other.stage.kind !== "waiting" || other.why === "always") continue;
    forget(engine, other);
    return;
  }
}

export function setStage(engine: Engine, call: CallUnderWay, stage: CallStage): void {
  leaveIkeSa(engine, call);
  call.stage = stage;
  if (stage.kind === "calling") engine.calls.byIkeSa.set(stage.spi, call.id);
  engine.calls.deadlines.set(BigInt(call.id), stage.kind === "calling" ? undefined : stage.until);
}

/** The call that an IKE SA was made for; undefined once that is up. */
export function callOfIkeSa({ calls }: Engine, spi: IkeSpi): CallUnderWay | undefined {
  const id = calls.byIkeSa.get(spi);
  return id === undefined ? undefined : calls.byId.get(id);
}

function leaveIkeSa({ calls }: Engine, { id, stage }: CallUnderWay): void {
  if (stage.kind !== "calling" || calls.byIkeSa.get(stage.spi) !== id) return;
  calls.byIkeSa.delete(stage.spi);
}

export function forget(engine: Engine, call: CallUnderWay): void {
  const { calls, requests } = engine;
  leaveIkeSa(engine, call);
  const { stage } = call;
  if (stage.kind === "look-up") requests.giveUp("peer-rows", stage.lookup);
  if (stage.kind === "resolve") requests.giveUp("resolved", stage.resolve);
  if (stage.kind === "resolve" || stage.kind === "calling") {
    wipe(stage.target.psk, stage.target.ppk?.key);
  }
  for (const key of call.keys) if (calls.byKey.get(key) === call.id) calls.byKey.delete(key);
  calls.byId.delete(call.id);
  calls.deadlines.set(BigInt(call.id), undefined);
}

/** Ends a call; returns whether it was under way, not waiting. */
export function giveUp(engine: Engine, call: CallUnderWay, why: Reason): boolean {
  const { stage } = call;
  forget(engine, call);
  if (stage.kind === "calling") {
    engine.inbox.push({ spi: stage.spi, event: { kind: "close", why } });
  }
  return stage.kind !== "waiting";
}

/** A new local address may be the path that was missing: start = "always" calls now. */
export function hurryAlways(engine: Engine): void {
  for (const call of engine.calls.byId.values()) {
    if (call.why !== "always" || call.stage.kind !== "waiting") continue;
    setStage(engine, call, { kind: "waiting", until: engine.now });
  }
}

/** All calls as they are now, also those that wait. */
export function callsNow({ calls }: Engine): readonly CallUnderWay[] {
  return [...calls.byId.values()];
}

/** How many calls there are, also those that wait. */
export function callCount({ calls }: Engine): number {
  return calls.byId.size;
}

/** Calls whose IKE SA has gone: always none, or a call would wait for ever. */
export function callsAdrift(engine: Engine): number {
  const stages = callsNow(engine).map(({ stage }) => stage);
  return stages.filter((at) => at.kind === "calling" && !isNamed(engine, at.spi)).length;
}

/** When the next call has something to do. */
export function callsAt({ calls }: Engine): Instant | undefined {
  return calls.deadlines.next();
}

/** The eroute is not called by itself until an operator wants its site again. */
export function hold(engine: Engine, key: string): void {
  engine.calls.held.add(key);
  changedHead(engine);
}

/** An operator wants it again. */
export function release(engine: Engine, key: string): void {
  if (engine.calls.held.delete(key)) changedHead(engine);
}

/** The site is up, or its row has changed: its earlier refusals do not count any more. */
export function forgetRefusals(engine: Engine, key: string): void {
  engine.calls.refused.delete(key);
  const call = callOf(engine, key);
  if (call?.stage.kind === "waiting" && call.why !== "always") forget(engine, call);
}

/** The same for all sites: the configuration has changed. */
export function forgetAllRefusals({ calls }: Engine): void {
  calls.refused.clear();
}

/** The call of a site or eroute, by its key. */
export function callOf({ calls }: Engine, key: string): CallUnderWay | undefined {
  const id = calls.byKey.get(key);
  return id === undefined ? undefined : calls.byId.get(id);
}

export function noteFailure(
  engine: Engine,
  about: { readonly peerId: string | undefined; readonly eroute: string | undefined },
  failure: Failure,
): void {
  const { peerId, eroute } = about;
  journal(engine, undefined, {
    level: "warning",
    step: "IKE_SA_INIT",
    outcome: "failed",
    role: "initiator",
    ...failure,
    ...(peerId === undefined ? {} : { peerId }),
    ...(eroute === undefined ? {} : { eroute }),
  });
}
