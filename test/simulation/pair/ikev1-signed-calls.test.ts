/** Calling with IKEv1, Main Mode and certificates: lost messages, and what is refused (R12). */

import { expect, test } from "bun:test";
import type { SigningKey, TrustAnchors } from "../../../src/crypto/signature.ts";
import { DEFAULT_LIFE } from "../../../src/eroute/defaults.ts";
import type { ErouteAuth, EroutePlan, Ikev1Rule } from "../../../src/eroute/eroute.ts";
import { parseHeader } from "../../../src/wire/header.ts";
import { ExchangeType, isakmpFlags } from "../../../src/wire/v1/header.ts";
import { PayloadType } from "../../../src/wire/v1/message.ts";
import { IKEV1_ESP_SUITE, IKEV1_IKE_SUITE } from "../ikev1-suites.ts";
import { endpointOf } from "../plan.ts";
import { TOY_ANCHORS, toyKey, toyRsaKey } from "../toy-signature.ts";
import type { End } from "./end.ts";
import { judgeEmpty, judgeSettled } from "./judge.ts";
import { FINE, layPair, type Pair, type PairSettings } from "./pair.ts";

const RULE: Ikev1Rule = {
  ...{ mode: "main", legacy: false, xauth: false },
  ...{ pushesConfig: false, sha256With96Bits: false },
  ike: [IKEV1_IKE_SUITE],
  esp: [IKEV1_ESP_SUITE],
};

function versions(rule: Partial<Ikev1Rule> = {}, v2 = false) {
  return { versions: { v2, v1: { ...RULE, ...rule } } };
}

function signed(key: SigningKey, anchors: TrustAnchors = TOY_ANCHORS): ErouteAuth {
  return { own: { kind: "signature", key }, peer: { kind: "certificate", anchors } };
}

/** Both ends with certificates, or one of them with what is said here. */
function auths(changes: { readonly a?: ErouteAuth; readonly b?: ErouteAuth } = {}) {
  return (end: "a" | "b") => changes[end] ?? signed(toyRsaKey(`end-${end}`));
}

function laid(changes: Partial<PairSettings> = {}): Pair {
  return layPair({ seed: 1, weather: FINE, eroute: versions(), auth: auths(), ...changes });
}

function called(changes: Partial<PairSettings> = {}): Pair {
  const pair = laid(changes);
  pair.feed(pair.a, { kind: "connect", peerId: "end-b" });
  return pair;
}

/** Changes to the eroute of end b. */
function atB(changes: object): Partial<PairSettings> {
  const change = (plan: EroutePlan): EroutePlan => ({
    ...plan,
    eroutes: plan.eroutes.map((eroute) => Object.assign({}, eroute, changes)),
  });
  return { plan: (end, plan) => (end === "b" ? change(plan) : plan) };
}

/** The subject of the certificate that the other end has shown. */
function provedTo(end: End): string | undefined {
  return end.concentrator.snapshot().eroutes(0, 1)[0]?.certificate?.subject;
}

const OTHER_ANCHORS = { ...TOY_ANCHORS, ids: ["another authority"] };

test("R12: a call with IKEv1 and certificates: each end has seen the other one's", () => {
  for (const isDynamic of [false, true]) {
    const pair = called({ isDynamic });
    const found = pair.a.database.find({ by: "peerid", peerid: "end-b" });
    for (const row of found.ok ? found.value : []) pair.a.database.put({ ...row, password: null });
    pair.runUntil(10_000);
    expect(judgeSettled(pair)).toEqual([]);
    expect([pair.a, pair.b].map(provedTo)).toEqual(["CN=end-b", "CN=end-a"]);
    const [view] = pair.a.concentrator.snapshot().site("end-b");
    expect(view?.ikeSas).toMatchObject([{ version: 1, role: "initiator" }]);
    expect(pair.reasons.get("calling")).toBe(1);
  }
});

test("R12: certificates: each message lost once is sent again", () => {
  for (let lost = 0; lost < 9; lost++) {
    let seen = 0;
    const pair = called({ loses: () => seen++ === lost });
    pair.runUntil(40_000);
    expect([lost, judgeSettled(pair)]).toEqual([lost, []]);
    expect(pair.reasons.get("calling")).toBe(1);
  }
});

test("R12: certificates in fragments, of which any one may be lost", () => {
  const life = { ...DEFAULT_LIFE, fragmentSize: 200 };
  for (let lost = -1; lost < 8; lost++) {
    let fragments = 0;
    const loses = (octets: Uint8Array) => {
      const header = parseHeader(octets);
      const isFragment = header.ok && header.value.nextPayload === PayloadType.FRAGMENT;
      return isFragment && fragments++ === lost;
    };
    const pair = called({ eroute: { ...versions(), life }, loses });
    pair.runUntil(40_000);
    expect([lost, judgeSettled(pair)]).toEqual([lost, []]);
    expect(fragments).toBeGreaterThan(3);
  }
});

test("R12: certificates from behind a NAT: the fifth message goes out from port 4500", () => {
  const pair = laid({ isNatted: true });
  pair.feed(pair.b, { kind: "connect", peerId: "end-a" });
  pair.runUntil(10_000);
  expect(judgeSettled(pair)).toEqual([]);
  const [view] = pair.b.concentrator.snapshot().site("end-a");
  expect(view?.ikeSas).toMatchObject([{ nat: "local" }]);
});

test("R12: a site whose certificate we do not accept is told, and both ends forget it", () => {
  const cases: readonly (readonly [string, Parameters<typeof auths>[0]])[] = [
    ["issuer-unknown", { a: signed(toyRsaKey("end-a"), OTHER_ANCHORS) }],
    ["issuer-unknown", { b: signed(toyRsaKey("end-b", { anchor: "another authority" })) }],
    ["certificate-expired", { b: signed(toyRsaKey("end-b", { isExpired: true })) }],
    ["id-not-in-certificate", { b: signed(toyRsaKey("end-x")) }],
  ];
  for (const [reason, changes] of cases) {
    const pair = called({ auth: auths(changes) });
    pair.runUntil(5_000);
    expect([reason, pair.reasons.get(reason)]).toEqual([reason, 1]);
    const { counters } = pair.a.concentrator.snapshot();
    expect(counters.authentication_failures).toBe(1);
    // The site has taken us for connected: the Delete has told it otherwise.
    expect(pair.b.concentrator.tableSizes().ikeSas).toBe(0);
    pair.runUntil(90_000);
    expect(judgeEmpty(pair)).toEqual([]);
  }
});

test("R12: a site that does not accept our certificate does not answer: the call says so", () => {
  const cases: readonly (readonly [string, Parameters<typeof auths>[0]])[] = [
    ["issuer-unknown", { a: signed(toyRsaKey("end-a", { anchor: "another authority" })) }],
    ["certificate-expired", { a: signed(toyRsaKey("end-a", { isExpired: true })) }],
    ["id-not-in-certificate", { a: signed(toyRsaKey("end-x")) }],
  ];
  for (const [reason, changes] of cases) {
    const pair = called({ auth: auths(changes) });
    pair.runUntil(90_000);
    expect([reason, pair.reasons.get(reason)]).toEqual([reason, 1]);
    expect(pair.reasons.get("no-answer")).toBe(1);
    expect(pair.log.join("\n")).toMatch(/may not accept our certificate/);
    expect(judgeEmpty(pair)).toEqual([]);
  }
});

test("R12: another end with a certificate answers: the call fails, whatever its ID", () => {
  const somebody = { auth: auths({ b: signed(toyRsaKey("end-x")) }), ...atB({ ourid: "end-x" }) };
  const pair = called(somebody);
  pair.runUntil(5_000);
  expect(pair.reasons.get("wrong-peer")).toBe(1);
  expect(pair.b.concentrator.tableSizes().ikeSas).toBe(0);
  pair.runUntil(90_000);
  expect(judgeEmpty(pair)).toEqual([]);
  // With a key of its own a site may present any address. A certificate for one proves no more.
  const byAddress = called({
    auth: auths({ b: signed(toyRsaKey("192.0.2.2")) }),
    ...atB({ ourid: "192.0.2.2" }),
  });
  byAddress.runUntil(90_000);
  expect(byAddress.reasons.get("wrong-peer")).toBe(1);
  expect(judgeEmpty(byAddress)).toEqual([]);
});

test("R12: a signature that we cannot make or verify ends the call, and no other", () => {
  for (const failing of [1, 4]) {
    let count = 0;
    const pair = called({ failsSignature: () => ++count === failing });
    pair.runUntil(8_000);
    expect(pair.reasons.get("signature-failed")).toBe(1);
    expect(pair.a.concentrator.tableSizes().ikeSas).toBe(0);
    pair.runUntil(120_000);
    expect(judgeEmpty(pair)).toEqual([]);
    pair.feed(pair.a, { kind: "connect", peerId: "end-b" });
    pair.runUntil(140_000);
    expect(judgeSettled(pair)).toEqual([]);
  }
});

test("R12: what anybody can send ends no call with certificates", () => {
  let encrypted = 0;
  let sixth = new Uint8Array(0);
  const loses = (octets: Uint8Array) => {
    const header = parseHeader(octets);
    if (!header.ok || header.value.exchangeType !== ExchangeType.MAIN_MODE) return false;
    if (!isakmpFlags(octets).encryption || ++encrypted !== 2) return false;
    sixth = octets.slice();
    return true;
  };
  const pair = called({ loses });
  pair.runUntil(1_500);
  expect(sixth.length).toBeGreaterThan(28);
  const inClear = sixth.slice();
  inClear[FLAGS_AT] = 0;
  const noise = sixth.slice().fill(0x5a, 28);
  const refusal = noise.slice();
  refusal[EXCHANGE_TYPE_AT] = ExchangeType.INFORMATIONAL;
  refusal.fill(0x77, MESSAGE_ID_AT, MESSAGE_ID_AT + 4);
  const path = { local: endpointOf("192.0.2.1", 500), remote: endpointOf("192.0.2.2", 500) };
  for (const octets of [inClear, noise, refusal]) {
    pair.feed(pair.a, { kind: "datagram", octets, path });
  }
  expect(pair.a.concentrator.snapshot().counters.messages_bad_icv).toBe(1);
  pair.runUntil(20_000);
  expect(judgeSettled(pair)).toEqual([]);
  expect(pair.reasons.get("calling")).toBe(1);
});

/** In the header (RFC 2408 §3.1). */
const [EXCHANGE_TYPE_AT, FLAGS_AT, MESSAGE_ID_AT] = [18, 19, 20];

test("R12: signatures that take seconds; one that comes too late is dropped", () => {
  const slow = called({ signatureMs: () => 3_000 });
  slow.runUntil(60_000);
  expect(judgeSettled(slow)).toEqual([]);
  const late = called({ signatureMs: (end) => (end === "a" ? 200_000 : undefined) });
  late.runUntil(190_000);
  // The other end has given up as well.
  expect(late.reasons.get("timeout")).toBe(2);
  expect(late.log.join("\n")).toMatch(/our own signature was not made in time/);
  late.runUntil(900_000);
  expect(judgeEmpty(late)).toEqual([]);
  expect(late.a.concentrator.snapshot().counters.late_answers).toBeGreaterThanOrEqual(1);
});

test("R12: a signature that is not verified in time: the site is told so", () => {
  let asked = 0;
  const signatureMs = (end: "a" | "b") => (end === "a" && ++asked === 2 ? 200_000 : undefined);
  const pair = called({ signatureMs });
  pair.runUntil(60_000);
  expect(pair.reasons.get("timeout")).toBe(1);
  expect(pair.log.join("\n")).toMatch(/the site's signature was not verified in time/);
  pair.runUntil(900_000);
  expect(judgeEmpty(pair)).toEqual([]);
});

test("R12: what cannot be called with certificates is said, and nothing is sent", () => {
  const ed25519 = signed(toyKey("end-a"));
  const psk: ErouteAuth = { own: { kind: "psk" }, peer: { kind: "psk" } };
  const cases: readonly (readonly [RegExp, Partial<PairSettings>])[] = [
    [/signatures need an RSA key, and ours is ed25519/, { auth: auths({ a: ed25519 }) }],
    [/ikev1_mode allows Aggressive Mode only/, { eroute: versions({ mode: "aggressive" }) }],
    [
      /and sites have none: it has one method for both ends/,
      { auth: auths({ a: { ...signed(toyRsaKey("end-a")), peer: psk.peer } }) },
    ],
    [/and we have none/, { auth: auths({ a: { ...signed(toyRsaKey("end-a")), own: psk.own } }) }],
  ];
  for (const [words, changes] of cases) {
    const pair = called(changes);
    pair.runUntil(10_000);
    expect(pair.reasons.get("ikev1-unsupported")).toBe(1);
    expect(pair.reasons.has("calling")).toBe(false);
    expect(pair.log.join("\n")).toMatch(words);
  }
});

test("R12: with certificates Main Mode is called, and never Aggressive Mode", () => {
  const pair = called({ eroute: versions({ mode: "both" }), loses: () => true });
  pair.runUntil(90_000);
  expect(pair.reasons.get("calling")).toBe(1);
  expect(judgeEmpty(pair)).toEqual([]);
});

test("R12: both ends call at once with certificates: one ISAKMP SA stays", () => {
  for (let seed = 1; seed <= 20; seed++) {
    const pair = laid({ seed });
    pair.feed(pair.a, { kind: "connect", peerId: "end-b" });
    pair.feed(pair.b, { kind: "connect", peerId: "end-a" });
    pair.runUntil(120_000);
    const complaints = judgeSettled(pair).filter((one) => !one.includes("Child SAs"));
    expect([seed, complaints]).toEqual([seed, []]);
  }
});

test("Phase 1 with certificates is begun anew by the end that began it, with its Child SA", () => {
  const life = { ...DEFAULT_LIFE, ikeLifetimeMs: 120_000 };
  const pair = called({ seed: 3, eroute: { ...versions(), life } });
  pair.runUntil(10_000);
  const children = [...pair.a.kernel.states.keys()];
  for (let i = 0; i < 400; i++) {
    pair.runUntil(pair.now() + 1_000);
    for (const end of [pair.a, pair.b]) {
      const [view] = end.concentrator.snapshot().eroutes(0, 1);
      expect([end.name, pair.now(), view?.childSas.length ?? 0]).not.toContain(0);
    }
  }
  expect(pair.reasons.get("calling")).toBeGreaterThan(3);
  expect([...pair.a.kernel.states.keys()]).toEqual(children);
  expect([pair.a, pair.b].map(provedTo)).toEqual(["CN=end-b", "CN=end-a"]);
});
