/** A process goes on from what the one before has written: sites, rows, the kernel, their order. */

import { expect, test } from "bun:test";
import { type Concentrator, createConcentrator } from "../../src/concentrator/concentrator.ts";
import { performKeyExchange } from "../../src/crypto/key-exchange.ts";
import { DEFAULT_LIFE } from "../../src/eroute/defaults.ts";
import { asInstant } from "../../src/octets/instant.ts";
import { rowOf } from "./database.ts";
import { connectAll, expectUntouched, namesOf, reasonsOf, rememberAll } from "./neighbours.ts";
import { livePair } from "./pair/life.ts";
import { FINE, layPair } from "./pair/pair.ts";
import { planOf } from "./plan.ts";
import { layTable, type Table } from "./table.ts";

const HERE = { anchor: { now: 1_000, wallMs: 1_800_000_000_000 }, generation: 1 };

test("R7: the next process evicts the site that was the oldest in the one before", () => {
  const plan = planOf({ dynamicEroutesMax: 4, evictBelowFreePercent: 10, evictEveryMs: 10_000 });
  const table = layTable({ plan });
  connectAll(table, 4);
  connectAll(table, 1, 1);
  expect(table.succeed()).toBe(true);
  table.advance(10_000);
  expect(namesOf(table)).toEqual(["fleet/site-2", "fleet/site-3", "fleet/site-4"]);
});

test("R2 R5: a row is compared with the one that the process before has read", () => {
  const table = layTable();
  connectAll(table, 3);
  const before = rememberAll(table);
  expect(table.succeed()).toBe(true);
  table.feed({ kind: "row-changed", egroup: "sites", peerId: "site-1" });
  expectUntouched(table, before, 3);
  table.database.put(rowOf("site-2", "another", "192.168.2.0"));
  table.feed({ kind: "row-changed", egroup: "sites", peerId: "site-2" });
  expect(namesOf(table)).toEqual(["fleet/site-1", "fleet/site-3"]);
});

test("a row that was being read again is read by the next process", () => {
  const table = layTable({ answersLookUps: false });
  const [site] = [connectWaiting(table)];
  expect(site).toBe("fleet/site-1");
  table.feed({ kind: "row-changed", egroup: "sites", peerId: "site-1" });
  expect(table.lookUps.length).toBe(1);
  expect(table.succeed()).toBe(true);
  const [late, again] = table.lookUps;
  late?.answer({ ok: true, value: [] });
  expect(namesOf(table)).toEqual(["fleet/site-1"]);
  again?.answer({ ok: true, value: [] });
  expect(reasonsOf(table, "site-1")).toContain("row-removed");
});

/** One site, its look-up answered by hand. */
function connectWaiting(table: Table): string | undefined {
  const [caller] = connectAll(table, 1);
  table.lookUps.shift()?.answer(table.database.find({ by: "peerid", peerid: "site-1" }));
  caller?.settle();
  return namesOf(table)[0];
}

test("sites that a new configuration closes in portions are closed by the next process", () => {
  const plan = planOf();
  const table = layTable({ plan, awakeMax: 100 });
  connectAll(table, 45);
  const [base] = plan.eroutes;
  if (base?.kind !== "base") throw new Error("the first one is a base eroute");
  const changed = { ...base, localSubnets: base.remoteSubnets, remoteSubnets: base.localSubnets };
  table.feed({ kind: "configuration", plan: { ...plan, eroutes: [changed] } });
  expect(namesOf(table).length).toBe(45 - 32);
  expect(table.succeed()).toBe(true);
  table.advance(10);
  expect(namesOf(table)).toEqual([]);
  expect(table.kernel.states.size).toBe(0);
});

test("a key exchange without an answer is asked for again", () => {
  let isLate = false;
  const table = layTable({ keyExchange: (op) => (isLate ? "later" : performKeyExchange(op)) });
  connectAll(table, 1);
  isLate = true;
  table.feed({ kind: "rekey", peerId: "site-1", of: "ike" });
  expect(table.keyExchanges.length).toBe(1);
  expect(table.sent.length).toBe(0);
  expect(table.succeed()).toBe(true);
  const [late, again] = table.keyExchanges;
  expect(again?.op).toEqual(late?.op as never);
  for (const { op, answer } of table.keyExchanges) answer(performKeyExchange(op));
  expect(table.concentrator.snapshot().counters.late_answers).toBe(1);
  expect(table.sent.length).toBe(1);
});

test("a responder's private octets, which the shell has wiped, are drawn anew", () => {
  let isLate = false;
  const table = layTable({ keyExchange: (op) => (isLate ? "later" : performKeyExchange(op)) });
  const [caller] = connectAll(table, 1);
  isLate = true;
  caller?.ask({ kind: "rekey-ike" });
  caller?.step();
  expect(table.succeed()).toBe(true);
  const [late, again] = table.keyExchanges;
  if (late === undefined || again === undefined) throw new Error("both are asked");
  expect([late.op.op, again.op.op]).toEqual(["respond", "respond"]);
  expect(again.op.random).not.toEqual(late.op.random);
  expect(again.op.random).not.toEqual(new Uint8Array(again.op.random.length));
  again.answer(performKeyExchange(again.op));
  isLate = false;
  caller?.settle();
  expect(table.concentrator.snapshot().counters.ike_sas_rekeyed).toBe(1);
});

test("sites that are to be redirected are known to the next process", () => {
  const table = layTable();
  connectAll(table, 12);
  const to = { host: "vpn2.example", address: undefined };
  table.feed({ kind: "redirect", peerId: undefined, to });
  const next = successorOf(table);
  expect(next.snapshot().redirecting).toEqual({ to: to.host, waiting: 12 });
  next.handle({ kind: "deadline" }, asInstant(2_000));
  expect(next.snapshot().redirecting?.waiting).toBe(0);
});

/** The process that would come next, `without` one of the documents. */
function successorOf(table: Table, without?: number): Concentrator {
  const documents = [...(table.concentrator.write(HERE) ?? [])];
  const options = { plan: planOf(), now: asInstant(1_000), random: table.prng.octets };
  const next = createConcentrator(options);
  const successor = next.takeOver({ ...HERE, generation: HERE.generation + 1 });
  for (const [at, document] of documents.entries()) if (at !== without) successor.read(document);
  expect(successor.goOn() === undefined).toBe(without !== undefined);
  return next;
}

test("while the kernel owes an answer, nothing is written", () => {
  let holds = false;
  const table = layTable({ holdsKernelAnswers: () => holds });
  connectAll(table, 1);
  holds = true;
  connectAll(table, 1, 2);
  expect(table.succeed()).toBe(false);
  for (const answer of table.kernelAnswers.splice(0)) table.feed(answer);
  expect(table.succeed()).toBe(true);
});

test("an event between two documents is a bug that is found", () => {
  const table = layTable();
  connectAll(table, 2);
  const documents = table.concentrator.write(HERE);
  documents?.next();
  table.feed({ kind: "deadline" });
  expect(() => documents?.next()).toThrow(/something has changed/);
});

test("a site that is up is not called, although its eroute says always", () => {
  const life = { ...DEFAULT_LIFE, start: "always" } as const;
  const pair = layPair({ seed: 1, weather: FINE, eroute: { life } });
  pair.runUntil(20_000);
  const calls = () => pair.a.concentrator.snapshot().counters.calls_started;
  const before = calls();
  expect(pair.a.concentrator.snapshot().erouteCount).toBe(1);
  for (const end of [pair.a, pair.b]) {
    const anchor = { now: pair.now(), wallMs: 1_800_000_000_000 };
    expect(end.succession.succeed({ anchor, generation: 9 })).toBe(true);
  }
  pair.runUntil(60_000);
  expect(calls()).toBe(before);
  pair.feed(pair.a, { kind: "disconnect", peerId: pair.a.peerId });
  pair.runUntil(70_000);
  const anchor = { now: pair.now(), wallMs: 1_800_000_050_000 };
  expect(pair.a.succession.succeed({ anchor, generation: 19 })).toBe(true);
  pair.runUntil(120_000);
  // It was disconnected by hand: it stays so.
  expect(calls()).toBe(before);
});

test("lives in which a process follows the other go on as if nothing had been", () => {
  let successions = 0;
  for (let seed = 1; seed <= 12; seed++) {
    const { pair, complaints } = livePair(seed);
    expect(complaints).toEqual([]);
    for (const end of [pair.a, pair.b]) successions += end.succession.successions();
  }
  expect(successions).toBeGreaterThan(20);
});

test("a document that is missing is noticed; the other sites are there", () => {
  const table = layTable();
  connectAll(table, 3);
  expect(successorOf(table).snapshot().erouteCount).toBe(3);
  expect(successorOf(table, 2).snapshot().erouteCount).toBe(2);
});
