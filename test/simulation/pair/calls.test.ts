/** Calling: cookies, other groups, wrong keys and IDs, strangers that answer (R12). */

import { expect, test } from "bun:test";
import { Encr, Ke } from "../../../src/crypto/transform.ts";
import { DEFAULT_LIFE } from "../../../src/eroute/defaults.ts";
import type { EroutePlan, NormalEroute } from "../../../src/eroute/eroute.ts";
import { notify } from "../../../src/ike/v2/notify.ts";
import { parseHeader } from "../../../src/wire/header.ts";
import { emitMessage } from "../../../src/wire/v2/emit-message.ts";
import { ExchangeType } from "../../../src/wire/v2/exchange-type.ts";
import { NotifyType } from "../../../src/wire/v2/notify-type.ts";
import { ESP_SUITE, endpointOf, IKE_SUITE, prefixOfText } from "../plan.ts";
import { judgeEmpty, judgeSettled } from "./judge.ts";
import { FINE, layPair, type Pair, type PairSettings } from "./pair.ts";

function called(changes: Partial<PairSettings> = {}): Pair {
  const pair = layPair({ seed: 1, weather: FINE, ...changes });
  pair.feed(pair.a, { kind: "connect", peerId: "end-b" });
  return pair;
}

/** The plan of one end, changed. */
function at(which: "a" | "b", change: (plan: EroutePlan) => EroutePlan): Partial<PairSettings> {
  return { plan: (end, plan) => (end === which ? change(plan) : plan) };
}

function withEroute(which: "a" | "b", changes: Partial<NormalEroute>): Partial<PairSettings> {
  return at(which, (plan) => ({
    ...plan,
    eroutes: plan.eroutes.map((eroute) => ({ ...eroute, ...changes }) as NormalEroute),
  }));
}

test("R12 §2.6: a caller that is asked for a cookie returns it, and connects", () => {
  const limits = (plan: EroutePlan) => ({ ...plan, limits: { ...plan.limits, cookieAbove: 0 } });
  const pair = called(at("b", limits));
  pair.runUntil(10_000);
  expect(judgeSettled(pair)).toEqual([]);
  expect(pair.b.concentrator.snapshot().counters.cookies_sent).toBe(1);
});

test("R12 §1.2: a caller that is asked for another group that it offers uses it", () => {
  const ike = [{ ...IKE_SUITE, ke: [Ke.ECP_256, Ke.X25519] }];
  const pair = called({
    plan: (end, plan) => {
      const suites = end === "a" ? ike : [{ ...IKE_SUITE, ke: [Ke.X25519] }];
      return { ...plan, eroutes: plan.eroutes.map((eroute) => ({ ...eroute, ike: suites })) };
    },
  });
  pair.runUntil(10_000);
  expect(judgeSettled(pair)).toEqual([]);
});

test("R12: a wrong key ends the call at both ends, and both say so", () => {
  const users = [{ name: "end-a", psk: new TextEncoder().encode("another") }];
  const pair = called(at("b", (plan) => ({ ...plan, users })));
  pair.runUntil(60_000);
  expect(judgeEmpty(pair)).toEqual([]);
  expect(pair.reasons.get("peer-refused-authentication-failed")).toBe(1);
  expect(pair.reasons.get("wrong-psk")).toBe(1);
});

test("R12 §2.21.2: if another end answers than was called, it is told, and forgets", () => {
  const pair = called(withEroute("b", { ourid: "somebody-else" }));
  pair.runUntil(60_000);
  expect(pair.reasons.get("wrong-peer")).toBe(1);
  expect(judgeEmpty(pair)).toEqual([]);
});

test("R12: no algorithm in common: the unprotected refusal counts if no other answer comes", () => {
  const pair = called(withEroute("b", { ike: [{ ...IKE_SUITE, ke: [Ke.MODP_2048] }] }));
  pair.runUntil(90_000);
  expect(judgeEmpty(pair)).toEqual([]);
  expect([...pair.reasons.keys()].some((reason) => reason.startsWith("peer-refused"))).toBe(true);
  const lines = pair.log.join("\n");
  expect(lines).toMatch(
    /no common key exchange: the site offers .*X25519.*, configured: MODP_2048/,
  );
  expect(lines).toMatch(/site answered NO_PROPOSAL_CHOSEN; .*; offered: AES_GCM_16_.*X25519/);
});

test("R12: a refused first Child SA: what was offered is said with the site's answer", () => {
  const aes192 = { encr: [{ id: Encr.AES_GCM_16, keyBits: 192 }] };
  const pair = called(withEroute("b", { esp: [{ ...ESP_SUITE, ...aes192 }] }));
  pair.runUntil(30_000);
  const lines = pair.log.join("\n");
  expect(lines).toMatch(
    /the first Child SA: the site answered NO_PROPOSAL_CHOSEN; .*; offered: AES/,
  );
  expect(lines).toMatch(/no common encryption: the site offers .*, configured: AES_GCM_16_192/);
});

test("§2.1: a forged answer to IKE_SA_INIT does not end the call", () => {
  const pair = called({ weather: { ...FINE, delayMs: [50, 50] } });
  const [init] = pair.log.filter((line) => line.includes("send IKE_SA_INIT request"));
  expect(init).toBeDefined();
  const sent = pair.lastSent();
  const header = sent === undefined ? undefined : parseHeader(sent.octets);
  if (sent === undefined || header === undefined || !header.ok) throw new Error("nothing was sent");
  const flags = { initiator: false, version: false, response: true };
  const head = { ...header.value, flags, exchangeType: ExchangeType.IKE_SA_INIT, messageId: 0 };
  for (const type of [NotifyType.NO_PROPOSAL_CHOSEN, NotifyType.INVALID_SYNTAX, 40_000]) {
    const octets = emitMessage(head, [notify(type)]);
    pair.feed(pair.a, { kind: "datagram", octets, path: sent.path });
  }
  pair.runUntil(10_000);
  expect(judgeSettled(pair)).toEqual([]);
});

test("R12: bakpeerip is called when peerip does not answer", () => {
  const pair = called(withEroute("a", { peerip: "192.0.2.99", bakpeerip: "192.0.2.2" }));
  pair.runUntil(20_000);
  expect(judgeSettled(pair)).not.toEqual([]);
  pair.runUntil(60_000);
  expect(judgeSettled(pair)).toEqual([]);
});

test("R12: a host name in bakpeerip is called when peerip does not answer", () => {
  const pair = layPair({ seed: 1, weather: FINE, isDynamic: true });
  pair.a.database.put({
    ...{ peerid: "end-b", password: "one key for both", remip: "10.0.1.0", remmsk: "24" },
    ...{ peerip: "192.0.2.99", bakpeerip: "end-b.example", ourid: null },
  });
  pair.feed(pair.a, { kind: "connect", peerId: "end-b" });
  pair.runUntil(60_000);
  expect(judgeSettled(pair)).toEqual([]);
  expect(pair.a.concentrator.snapshot().counters.calls_started).toBe(2);
});

test("R12: names without an address end the call, which says which names", () => {
  const pair = layPair({ seed: 1, weather: FINE, isDynamic: true });
  pair.a.database.put({
    ...{ peerid: "end-b", password: "one key for both", remip: "10.0.1.0", remmsk: "24" },
    ...{ peerip: "gone.example", bakpeerip: "gone-too.example", ourid: null },
  });
  pair.feed(pair.a, { kind: "connect", peerId: "end-b" });
  pair.runUntil(60_000);
  expect(pair.reasons.get("resolve")).toBe(2);
  expect(judgeEmpty(pair)).toEqual([]);
});

test("R12 §1.2: an IKE SA without its Child SA is of no use: deleted, and the reason told", () => {
  const pair = called(withEroute("b", { localSubnets: [prefixOfText("172.31.0.0/16")] }));
  pair.runUntil(60_000);
  expect(judgeEmpty(pair)).toEqual([]);
  expect(pair.reasons.get("peer-refused-ts-unacceptable")).toBe(1);
});

test("R12: packets cause one call a site, and none for a while after a failure", () => {
  const pair = layPair({ seed: 1, weather: FINE, ...withEroute("a", { peerip: "192.0.2.99" }) });
  const acquire = acquireOf(pair);
  for (let i = 0; i < 100; i++) pair.feed(pair.a, { kind: "acquire", acquire });
  pair.runUntil(5_000);
  const counters = () => pair.a.concentrator.snapshot().counters;
  expect([counters().calls_started, counters().acquires_ignored]).toEqual([1, 99]);
  pair.runUntil(30_000);
  pair.feed(pair.a, { kind: "acquire", acquire });
  expect(counters().calls_started).toBe(1);
  pair.runUntil(60_000);
  pair.feed(pair.a, { kind: "acquire", acquire });
  pair.runUntil(61_000);
  expect(counters().calls_started).toBe(2);
});

test('R12: start = "always" calls at once, and again after the site ends, ever less often', () => {
  const life = { ...DEFAULT_LIFE, start: "always" } as const;
  const pair = layPair({ seed: 1, weather: FINE, ...withEroute("a", { life }) });
  pair.runUntil(5_000);
  expect(judgeSettled(pair)).toEqual([]);
  pair.feed(pair.b, { kind: "disconnect", peerId: "end-a" });
  pair.runUntil(15_000);
  expect(judgeSettled(pair)).toEqual([]);
  pair.isCut = true;
  pair.feed(pair.a, { kind: "rekey", peerId: "end-b", of: "children" });
  pair.runUntil(3_600_000);
  const calls = pair.a.concentrator.snapshot().counters.calls_started;
  expect(calls).toBeGreaterThan(8);
  expect(calls).toBeLessThan(40);
  pair.isCut = false;
  pair.runUntil(4_000_000);
  expect(judgeSettled(pair)).toEqual([]);
});

/** The acquire for a packet of end a to the subnet of end b. */
function acquireOf(pair: Pair) {
  const host = (text: string) => ({ ...endpointOf(text, 0).address, length: 32 });
  const packet = {
    ...{ src: host("10.0.0.7"), dst: host("10.0.1.7"), protocol: 1 },
    ...{ srcPort: undefined, dstPort: undefined },
  };
  pair.feed(pair.a, { kind: "start" });
  const [trap] = pair.a.kernel.policies.values();
  if (trap?.template === undefined) throw new Error("there is no trap");
  const { src, dst, reqid } = trap.template;
  return { src, dst, reqid, packet, policy: trap.id };
}
