/** Deletes, errors, minimal peers, keepalives (RFC 7296 §1.4, §3.10.1; RFC 7815). */

import { expect, test } from "bun:test";
import { Ke } from "../../../src/crypto/transform.ts";
import type { IkeKeys } from "../../../src/ike/v2/keys.ts";
import { notify } from "../../../src/ike/v2/notify.ts";
import type { SeenIkev2Message } from "../../../src/ike/v2/seen-message.ts";
import { ExchangeType } from "../../../src/wire/v2/exchange-type.ts";
import type { Payload } from "../../../src/wire/v2/message.ts";
import { NotifyType } from "../../../src/wire/v2/notify-type.ts";
import {
  connectedEnds,
  type Ends,
  type EndsSettings,
  established,
  type IkeEnd,
  takeSeen,
} from "../ends.ts";
import { ESP_SUITE, selectorOf } from "../plan.ts";
import { espOffer } from "../site-messages.ts";

const CREATE_CHILD_SA = { exchangeType: ExchangeType.CREATE_CHILD_SA, response: false };
const INFORMATIONAL = { exchangeType: ExchangeType.INFORMATIONAL, response: false };

test("V2-74: a Delete names the sender's inbound SPI, the answer the other end's", () => {
  for (const name of ["a", "b"] as const) {
    const ends = connectedEnds();
    const [from, to] = name === "a" ? [ends.a, ends.b] : [ends.b, ends.a];
    const [child] = established(from).children;
    takeSeen(from);
    ends.feed(from, { kind: "close-child", spiIn: child?.spiIn ?? 0 });
    ends.run();
    const [request, response] = takeSeen(from);
    const spis = (spi: number | undefined) => [{ kind: "DELETE", protocol: 3, spis: [spi] }];
    expect(request?.payloads).toEqual(spis(child?.spiIn) as Payload[]);
    expect(response?.payloads).toEqual(spis(child?.spiOut) as Payload[]);
    expect([established(from).children, established(to).children]).toEqual([[], []]);
  }
});

test("V2-74: if both delete the same Child SA at once, neither answer names it", () => {
  const ends = connectedEnds();
  for (const end of [ends.a, ends.b]) {
    const [child] = established(end).children;
    takeSeen(end);
    ends.feed(end, { kind: "close-child", spiIn: child?.spiIn ?? 0 });
  }
  ends.run();
  const answers = [...takeSeen(ends.a), ...takeSeen(ends.b)].filter(({ response }) => response);
  expect(answers.length).toBe(4);
  expect(answers.flatMap(({ payloads }) => payloads)).toEqual([]);
});

test("V2-74: unknown SPIs are skipped, Child SAs of known ones are deleted", () => {
  const ends = connectedEnds();
  const [child] = established(ends.a).children;
  const spis = [0xdead_beef, child?.spiIn ?? 0, 1];
  const answer = askB(ends, INFORMATIONAL, [{ kind: "DELETE", protocol: 3, spis }]);
  expect(answer?.payloads).toMatchObject([{ kind: "DELETE", spis: [child?.spiOut] }]);
});

test("V2-75: a Delete of the IKE SA stands alone, ends all, and gets an empty answer", () => {
  for (const name of ["a", "b"] as const) {
    const ends = connectedEnds();
    const [from, to] = name === "a" ? [ends.a, ends.b] : [ends.b, ends.a];
    takeSeen(from);
    ends.feed(from, { kind: "close", why: "disconnected-by-hand" });
    ends.run();
    const [request, response] = takeSeen(from);
    expect(request?.payloads).toEqual([{ kind: "DELETE", protocol: 1, spis: [] }]);
    expect(response?.payloads).toEqual([]);
    expect(from.sas.size).toBe(0);
    for (const end of [from, to]) {
      expect(end.effects.filter(({ kind }) => kind === "child-down").length).toBe(1);
    }
    ends.advance(60_000);
    expect(to.sas.size).toBe(0);
  }
});

test("V2-76: no request brings back an IKE SA that the peer has deleted", () => {
  const ends = connectedEnds();
  const before = { ...established(ends.a), keys: copyOf(established(ends.a).keys) };
  ends.feed(ends.a, { kind: "close", why: "disconnected-by-hand" });
  ends.run();
  ends.a.sas.set(before.id.spiI, before);
  takeSeen(ends.b);
  const from = ends.wire.length;
  for (const messageId of [0, 2, 3, 4, 100]) {
    ends.say(ends.a, { ...CREATE_CHILD_SA, messageId }, childRequest());
    ends.say(ends.a, { ...INFORMATIONAL, messageId }, []);
  }
  // Repeats of the Delete get the stored answer; nothing else is answered.
  expect(ends.wire.slice(from).length).toBe(2);
  expect(new Set(ends.wire.slice(from).map(({ octets }) => octets.toHex())).size).toBe(1);
  expect(takeSeen(ends.b)).toEqual([]);
  expect(ends.b.installed.length).toBe(1);
});

test("V2-76: nor one that we are deleting", () => {
  let isLost = false;
  const ends = connectedEnds({ onWay: ({ octets }) => (isLost ? undefined : octets) });
  isLost = true;
  ends.feed(ends.b, { kind: "close", why: "disconnected-by-hand" });
  ends.run();
  takeSeen(ends.b);
  const from = ends.wire.length;
  for (const messageId of [2, 3]) {
    ends.say(ends.a, { ...CREATE_CHILD_SA, messageId }, childRequest());
    ends.say(ends.a, { ...INFORMATIONAL, messageId }, []);
  }
  expect(ends.wire.length).toBe(from);
  expect(ends.b.installed.length).toBe(1);
});

test("V2-77: an unknown error ends the exchange that it answers, and not the IKE SA", () => {
  for (const type of [99, 8_191, 16_383]) {
    for (const what of ["rekey-child", "rekey-ike"] as const) {
      const ends = answering([notify(type)]);
      ask(ends, what);
      expect(established(ends.a).asking).toBeUndefined();
      expect(established(ends.a).children.length).toBe(1);
      expect(ends.a.installed.length).toBe(1);
      expect(reasonsOf(ends.a)).toContain("peer-refused");
    }
  }
});

test("V2-77: an unknown status is ignored, both in an answer and in a request", () => {
  const ends = connectedEnds();
  const answer = askB(ends, INFORMATIONAL, [notify(40_000), notify(65_535)]);
  expect(answer?.payloads).toEqual([]);
  const wanted = askB(ends, CREATE_CHILD_SA, [notify(50_000), ...childRequest()]);
  expect(wanted?.payloads.map(({ kind }) => kind)).toEqual(["SA", "NONCE", "TSi", "TSr"]);
});

test.each([
  ["NO_ADDITIONAL_SAS", [notify(NotifyType.NO_ADDITIONAL_SAS)]],
  ["nothing at all", []],
])("X-11: a peer that answers each CREATE_CHILD_SA with %s keeps its tunnel", (_, payloads) => {
  const ends = answering(payloads);
  for (const what of ["rekey-child", "rekey-ike", "rekey-child", "rekey-ike"] as const) {
    ask(ends, what);
  }
  const asked = takeSeen(ends.a).filter(
    ({ way, exchangeType }) => way === "sent" && exchangeType === 36,
  );
  expect(asked.length).toBeGreaterThanOrEqual(4);
  expect(established(ends.a).children.map(({ spiIn }) => spiIn)).toEqual([
    ends.a.installed[0]?.child.spiIn ?? 0,
  ] as never);
  expect(ends.a.effects.map(({ kind }) => kind)).not.toContain("ended");
  // The request is repeated now and then, not all the time.
  const from = ends.wire.length;
  ends.advance(60_000);
  expect(ends.wire.length - from).toBeLessThan(60);
});

test("X-11: a site with one proposal and no rekey connects, and is asked for nothing", () => {
  const least = { ...ESP_SUITE, encr: ESP_SUITE.encr.slice(0, 1), ke: [Ke.NONE] };
  const ends = connectedEnds({
    credentials: (end, own) =>
      end === "a" ? { ...own, policy: { ...own.policy, suites: [least] } } : own,
  });
  const from = ends.wire.length;
  ends.advance(600_000);
  expect(ends.wire.length).toBe(from);
  expect(established(ends.b).children.length).toBe(1);
});

test("V2-83: the end behind a NAT sends keepalives at their interval, the other end none", () => {
  const ends = connectedEnds({ isNatted: true });
  expect([established(ends.a).nat, established(ends.b).nat]).toEqual(["local", "remote"]);
  ends.advance(65_000);
  const of = (end: IkeEnd) => end.effects.filter(({ kind }) => kind === "keepalive");
  expect([of(ends.a).length, of(ends.b).length]).toEqual([3, 0]);
  const open = connectedEnds();
  open.advance(65_000);
  expect([of(open.a).length, of(open.b).length]).toEqual([0, 0]);
});

test("V2-81: the initiator uses port 4500 from IKE_AUTH on behind a NAT, else port 500", () => {
  const portsOf = (settings: EndsSettings) =>
    connectedEnds(settings)
      .wire.filter(({ from }) => from === "a")
      .map(({ path }) => [path.local.port, path.remote.port]);
  expect(portsOf({ isNatted: true })).toEqual([
    [500, 500],
    [4_500, 4_500],
  ]);
  expect(portsOf({})).toEqual([
    [500, 500],
    [500, 500],
  ]);
});

/** Two ends; end b answers each CREATE_CHILD_SA with these payloads. */
function answering(payloads: readonly Payload[]): Ends {
  const ends = connectedEnds({
    onWay({ from, octets }) {
      if (from === "b" || octets[18] !== ExchangeType.CREATE_CHILD_SA) return octets;
      const messageId = new DataView(octets.buffer).getUint32(20);
      const response = { exchangeType: ExchangeType.CREATE_CHILD_SA, response: true, messageId };
      ends.say(ends.b, response, payloads);
      // As if the request had arrived and been answered.
      const { inbound } = established(ends.b);
      ends.b.sas.set(established(ends.b).id.spiR, {
        ...established(ends.b),
        inbound: { ...inbound, nextId: messageId + 1 },
      });
      return undefined;
    },
  });
  return ends;
}

function ask(ends: Ends, what: "rekey-child" | "rekey-ike"): void {
  const spiIn = established(ends.a).children[0]?.spiIn ?? 0;
  ends.feed(ends.a, what === "rekey-ike" ? { kind: what } : { kind: what, spiIn });
  ends.run();
}

/** Sends a request as end a; returns the answer of end b. */
function askB(
  ends: Ends,
  head: typeof INFORMATIONAL | typeof CREATE_CHILD_SA,
  payloads: readonly Payload[],
): SeenIkev2Message | undefined {
  takeSeen(ends.b);
  ends.say(ends.a, { ...head, messageId: established(ends.b).inbound.nextId }, payloads);
  return takeSeen(ends.b).find(({ way, response }) => way === "sent" && response);
}

function childRequest(): readonly Payload[] {
  const suite = ESP_SUITE.encr[0];
  const transforms = [
    { type: 1, id: suite?.id ?? 0, keyBits: suite?.keyBits, hasUnknownAttribute: false },
  ];
  return [
    espOffer(transforms, 0x1234_5678, undefined),
    { kind: "NONCE", data: new Uint8Array(32).fill(5) },
    { kind: "TSi", selectors: [selectorOf("10.0.0.0/24")], unknown: 0 },
    { kind: "TSr", selectors: [selectorOf("10.0.1.0/24")], unknown: 0 },
  ];
}

function reasonsOf(end: IkeEnd): readonly string[] {
  return end.effects.flatMap((effect) => (effect.kind === "note" ? [effect.note.reason] : []));
}

/** Keys are wiped with their IKE SA; these copies stay. */
function copyOf(keys: IkeKeys): IkeKeys {
  return structuredClone(keys);
}
