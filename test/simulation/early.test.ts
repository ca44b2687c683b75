/** Messages of sites that come while the next process still reads what the former one has kept. */

import { expect, test } from "bun:test";
import { createConcentrator } from "../../src/concentrator/concentrator.ts";
import { asInstant } from "../../src/octets/instant.ts";
import { putRow, seat, settingsOf } from "./caller.ts";
import { messageFor, tablesOf } from "./keeping.ts";
import { connectAll, namesOf, reasonsOf } from "./neighbours.ts";
import { layTable, type Table } from "./table.ts";

const WALL_MS = 1_800_000_000_000;

test("a site is answered before the documents of others are read, and stays in its place", () => {
  const table = layTable({ keeps: true });
  const sites = connectAll(table, 6);
  const [, , , fourth] = sites;
  const before = namesOf(table);
  const isReading = table.crashLazily();
  fourth?.ask({ kind: "liveness" });
  fourth?.settle();
  expect(fourth?.heard.at(-1)).toMatchObject({ kind: "answer", asked: "liveness" });
  expect(isReading()).toBe(true);
  expect(namesOf(table)).toEqual(["fleet/site-4"]);
  table.advance(50);
  expect(isReading()).toBe(false);
  expect(namesOf(table)).toEqual(before);
  table.feed(tablesOf(table.kernel));
  // What was agreed meanwhile is kept, too, and the kernel has nothing else.
  expect(table.crash()).toBe(true);
  expect(table.kernel.states.size).toBe(12);
  for (const site of sites) {
    site.ask({ kind: "liveness" });
    site.settle();
    expect(site.heard.at(-1)).toMatchObject({ kind: "answer", asked: "liveness" });
  }
  expect(table.concentrator.snapshot().counters.internal_errors).toBe(0);
});

test("a request that came before the crash and again while it reads gets the same octets", () => {
  const table = layTable({ keeps: true });
  const [, second] = connectAll(table, 3);
  second?.ask({ kind: "liveness" });
  const request = second?.step();
  const [first] = table.sent.splice(0);
  const isReading = table.crashLazily();
  if (request === undefined || second === undefined) throw new Error("it has asked");
  const { local, remote } = second.site.path;
  for (let times = 0; times < 2; times++) {
    table.deliver(request, { local: remote, remote: local });
    const [again] = table.sent.splice(0);
    expect(again?.octets).toEqual(first?.octets ?? new Uint8Array());
  }
  expect(isReading()).toBe(true);
});

test("killed again while it reads: what was agreed until then is there, and all others are", () => {
  const table = layTable({ keeps: true });
  const sites = connectAll(table, 5);
  const before = namesOf(table);
  for (const site of [sites[4], sites[1]]) {
    const isReading = table.crashLazily();
    site?.ask({ kind: "liveness" });
    site?.settle();
    expect(isReading()).toBe(true);
  }
  expect(table.crash()).toBe(true);
  expect(namesOf(table)).toEqual(before);
  for (const site of sites) {
    site.ask({ kind: "liveness" });
    site.settle();
    expect(site.heard.at(-1)).toMatchObject({ kind: "answer", asked: "liveness" });
  }
});

test("a site that leaves while others are read does not come back", () => {
  const table = layTable({ keeps: true });
  const [first] = connectAll(table, 3);
  table.crashLazily();
  first?.ask({ kind: "delete-ike" });
  first?.settle();
  table.advance(50);
  expect(namesOf(table)).toEqual(["fleet/site-2", "fleet/site-3"]);
  expect(table.kernel.states.size).toBe(4);
  expect(table.crash()).toBe(true);
  expect(namesOf(table)).toEqual(["fleet/site-2", "fleet/site-3"]);
});

test("a new site waits until all are read: its ID may be that of one of them", () => {
  const table = layTable({ keeps: true });
  connectAll(table, 3);
  const isReading = table.crashLazily();
  putRow(table, 2);
  const again = seat(table, settingsOf(2, { initialContact: true }));
  again.connect();
  again.settle();
  expect(isReading()).toBe(false);
  expect(namesOf(table)).toHaveLength(3);
  expect(reasonsOf(table, "site-2")).not.toContain("internal-error");
});

test("what makes an SA waits: the kernel may have what the process before did not note", () => {
  const table = layTable({ keeps: true });
  const [first, second] = connectAll(table, 3);
  for (const site of [first, second]) {
    const isReading = table.crashLazily();
    const [child] = site?.session().children ?? [];
    if (site === first) site?.ask({ kind: "rekey-ike" });
    else site?.ask({ kind: "rekey-child", spiIn: child?.spiIn ?? 0 });
    site?.settle();
    expect(isReading()).toBe(false);
    table.feed(tablesOf(table.kernel));
  }
  expect(first?.heard.some(({ kind }) => kind === "rekeyed")).toBe(true);
  expect(second?.heard.filter(({ kind }) => kind === "child-up")).toHaveLength(2);
  expect(namesOf(table)).toHaveLength(3);
});

test("a message that belongs to nobody waits, and so does what is no message", () => {
  const table = layTable({ keeps: true });
  connectAll(table, 3);
  const { successor } = nextOf(table);
  const documents = [...table.kept().values()];
  for (const [at, content] of documents.entries()) successor.expect(at, content);
  successor.readKept(documents[0] ?? new Uint8Array(), 0);
  expect(successor.wanted(messageFor(4711n as never))).toBeUndefined();
  for (const length of [0, 1, 27, 28]) {
    expect(successor.wanted(new Uint8Array(length))).toBeUndefined();
  }
});

test("killed between two documents: both are read before the message is handled", () => {
  const table = layTable({ keeps: true });
  const [site] = connectAll(table, 2);
  site?.ask({ kind: "rekey-ike" });
  let before = table.kept();
  let gone: readonly (readonly [string, Uint8Array])[] = [];
  for (let step = 0; step < 10 && gone.length === 0; step++) {
    before = table.kept();
    site?.step();
    site?.hear();
    gone = [...table.kept()].filter(([name]) => name.startsWith("ike "));
  }
  const documents = [...before, ...gone];
  const { successor } = nextOf(table);
  for (const [at, [, content]] of documents.entries()) successor.expect(at, content);
  successor.readKept(documents[0]?.[1] ?? new Uint8Array(), 0);
  const spi = BigInt(`0x${gone[0]?.[0].slice("ike ".length)}`);
  const numbers = successor.wanted(messageFor(spi as never));
  expect(numbers).toEqual([1, documents.length - 1]);
  const names = numbers?.map((at) => {
    const read = successor.readKept(documents[at]?.[1] ?? new Uint8Array(), at);
    return read.ok ? read.value : read.error.kind;
  });
  expect(names).toEqual([documents[1]?.[0], undefined]);
  expect(successor.wanted(messageFor(spi as never))).toEqual([]);
});

function nextOf(table: Table) {
  const anchor = { now: asInstant(table.now()), wallMs: WALL_MS + table.now() };
  const next = createConcentrator({
    plan: table.engine.plan,
    now: anchor.now,
    random: (count: number) => table.prng.octets(count),
    keeps: true,
  });
  return { next, successor: next.takeOver({ anchor, generation: 1 }) };
}
