/** Message IDs, windows, repeats, signs of life and their absence (RFC 7296 §2.1-2.4). */

import { expect, test } from "bun:test";
import { notify } from "../../../src/ike/v2/notify.ts";
import type { IkeEffect } from "../../../src/ike/v2/step.ts";
import { type IkeHeader, parseHeader } from "../../../src/wire/header.ts";
import { emitMessage } from "../../../src/wire/v2/emit-message.ts";
import { ExchangeType } from "../../../src/wire/v2/exchange-type.ts";
import { NotifyType } from "../../../src/wire/v2/notify-type.ts";
import { putRow, seat, settingsOf } from "../caller.ts";
import {
  change,
  connectedEnds,
  type Ends,
  established,
  type IkeEnd,
  layEnds,
  takeSeen,
} from "../ends.ts";
import { layTable } from "../table.ts";

const INFORMATIONAL = { exchangeType: ExchangeType.INFORMATIONAL, response: false };

test("V2-17: the last response is kept for repeats until a newer request comes", () => {
  const ends = connectedEnds();
  ends.feed(ends.a, { kind: "check-liveness" });
  ends.advance(1_500);
  const [first, second] = [ask(ends), ask(ends)];
  ends.wire.splice(0);
  ends.deliver(ends.b, second.request);
  expect(ends.wire.map(({ octets }) => octets)).toEqual([second.response]);
  ends.wire.splice(0);
  ends.deliver(ends.b, first.request);
  expect(ends.wire).toEqual([]);
});

test("V2-18: IDs are 0 in each IKE_SA_INIT, 1 in IKE_AUTH, and count for each direction", () => {
  let lost = 0;
  const ends = layEnds({ onWay: ({ octets }) => (lost++ < 1 ? undefined : octets) });
  ends.run();
  ends.advance(5_000);
  for (const end of [ends.a, ends.a, ends.b]) {
    ends.advance(2_000);
    ends.feed(end, { kind: "check-liveness" });
    ends.run();
  }
  expect(requestsOf(ends)).toEqual(["a 34 0", "a 34 0", "a 35 1", "a 37 2", "a 37 3", "b 37 0"]);
});

test("V2-18: in a rekeyed IKE SA both count from 0", () => {
  const ends = connectedEnds();
  ends.feed(ends.b, { kind: "rekey-ike" });
  ends.run();
  ends.advance(2_000);
  const from = ends.wire.length;
  for (const end of [ends.a, ends.b]) ends.feed(end, { kind: "check-liveness" });
  ends.run();
  expect(requestsOf(ends, from)).toEqual(["a 37 0", "b 37 0"]);
});

test("V2-18: an IKE SA whose IDs come near their end is rekeyed", () => {
  const ends = connectedEnds();
  ends.advance(2_000);
  skipIds(ends, 0xfffe_ffff);
  const before = established(ends.a).id.spiI;
  ends.feed(ends.a, { kind: "check-liveness" });
  ends.run();
  for (const end of [ends.a, ends.b]) {
    expect(established(end).id.spiI).not.toBe(before);
    expect(established(end).children.length).toBe(1);
  }
});

test("V2-18: one that cannot be rekeyed is closed before an ID is used twice", () => {
  const ends = connectedEnds();
  ends.advance(2_000);
  skipIds(ends, 0xffff_feff);
  const from = ends.wire.length;
  ends.feed(ends.a, { kind: "check-liveness" });
  ends.run();
  const ours = requestsOf(ends, from).filter((one) => one.startsWith("a"));
  expect(ours).toEqual(["a 37 4294967039", "a 37 4294967040"]);
  const [last] = takeSeen(ends.a).filter(({ messageId }) => messageId === 0xffff_ff00);
  expect(last?.payloads).toMatchObject([{ kind: "DELETE", protocol: 1 }]);
  ends.advance(60_000);
  expect([...ends.a.sas, ...ends.b.sas]).toEqual([]);
});

test("V2-18: a peer that has used up its IDs is answered, then the IKE SA ends", () => {
  const ends = connectedEnds();
  const { inbound } = established(ends.b);
  change(ends.b, { inbound: { ...inbound, nextId: 0xffff_ff00 } });
  takeSeen(ends.b);
  ends.say(ends.a, { ...INFORMATIONAL, messageId: 0xffff_ff00 }, []);
  const sent = takeSeen(ends.b).filter(({ way }) => way === "sent");
  expect(sent.map(({ response }) => response)).toEqual([true, false]);
  expect(sent[1]?.payloads).toMatchObject([{ kind: "DELETE", protocol: 1 }]);
});

test("V2-19: SET_WINDOW_SIZE is accepted; still only one request is under way at a time", () => {
  const ends = connectedEnds();
  const size = notify(NotifyType.SET_WINDOW_SIZE, Uint8Array.of(0, 0, 0, 16));
  ends.say(ends.a, { ...INFORMATIONAL, messageId: established(ends.b).inbound.nextId }, [size]);
  const [child] = established(ends.b).children;
  const from = ends.wire.length;
  ends.feed(ends.b, { kind: "rekey-child", spiIn: child?.spiIn ?? 0 });
  ends.feed(ends.b, { kind: "rekey-ike" });
  ends.advance(0);
  expect(requestsOf(ends, from).length).toBe(1);
  ends.run();
  // Each waits for the answer to the one before it; then the old SAs are deleted.
  expect(requestsOf(ends, from)).toEqual(["b 36 0", "b 37 1", "b 36 2", "b 37 3"]);
});

test("V2-19: requests are answered while our own is under way", () => {
  let isLost = false;
  const ends = connectedEnds({ onWay: ({ octets }) => (isLost ? undefined : octets) });
  ends.advance(2_000);
  isLost = true;
  ends.feed(ends.b, { kind: "check-liveness" });
  ends.run();
  expect(established(ends.b).outbound.inFlight).toBeDefined();
  takeSeen(ends.b);
  ends.say(ends.a, { ...INFORMATIONAL, messageId: established(ends.b).inbound.nextId }, []);
  expect(takeSeen(ends.b).at(-1)).toMatchObject({ way: "sent", response: true, payloads: [] });
});

test("V2-20: a request outside the window is not answered; the complaint names its ID", () => {
  const ends = connectedEnds();
  const { nextId } = established(ends.b).inbound;
  const remove = { kind: "DELETE", protocol: 1, spis: [] } as const;
  takeSeen(ends.b);
  for (const messageId of [nextId + 1, nextId + 7]) {
    ends.say(ends.a, { ...INFORMATIONAL, messageId }, [remove]);
  }
  const said = takeSeen(ends.b).filter(({ way }) => way === "sent");
  expect(said.map(({ response }) => response)).toEqual([false]);
  expect(said[0]?.payloads).toMatchObject([
    { type: NotifyType.INVALID_MESSAGE_ID, data: Uint8Array.of(0, 0, 0, nextId + 1) },
  ]);
  ends.run();
  expect(established(ends.b).children.length).toBe(1);
  expect(counted(ends.b, "messages_out_of_window")).toBe(2);
});

test("V2-21: the waits between copies grow; the peer is given up after more than a minute", () => {
  let isLost = false;
  const ends = connectedEnds({ onWay: ({ octets }) => (isLost ? undefined : octets) });
  ends.advance(2_000);
  isLost = true;
  const began = ends.now();
  const times: number[] = [];
  const from = ends.wire.length;
  ends.feed(ends.b, { kind: "check-liveness" });
  for (let ms = 0; ends.b.sas.size > 0 && ms < 600_000; ms += 100) {
    while (times.length < ends.wire.length - from) times.push(ends.now() - began);
    ends.advance(100);
  }
  const waits = times.slice(1).map((at, i) => at - (times[i] ?? 0));
  expect(waits.length).toBe(5);
  for (const [i, wait] of waits.entries()) expect(wait).toBeGreaterThan(waits[i - 1] ?? 0);
  expect(ends.now() - began).toBeGreaterThan(60_000);
  expect(ends.b.effects).toContainEqual({
    ...{ kind: "ended", reason: { kind: "we-deleted", why: "peer-silent" } },
  });
});

test("V2-22: no unprotected message ends an IKE SA, whatever it says", () => {
  const table = layTable();
  putRow(table, 1);
  const caller = seat(table, settingsOf(1));
  caller.connect();
  caller.settle();
  const { id, algorithms } = caller.session().secured;
  expect(algorithms.encr.kind).toBe("aead");
  const { local, remote } = caller.site.path;
  const version = { major: 2, minor: 0 };
  for (let type = 1; type < 60; type++) {
    for (const exchangeType of [34, 35, 36, 37]) {
      for (const response of [false, true]) {
        for (const messageId of [0, 1, 2]) {
          const flags = { initiator: true, version: false, response };
          const head = { ...id, version, flags, exchangeType, messageId };
          table.deliver(emitMessage(head, [notify(type)]), { local: remote, remote: local });
        }
      }
    }
  }
  caller.settle();
  table.advance(1_000);
  expect(table.concentrator.snapshot().gauges).toMatchObject({ ikeSas: 1, childSas: 1 });
  caller.ask({ kind: "liveness" });
  caller.settle();
  expect(caller.heard.at(-1)?.kind).toBe("answer");
});

test("V2-22: nor does it end a call that waits for the answer to IKE_AUTH", () => {
  let isHeld = true;
  const held: Uint8Array[] = [];
  const ends = layEnds({
    onWay({ from, octets }) {
      if (from === "a" || headerOf(octets).exchangeType !== 35 || !isHeld) return octets;
      held.push(octets);
      return undefined;
    },
  });
  ends.run();
  expect(held.length).toBe(1);
  const head = headerOf(held[0] ?? new Uint8Array(0));
  for (const type of [7, 14, 24, 38]) {
    ends.deliver(ends.a, emitMessage(head, [notify(type)]));
    ends.deliver(ends.a, emitMessage({ ...head, exchangeType: 37 }, [notify(type)]));
  }
  isHeld = false;
  for (const octets of held) ends.deliver(ends.a, octets);
  expect(established(ends.a).children.length).toBe(1);
});

test("V2-23: without its inbound state a Child SA sends nothing more; the peer is told", () => {
  const table = layTable();
  putRow(table, 1);
  const caller = seat(table, settingsOf(1));
  caller.connect();
  caller.settle();
  const inbound = [...table.kernel.states.values()].find(({ state }) => state.direction === "in");
  if (inbound === undefined) throw new Error("there is an inbound state");
  const expire = table.kernel.expire(inbound);
  if (expire === undefined) throw new Error("it can expire");
  table.feed({ kind: "expire", expire });
  expect([...table.kernel.states.keys()]).toEqual([]);
  caller.settle();
  expect(caller.session().children).toEqual([]);
});

test("V2-25: an empty INFORMATIONAL gets an empty answer, with the same message ID", () => {
  const ends = connectedEnds();
  takeSeen(ends.b);
  const { nextId: messageId } = established(ends.b).inbound;
  ends.say(ends.a, { ...INFORMATIONAL, messageId }, []);
  expect(takeSeen(ends.b).at(-1)).toMatchObject({
    ...{ way: "sent", exchangeType: ExchangeType.INFORMATIONAL, messageId },
    ...{ response: true, payloads: [] },
  });
});

/** A liveness check of end a: request and response as they were on the wire. */
function ask(ends: Ends) {
  ends.advance(2_000);
  const from = ends.wire.length;
  ends.feed(ends.a, { kind: "check-liveness" });
  ends.run();
  const [request, response] = ends.wire.slice(from).map(({ octets }) => octets);
  if (request === undefined || response === undefined) throw new Error("it is asked and answered");
  return { request, response };
}

/** As if this many requests had been answered. */
function skipIds(ends: Ends, nextId: number): void {
  change(ends.a, { outbound: { nextId, inFlight: undefined } });
  change(ends.b, { inbound: { ...established(ends.b).inbound, nextId, lastResponse: undefined } });
}

/** `a 37 2`: sender, exchange type and ID of each request, copies too. */
function requestsOf(ends: Ends, from = 0): readonly string[] {
  return ends.wire.slice(from).flatMap((one) => {
    const { flags, exchangeType, messageId } = headerOf(one.octets);
    return flags.response ? [] : [`${one.from} ${exchangeType} ${messageId}`];
  });
}

function counted(end: IkeEnd, counter: string): number {
  const isCount = (effect: IkeEffect) => effect.kind === "count" && effect.counter === counter;
  return end.effects.filter(isCount).length;
}

function headerOf(octets: Uint8Array): IkeHeader {
  const header = parseHeader(octets);
  if (!header.ok) throw new Error(header.error.detail);
  return header.value;
}
