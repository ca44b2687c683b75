/** One end sends the other to another gateway (RFC 5685): followed, forged, lost, in circles. */

import { expect, test } from "bun:test";
import { DEFAULT_LIFE } from "../../../src/eroute/defaults.ts";
import type { EroutePlan, NormalEroute } from "../../../src/eroute/eroute.ts";
import { notifyOf, payloadOf } from "../../../src/ike/v2/find-payload.ts";
import { notify } from "../../../src/ike/v2/notify.ts";
import { parseAddress } from "../../../src/inet/address.ts";
import { parseHeader } from "../../../src/wire/header.ts";
import { emitMessage } from "../../../src/wire/v2/emit-message.ts";
import type { Payload } from "../../../src/wire/v2/message.ts";
import { NotifyType } from "../../../src/wire/v2/notify-type.ts";
import { parsePayloads } from "../../../src/wire/v2/payload-chain.ts";
import { emitRedirect, parseRedirect } from "../../../src/wire/v2/redirect.ts";
import { resultOf } from "../../steps.ts";
import { judgeSettled } from "./judge.ts";
import { FINE, layPair, type Pair, type PairSettings } from "./pair.ts";

/** The only other end: a site that is redirected comes back. */
const END_B = gatewayOf("192.0.2.2");
const NONE = new Uint8Array(0);
const NOBODY = gatewayOf("192.0.2.99");
const FOLLOWS = { life: { ...DEFAULT_LIFE, followRedirect: true } };

test("X-04: IKE_SA_INIT is answered with REDIRECT, nothing is kept, the other is called", () => {
  const pair = layPair({ seed: 1, weather: FINE, ...withEroute("a", FOLLOWS) });
  pair.feed(pair.b, { kind: "redirect", peerId: undefined, to: END_B });
  pair.feed(pair.a, { kind: "connect", peerId: "end-b" });
  runUntilFollowed(pair, 1);
  expect(pair.b.concentrator.tableSizes()).toMatchObject({ ikeSas: 0, initRequests: 0 });
  pair.runUntil(pair.now() + 1);
  // In place of REDIRECT_SUPPORTED it says which gateway redirected it.
  expect(notifyIn(pair, NotifyType.REDIRECT_SUPPORTED)).toBeUndefined();
  const from = notifyIn(pair, NotifyType.REDIRECTED_FROM)?.data ?? new Uint8Array(0);
  expect(parseRedirect(from)).toEqual({ ok: true, value: { gateway: END_B, nonce: NONE } });
  pair.feed(pair.b, { kind: "redirect", peerId: undefined, to: undefined });
  pair.runUntil(20_000);
  expect(judgeSettled(pair)).toEqual([]);
  expect(countersOf(pair)).toEqual({ sent: 1, followed: 1 });
});

test("X-04: an IKE SA that is up is left only when another one is up at the new gateway", () => {
  for (const uniqueness of ["replace", "never"] as const) {
    const life = { ...DEFAULT_LIFE, uniqueness };
    const a = { life: { ...life, followRedirect: true } };
    const pair = layPair({ seed: 1, weather: FINE, ...withEroutes({ a, b: { life } }) });
    pair.feed(pair.a, { kind: "connect", peerId: "end-b" });
    pair.runUntil(10_000);
    const [before] = ikeSas(pair);
    pair.feed(pair.b, { kind: "redirect", peerId: "end-a", to: END_B });
    let least = Number.POSITIVE_INFINITY;
    for (let at = 10_000; at < 20_000; at += 5) {
      pair.runUntil(at);
      least = Math.min(least, pair.a.concentrator.snapshot().gauges.childSas);
    }
    expect({ uniqueness, least }).toEqual({ uniqueness, least: 1 });
    expect(judgeSettled(pair)).toEqual([]);
    expect(ikeSas(pair)).not.toEqual([before]);
    expect(countersOf(pair)).toEqual({ sent: 1, followed: 1 });
  }
});

test("X-04: no answer from the new gateway: the IKE SA stays until the old one ends it", () => {
  const pair = layPair({ seed: 1, weather: FINE, ...withEroute("a", FOLLOWS) });
  pair.feed(pair.a, { kind: "connect", peerId: "end-b" });
  pair.runUntil(10_000);
  pair.feed(pair.b, { kind: "redirect", peerId: "end-a", to: NOBODY });
  pair.runUntil(39_000);
  expect(ikeSas(pair).length).toBe(1);
  pair.runUntil(45_000);
  expect(ikeSas(pair)).toEqual([]);
  expect(pair.reasons.get("redirected")).toBe(1);
});

test("X-04: gateways that redirect in a circle are followed five times in five minutes", () => {
  for (const changes of [{ redirect: END_B }, {}]) {
    const pair = layPair({ seed: 1, weather: FINE, ...withEroutes({ a: FOLLOWS, b: changes }) });
    if (changes.redirect === undefined) {
      pair.feed(pair.b, { kind: "redirect", peerId: undefined, to: END_B });
    }
    pair.feed(pair.a, { kind: "connect", peerId: "end-b" });
    pair.runUntil(60_000);
    expect(countersOf(pair).followed).toBe(5);
    expect(pair.reasons.get("redirect-loop")).toBe(1);
    pair.feed(pair.a, { kind: "connect", peerId: "end-b" });
    pair.runUntil(200_000);
    expect(countersOf(pair).followed).toBe(5);
    pair.feed(pair.a, { kind: "connect", peerId: "end-b" });
    pair.runUntil(290_000);
    pair.runUntil(310_000);
    pair.feed(pair.a, { kind: "connect", peerId: "end-b" });
    pair.runUntil(330_000);
    expect(countersOf(pair).followed).toBe(10);
  }
});

test("X-04: an IKE SA that is redirected again and again is followed five times too", () => {
  const pair = layPair({ seed: 1, weather: FINE, ...withEroute("a", FOLLOWS) });
  pair.feed(pair.a, { kind: "connect", peerId: "end-b" });
  pair.runUntil(10_000);
  for (let i = 1; i <= 7; i++) {
    pair.feed(pair.b, { kind: "redirect", peerId: "end-a", to: END_B });
    pair.runUntil(10_000 + i * 5_000);
  }
  expect(countersOf(pair).followed).toBe(5);
  expect(pair.reasons.get("redirect-loop")).toBe(2);
  expect(ikeSas(pair).length).toBe(1);
});

test("X-04: a REDIRECT without our nonce, or without a request, ends no call", () => {
  for (const a of [FOLLOWS, {}]) {
    const weather = { ...FINE, delayMs: [50, 50] as const };
    const pair = layPair({ seed: 1, weather, ...withEroute("a", a) });
    pair.feed(pair.a, { kind: "connect", peerId: "end-b" });
    const isFollowing = a === FOLLOWS;
    // An attacker off the path guesses; one on the path has seen the nonce.
    const own = nonceIn(pair);
    const nonces = isFollowing ? [new Uint8Array(0), own.slice(1), own.toReversed()] : [own];
    for (const nonce of nonces) {
      pair.feed(pair.a, { kind: "datagram", ...forged(pair, nonce) });
    }
    pair.runUntil(10_000);
    expect(judgeSettled(pair)).toEqual([]);
    expect(countersOf(pair).followed).toBe(0);
  }
});

test("X-04: on a bad network, a REDIRECT that is lost or comes twice is followed once", () => {
  for (let seed = 1; seed <= 30; seed++) {
    const weather = { delayMs: [5, 200] as const, loss: 0.3, doubled: 0.3, late: 0.1 };
    const pair = layPair({ seed, weather, ...withEroute("a", FOLLOWS) });
    pair.feed(pair.a, { kind: "connect", peerId: "end-b" });
    pair.runUntil(60_000);
    if (ikeSas(pair).length !== 1) continue;
    pair.feed(pair.b, { kind: "redirect", peerId: "end-a", to: END_B });
    pair.runUntil(75_000);
    pair.weather = FINE;
    pair.runUntil(300_000);
    const { followed } = countersOf(pair);
    expect({ seed, followed }).toEqual({ seed, followed: 1 });
  }
});

test("X-04: a site that does not follow is left alone: the call goes on, the IKE SA stays", () => {
  const pair = layPair({ seed: 1, weather: FINE });
  pair.feed(pair.b, { kind: "redirect", peerId: undefined, to: END_B });
  pair.feed(pair.a, { kind: "connect", peerId: "end-b" });
  pair.runUntil(20_000);
  expect(judgeSettled(pair)).toEqual([]);
  pair.feed(pair.b, { kind: "redirect", peerId: "end-a", to: END_B });
  pair.runUntil(120_000);
  expect(judgeSettled(pair)).toEqual([]);
  expect(countersOf(pair)).toEqual({ sent: 0, followed: 0 });
  expect(resultOf(pair.b.concentrator.snapshot().redirectable())).toEqual({ can: 0, cannot: 1 });
});

function runUntilFollowed(pair: Pair, times: number): void {
  for (let at = pair.now(); countersOf(pair).followed < times && at < 60_000; at++) {
    pair.runUntil(at);
  }
  expect(countersOf(pair).followed).toBe(times);
}

function countersOf(pair: Pair) {
  return {
    sent: pair.b.concentrator.snapshot().counters.redirects_sent,
    followed: pair.a.concentrator.snapshot().counters.redirects_followed,
  };
}

function ikeSas({ a }: Pair): readonly string[] {
  return a.concentrator
    .snapshot()
    .eroutes(0, 10)
    .flatMap((view) => view.ikeSas.map(({ spiI }) => spiI));
}

/** The nonce of the IKE_SA_INIT request that is on its way. */
function nonceIn(pair: Pair): Uint8Array {
  const nonce = payloadOf(lastPayloads(pair), "NONCE");
  if (nonce === undefined) throw new Error("a nonce was sent");
  return nonce.data.slice();
}

function notifyIn(pair: Pair, type: number) {
  return notifyOf(lastPayloads(pair), type);
}

function lastPayloads(pair: Pair): readonly Payload[] {
  const octets = pair.lastSent()?.octets ?? new Uint8Array(0);
  const parsed = parsePayloads(octets[16] ?? 0, octets.subarray(28), "test");
  return parsed.ok ? parsed.value.payloads : [];
}

function forged(pair: Pair, nonce: Uint8Array) {
  const sent = pair.lastSent();
  const header = sent === undefined ? undefined : parseHeader(sent.octets);
  if (sent === undefined || header === undefined || !header.ok) throw new Error("nothing was sent");
  const flags = { initiator: false, version: false, response: true };
  const data = emitRedirect({ gateway: NOBODY, nonce });
  const octets = emitMessage({ ...header.value, flags }, [notify(NotifyType.REDIRECT, data)]);
  return { octets, path: sent.path };
}

function gatewayOf(host: string) {
  return { host, address: parseAddress(host) };
}

function withEroute(which: "a" | "b", changes: Partial<NormalEroute>): Partial<PairSettings> {
  return withEroutes({ [which]: changes });
}

function withEroutes(changes: {
  readonly a?: Partial<NormalEroute>;
  readonly b?: Partial<NormalEroute>;
}): Partial<PairSettings> {
  return {
    plan: (end, plan): EroutePlan => ({
      ...plan,
      eroutes: plan.eroutes.map((eroute) => ({ ...eroute, ...changes[end] }) as NormalEroute),
    }),
  };
}
