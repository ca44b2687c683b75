/** AUTH over both IKE_SA_INIT messages (draft-ietf-ipsecme-ikev2-downgrade-prevention-08). */

import { expect, test } from "bun:test";
import { Encr } from "../../../src/crypto/transform.ts";
import { pskAuth } from "../../../src/ike/v2/auth.ts";
import type { HalfOpen } from "../../../src/ike/v2/half-open.ts";
import { saysFullTranscriptAuth } from "../../../src/ike/v2/transcript.ts";
import { assert } from "../../../src/octets/assert.ts";
import { concat } from "../../../src/octets/concat.ts";
import { parseHeader } from "../../../src/wire/header.ts";
import { emitMessage } from "../../../src/wire/v2/emit-message.ts";
import { ExchangeType } from "../../../src/wire/v2/exchange-type.ts";
import type { Payload } from "../../../src/wire/v2/message.ts";
import { identityBody } from "../../../src/wire/v2/payload/id.ts";
import { parsePayloads } from "../../../src/wire/v2/payload-chain.ts";
import { type EndName, type Ends, type EndsSettings, layEnds, type OnWire } from "../ends.ts";
import { openOne, sealOne } from "../one-datagram.ts";
import { judgeSettled } from "../pair/judge.ts";
import { FINE, layPair } from "../pair/pair.ts";
import { IKE_SUITE } from "../plan.ts";

const WHO = [
  ["both ends", true, true],
  ["only the initiator", true, false],
  ["only the responder", false, true],
  ["neither end", false, false],
] as const;

test.each(WHO)("X-12: support by %s: the notify says so, and they connect", (_, a, b) => {
  const ends = layEnds({ withFullTranscript: (end) => (end === "a" ? a : b) });
  ends.run();
  const [request, response] = ends.wire;
  assert(request !== undefined && response !== undefined, "IKE_SA_INIT");
  expect([request, response].map(({ octets }) => saysFullTranscriptAuth(read(octets)))).toEqual([
    a,
    b,
  ]);
  expect([ends.a.installed.length, ends.b.installed.length]).toEqual([1, 1]);
});

test("X-12: if both ends support it, the AUTH of each is over 0, what came, and what went", () => {
  const checked: EndName[] = [];
  const onWay = (datagram: OnWire) => checkAuth(ends, datagram, checked);
  const ends: Ends = layEnds({ credentials: ownKeys, onWay });
  ends.run();
  expect(checked).toEqual(["a", "b"]);
});

test("X-12: who changes the offer, and can forge the initiator's AUTH, is noticed by it", () => {
  for (const isProtected of [false, true]) {
    const ends = attacked(isProtected);
    ends.run();
    // The responder cannot notice: its site's key is known to the attacker.
    const installed = [ends.a, ends.b].map((end) => end.installed.length);
    expect(installed).toEqual(isProtected ? [0, 1] : [1, 1]);
    const reasons = ends.a.effects.flatMap((e) => (e.kind === "ended" ? [e.reason] : []));
    expect(reasons).toEqual(
      isProtected ? [{ kind: "refused", refusal: { kind: "wrong-psk" } }] : [],
    );
  }
});

test("X-12: whoever removes the notify from the request is noticed by the initiator", () => {
  const ends = attacked(true, (payloads) => payloads.filter((one) => !isOurNotify(one)));
  ends.run();
  expect([ends.a.installed.length, ends.b.installed.length]).toEqual([0, 1]);
});

test("X-12: after a cookie and another group, the last messages count", () => {
  const pair = layPair({
    ...{ seed: 1, weather: FINE },
    plan(end, plan) {
      const [x25519, ecp256] = IKE_SUITE.ke;
      const ke = end === "a" ? [ecp256 ?? 0, x25519 ?? 0] : [x25519 ?? 0];
      const eroutes = plan.eroutes.map((eroute) => ({ ...eroute, ike: [{ ...IKE_SUITE, ke }] }));
      const limits = end === "a" ? plan.limits : { ...plan.limits, cookieAbove: 0 };
      return { ...plan, eroutes, limits };
    },
  });
  pair.feed(pair.a, { kind: "connect", peerId: "end-b" });
  pair.runUntil(10_000);
  expect(judgeSettled(pair)).toEqual([]);
});

test("full_transcript_auth = false at either end, or both: they connect all the same", () => {
  for (const off of ["a", "b", "ab"]) {
    const pair = layPair({
      ...{ seed: 1, weather: FINE },
      plan: (end, plan) => ({ ...plan, fullTranscriptAuth: !off.includes(end) }),
    });
    pair.feed(pair.a, { kind: "connect", peerId: "end-b" });
    pair.runUntil(10_000);
    expect([off, judgeSettled(pair)]).toEqual([off, []]);
  }
});

/** The attacker removes what the ends like best from the request, and forges a's AUTH. */
function attacked(
  isProtected: boolean,
  alter: (payloads: readonly Payload[]) => readonly Payload[] = withoutBest,
): Ends {
  const ends: Ends = layEnds({
    withFullTranscript: () => isProtected,
    credentials: ownKeys,
    onWay({ from, octets }) {
      const header = parseHeader(octets);
      if (!header.ok || from !== "a") return octets;
      if (header.value.exchangeType === ExchangeType.IKE_SA_INIT) {
        return emitMessage(header.value, alter(read(octets)));
      }
      return header.value.exchangeType === ExchangeType.IKE_AUTH ? forge(ends, octets) : octets;
    },
  });
  return ends;
}

/** Each end has a key of its own; the attacker knows that of end a. */
const ownKeys: NonNullable<EndsSettings["credentials"]> = (end, credentials) => ({
  ...credentials,
  policy: {
    ...credentials.policy,
    ikeSuites: [256, 128].map((keyBits) => ({
      ...IKE_SUITE,
      encr: [{ id: Encr.AES_GCM_16, keyBits }],
    })),
  },
  own: { kind: "psk", psk: keyOf(end) },
  peer: { kind: "psk", psk: keyOf(end === "a" ? "b" : "a") },
});

const keyOf = (end: EndName): Uint8Array => new TextEncoder().encode(`the key of end ${end}`);

function withoutBest(payloads: readonly Payload[]): readonly Payload[] {
  return payloads.map((payload) =>
    payload.kind === "SA" ? { ...payload, proposals: payload.proposals.slice(1) } : payload,
  );
}

function isOurNotify(payload: Payload): boolean {
  return saysFullTranscriptAuth([payload]);
}

/** End a's IKE_AUTH request with the AUTH that end b expects. */
function forge(ends: Ends, octets: Uint8Array): Uint8Array {
  const [from, to] = [halfOpenOf(ends, "a"), halfOpenOf(ends, "b")];
  const header = parseHeader(octets);
  assert(header.ok, "a header");
  const opened = openOne(to, header.value, octets);
  assert(opened.ok, "the attacker has the keys that protect messages");
  const payloads = opened.value.map((payload) =>
    payload.kind === "AUTH" ? { ...payload, data: authOf(to, "a", opened.value) } : payload,
  );
  const head = { exchangeType: ExchangeType.IKE_AUTH, response: false, messageId: 1 };
  return sealOne(from, head, payloads, ends.a.context.random);
}

function checkAuth(ends: Ends, { from, octets }: OnWire, checked: EndName[]): Uint8Array {
  const header = parseHeader(octets);
  if (!header.ok || header.value.exchangeType !== ExchangeType.IKE_AUTH) return octets;
  // The initiator has all keys of both directions until the answer has arrived.
  const half = halfOpenOf(ends, "a");
  const role = from === "a" ? "responder" : "initiator";
  const opened = openOne({ ...half, id: { ...half.id, role } }, header.value, octets);
  assert(opened.ok, "an authentic message");
  const auth = opened.value.find((payload) => payload.kind === "AUTH");
  expect(auth).toMatchObject({ data: authOf(half, from, opened.value) });
  checked.push(from);
  return octets;
}

/** AUTH by the draft's formula, from the messages as the holder of `half` has seen them. */
function authOf(half: HalfOpen, end: EndName, payloads: readonly Payload[]): Uint8Array {
  const { initiator, responder, isFull } = half.transcript;
  const [own, other] = end === "a" ? [initiator, responder] : [responder, initiator];
  const id = payloads.find((payload) => payload.kind === (end === "a" ? "IDi" : "IDr"));
  assert(id !== undefined && "identity" in id, "an ID");
  const message = isFull ? concat(new Uint8Array(8), other.message, own.message) : own.message;
  const SK_p = end === "a" ? half.keys.SK_pi : half.keys.SK_pr;
  const input = { message, nonce: own.nonce, SK_p, idBody: identityBody(id.identity) };
  return pskAuth(half.algorithms.prf, keyOf(end), input);
}

function halfOpenOf(ends: Ends, end: EndName): HalfOpen {
  const [sa] = [...ends[end].sas.values()];
  assert(sa?.phase === "initiating" || sa?.phase === "responding", "it is not authenticated yet");
  return sa.half;
}

/** The payloads of a message of IKE_SA_INIT. */
function read(octets: Uint8Array): readonly Payload[] {
  const header = parseHeader(octets);
  assert(header.ok, "a header");
  const parsed = parsePayloads(header.value.nextPayload, octets.subarray(28), "IKE_SA_INIT");
  assert(parsed.ok, "payloads");
  return parsed.value.payloads;
}
