/** Tracing one site: each message with its content, from the first one on. */

import { expect, spyOn, test } from "bun:test";
import * as words from "../../../src/ike/v2/seen-message.ts";
import { formatAddress } from "../../../src/inet/address.ts";
import { FINE, layPair, type Pair } from "./pair.ts";

/** What end a has written about messages, without addresses. */
function messagesOf(pair: Pair): string[] {
  return pair.a.messages.map(({ peerId, detail }) => `${peerId ?? "-"} ${detail}`);
}

function called(traced: readonly string[], by: "a" | "b" = "a"): Pair {
  const pair = layPair({ seed: 1, weather: FINE });
  pair.feed(pair.a, { kind: "trace", traced: new Set(traced) });
  const [from, to] = by === "a" ? [pair.a, "end-b"] : [pair.b, "end-a"];
  pair.feed(from, { kind: "connect", peerId: to });
  pair.runUntil(5_000);
  return pair;
}

test("a call: IKE_SA_INIT and IKE_AUTH of both ends, in words, without a secret", () => {
  const seen = messagesOf(called(["end-b"]));
  expect(seen.length).toBeGreaterThanOrEqual(4);
  const [init, answer, auth, authenticated] = seen;
  expect(init).toMatch(/^end-b sent IKE_SA_INIT request 0, \d+ octets: SA\(.*KE\(X25519\) NONCE/);
  expect(answer).toMatch(/^end-b received IKE_SA_INIT response 0, \d+ octets: SA\(/);
  expect(auth).toMatch(/^end-b sent IKE_AUTH request 1: IDi\(end-a\) .*AUTH\(method 2\).*TSi\(/);
  expect(authenticated).toMatch(/^end-b received IKE_AUTH response 1: IDr\(end-b\) /);
});

test("being called: messages from before the ID was known are shown once it is known", () => {
  const seen = messagesOf(called(["end-b"], "b"));
  expect(seen[0]).toMatch(/^end-b received IKE_SA_INIT request 0/);
  expect(seen[1]).toMatch(/^end-b sent IKE_SA_INIT response 0/);
  expect(seen[2]).toMatch(/^end-b received IKE_AUTH request 1: IDi\(end-b\)/);
});

test("no site, or another one, is traced: not a line", () => {
  expect(messagesOf(called([]))).toEqual([]);
  expect(messagesOf(called(["end-c"], "b"))).toEqual([]);
});

test("tracing ends when it is switched off", () => {
  const pair = called(["end-b"]);
  const before = messagesOf(pair).length;
  pair.feed(pair.a, { kind: "trace", traced: new Set() });
  pair.feed(pair.a, { kind: "rekey", peerId: "end-b", of: "ike" });
  pair.runUntil(10_000);
  expect(messagesOf(pair).length).toBe(before);
});

test("so many messages become text, and the next one says how many did not", () => {
  const pair = layPair({ seed: 1, weather: FINE });
  pair.feed(pair.b, { kind: "connect", peerId: "end-a" });
  for (let at = pair.now(); pair.lastSent() === undefined; at++) pair.runUntil(at);
  const sent = pair.lastSent();
  if (sent === undefined) throw new Error("end b sent nothing");
  const traced = new Set([formatAddress(sent.path.remote.address)]);
  pair.feed(pair.a, { kind: "trace", traced });
  const arrive = () =>
    pair.feed(pair.a, { kind: "datagram", octets: sent.octets.slice(), path: sent.path });
  for (let i = 0; i < 2_000; i++) arrive();
  const shown = messagesOf(pair).length;
  expect(shown).toBeGreaterThanOrEqual(500);
  expect(shown).toBeLessThan(600);
  pair.runUntil(2_000);
  arrive();
  expect(messagesOf(pair)[shown]).toMatch(/ \(\d{4} messages before it are not shown\)$/);
});

test("a message of a site that is not traced becomes no text", () => {
  const texts = spyOn(words, "payloadsText");
  called(["end-c"]);
  const ofOthers = texts.mock.calls.length;
  called(["end-b"]);
  const all = texts.mock.calls.length;
  texts.mockRestore();
  expect(ofOthers).toBe(0);
  expect(all).toBeGreaterThan(0);
});
