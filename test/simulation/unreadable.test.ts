/** Payloads that cannot be read: fatal only where they are needed (RFC 7296 §2.5, §2.21). */

import { expect, test } from "bun:test";
import { DEFAULT_ESP_SUITES, DEFAULT_IKE_SUITES } from "../../src/crypto/default-suites.ts";
import type { Suite } from "../../src/crypto/suite.ts";
import { Ke } from "../../src/crypto/transform.ts";
import { ExchangeType } from "../../src/wire/v2/exchange-type.ts";
import { type Payload, PayloadType } from "../../src/wire/v2/message.ts";
import { NotifyType } from "../../src/wire/v2/notify-type.ts";
import { connectedEnds, type Ends, type EndsSettings, established, takeSeen } from "./ends.ts";
import { ESP_SUITE, GCM_ESP, selectorOf } from "./plan.ts";
import { grant, type ScriptedPeer, scriptedPeer } from "./scripted-peer.ts";
import { espOffer } from "./site-messages.ts";

/** Bodies that no parser accepts, by kind of payload. */
const UNREADABLE: Readonly<Record<string, Payload>> = {
  "a KE payload of group 0 with no octets": opaque(PayloadType.KE, [0, 0, 0, 0]),
  "a notify whose SPI is longer than itself": opaque(PayloadType.NOTIFY, [3, 200, 64, 0]),
  "a Configuration payload cut in an attribute": opaque(PayloadType.CP, [2, 0, 0, 0, 0, 1, 0, 9]),
  "a certificate without its encoding": opaque(PayloadType.CERT, []),
  "an ID payload of one octet": opaque(PayloadType.IDr, [1]),
  "a Vendor ID's neighbour that nobody knows": opaque(200, [1, 2, 3]),
};

for (const [what, payload] of Object.entries(UNREADABLE)) {
  test(`${what}, in an answer that grants a Child SA without a key exchange: it is made`, () => {
    const scene = scriptedPeer((request) => [...grant(request, true), payload], WITH_DEFAULTS);
    const old = childOf(scene);
    rekeyChild(scene);
    expect(scene.requests.length).toBe(1);
    expect(childOf(scene)).not.toBe(old);
  });

  test(`${what}, in a request for a Child SA without a key exchange: it is made`, () => {
    const ends = connectedEnds();
    const answer = ask(ends, ExchangeType.CREATE_CHILD_SA, [...newChild(), payload]);
    expect(answer.some(({ kind }) => kind === "SA")).toBe(true);
    expect(established(ends.b).children.length).toBe(2);
  });

  test(`${what}, in INFORMATIONAL at either end: it is answered, and ignored`, () => {
    const ends = connectedEnds();
    expect(ask(ends, ExchangeType.INFORMATIONAL, [payload])).toEqual([]);
    expect(established(ends.b).children.length).toBe(1);
    const scene = scriptedPeer(grant, WITH_DEFAULTS, [payload]);
    askIfAlive(scene);
    expect(established(scene.ends.a)).toMatchObject({ asking: undefined, tasks: [] });
    expect(established(scene.ends.a).children.length).toBe(1);
  });
}

/** Parts of an answer without which there is no Child SA, and what the journal says of each. */
const NEEDED: readonly (readonly [Payload["kind"], Payload, string])[] = [
  [
    "SA",
    opaque(PayloadType.SA, [0, 0, 0, 12, 0, 0, 0, 8]),
    "SA payload of the site's CREATE_CHILD_SA response",
  ],
  [
    "NONCE",
    opaque(PayloadType.NONCE, [1, 2, 3]),
    "Nonce payload of the site's CREATE_CHILD_SA response: " +
      "Nonce Data has 3 octets, needs 16 to 256",
  ],
  [
    "KE",
    opaque(PayloadType.KE, [0, 0, 0, 0]),
    "KE payload of the site's CREATE_CHILD_SA response: " +
      "Key Exchange Data needs at least 1 octet, has 0",
  ],
  [
    "TSi",
    opaque(PayloadType.TSi, [1, 0, 0, 0]),
    "TSi payload of the site's CREATE_CHILD_SA response: Number of TSs 1, has 0",
  ],
];

for (const [kind, payload, said] of NEEDED) {
  test(`an unreadable ${kind} payload in an answer fails the exchange, the IKE SA stays`, () => {
    let isBroken = true;
    const scene = scriptedPeer(
      (request) => {
        const granted = grant(request);
        return isBroken ? granted.map((one) => (one.kind === kind ? payload : one)) : granted;
      },
      withSuites([PFS]),
    );
    const old = childOf(scene);
    rekeyChild(scene);
    expect(childOf(scene)).toBe(old);
    const notes = scene.ends.a.effects.flatMap((effect) =>
      effect.kind === "note" ? [effect.note] : [],
    );
    const refused = notes.find(({ reason }) => reason === "unreadable-payload");
    expect(refused?.detail).toStartWith(said);
    // After that, its next rekey works.
    isBroken = false;
    scene.advance(15_000);
    expect(childOf(scene)).not.toBe(old);
  });
}

test("an answer that cannot be read as a whole costs its exchange, not the IKE SA", () => {
  // An Encrypted payload inside another one.
  const misplaced = opaque(PayloadType.SK, [1, 2, 3, 4]);
  for (const of of ["child", "ike", "liveness"] as const) {
    const scene = scriptedPeer(() => [misplaced], WITH_DEFAULTS, [misplaced]);
    if (of === "child") rekeyChild(scene);
    else if (of === "ike") scene.ends.feed(scene.ends.a, { kind: "rekey-ike" });
    else askIfAlive(scene);
    scene.converse();
    expect(established(scene.ends.a)).toMatchObject({ asking: undefined });
    expect(established(scene.ends.a).children.length).toBe(1);
  }
});

/** Payloads that a request for a Child SA needs, and the notify that says so. */
const REQUESTED: readonly (readonly [Payload["kind"], Payload, number])[] = [
  ["SA", opaque(PayloadType.SA, [0, 0, 0, 12, 0, 0, 0, 8]), NotifyType.NO_PROPOSAL_CHOSEN],
  ["TSi", opaque(PayloadType.TSi, [1, 0, 0, 0]), NotifyType.TS_UNACCEPTABLE],
  ["TSr", opaque(PayloadType.TSr, [1, 0, 0, 0]), NotifyType.TS_UNACCEPTABLE],
];

for (const [kind, payload, notify] of REQUESTED) {
  test(`a request whose ${kind} payload cannot be read is refused, and the IKE SA stays`, () => {
    const ends = connectedEnds();
    const request = newChild().map((one) => (one.kind === kind ? payload : one));
    expect(ask(ends, ExchangeType.CREATE_CHILD_SA, request)).toMatchObject([{ type: notify }]);
    expect(established(ends.b).children.length).toBe(1);
  });
}

test("an unreadable Delete: what is left is not known, so the IKE SA ends (§2.21.3)", () => {
  const ends = connectedEnds();
  const broken = opaque(PayloadType.DELETE, [3, 4, 0, 2, 1, 2, 3, 4]);
  const answer = ask(ends, ExchangeType.INFORMATIONAL, [broken]);
  expect(answer).toMatchObject([{ type: NotifyType.INVALID_SYNTAX }]);
  expect([...ends.b.sas.values()].map(({ phase }) => phase)).toEqual(["ended"]);
});

const PFS: Suite = { ...ESP_SUITE, ke: [Ke.X25519] };
const WITH_DEFAULTS = withSuites(DEFAULT_ESP_SUITES);

function withSuites(suites: readonly Suite[]): EndsSettings {
  const ikeSuites = DEFAULT_IKE_SUITES;
  return {
    credentials: (_, own) => ({ ...own, policy: { ...own.policy, suites, ikeSuites } }),
  };
}

function askIfAlive(scene: ScriptedPeer): void {
  scene.ends.advance(2_000);
  scene.ends.feed(scene.ends.a, { kind: "check-liveness" });
  scene.converse();
}

function opaque(payloadType: number, octets: readonly number[]): Payload {
  return { kind: "OPAQUE", payloadType, data: Uint8Array.from(octets) };
}

function newChild(): readonly Payload[] {
  return [
    { kind: "SA", proposals: espOffer(GCM_ESP, 0x3000, undefined).proposals },
    { kind: "NONCE", data: new Uint8Array(32).fill(7) },
    { kind: "TSi", selectors: [selectorOf("10.0.0.0/24")], unknown: 0 },
    { kind: "TSr", selectors: [selectorOf("10.0.1.0/24")], unknown: 0 },
  ];
}

/** Sends a request as end a; returns the answer of end b. */
function ask(ends: Ends, exchangeType: number, payloads: readonly Payload[]): readonly Payload[] {
  takeSeen(ends.b);
  const { nextId: messageId } = established(ends.b).inbound;
  ends.say(ends.a, { exchangeType, messageId, response: false }, payloads);
  const answer = takeSeen(ends.b).find(({ way, response }) => way === "sent" && response);
  if (answer === undefined) throw new Error("it was not answered");
  return answer.payloads;
}

function rekeyChild(scene: ScriptedPeer): void {
  scene.ends.feed(scene.ends.a, { kind: "rekey-child", spiIn: childOf(scene) });
  scene.converse();
}

function childOf({ ends }: ScriptedPeer): number {
  return established(ends.a).children.at(-1)?.spiIn ?? 0;
}
