/** Messages of sites that come while the next process still reads what the former one has kept. */

import { expect, test } from "bun:test";
import { createConcentrator } from "../../src/concentrator/concentrator.ts";
import { asInstant } from "../../src/octets/instant.ts";
import { putRow, seat, settingsOf } from "./caller.ts";
import { messageFor, tablesOf } from "./keeping.ts";
import { connectAll, namesOf, reasonsOf } from "./neighbours.ts";
import { BASE_EROUTE, NORMAL_EROUTE, patternOf, planOf } from "./plan.ts";
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
  fourth?.ask({ kind: "rekey-ike" });
  fourth?.settle();
  expect(fourth?.heard.some(({ kind }) => kind === "rekeyed")).toBe(true);
  const [child] = fourth?.session().children ?? [];
  fourth?.ask({ kind: "rekey-child", spiIn: child?.spiIn ?? 0 });
  fourth?.settle();
  expect(isReading()).toBe(true);
  expect(namesOf(table)).toEqual(["fleet/site-4"]);
  table.advance(50);
  expect(isReading()).toBe(false);
  expect(namesOf(table)).toEqual(before);
  table.feed(tablesOf(table.kernel));
  // What was agreed meanwhile is kept, too, and the kernel has nothing else.
  expect(table.crash()).toBe(true);
  // The inbound state of the Child SA that was rekeyed still drains.
  expect(table.kernel.states.size).toBe(13);
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
    site?.ask({ kind: "rekey-ike" });
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

test("where sites choose their subnets, a new Child SA waits, and a liveness check does not", () => {
  const lab = { ...NORMAL_EROUTE, peerid: patternOf("lab-*") };
  const plan = planOf({}, { eroutes: [BASE_EROUTE, lab] });
  const [table, reading] = readingOf(layTable({ keeps: true, plan }), 3);
  const [ike] = table.concentrator.snapshot().eroutes(0, 1)[0]?.ikeSas ?? [];
  const spi = BigInt(`0x${ike?.spiR ?? 0}`);
  const asked = (exchange: number): Uint8Array => {
    const message = messageFor(spi as never);
    message[18] = exchange;
    return message;
  };
  expect(reading.wanted(asked(36))).toBeUndefined();
  expect(reading.wanted(asked(37))).toHaveLength(1);
  const [other, plain] = readingOf(layTable({ keeps: true }), 3);
  expect(other.concentrator.snapshot().erouteCount).toBe(3);
  expect(plain.wanted(messageFor(4711n as never))).toBeUndefined();
  expect(plain.wanted(new Uint8Array(28))).toBeUndefined();
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

test("numbers of Child SAs that are still to be read are not drawn for others", () => {
  const octets: Uint8Array[] = [];
  const random = (count: number, { octets: draw }: { octets(count: number): Uint8Array }) => {
    const at = octets.findIndex(({ length }) => length === count);
    return at < 0 ? draw(count) : (octets.splice(at, 1)[0] ?? draw(count));
  };
  const table = layTable({ keeps: true, random });
  const [first] = connectAll(table, 2);
  const spis = [...table.kernel.states.values()].flatMap(({ state }) => {
    return state.direction === "in" ? [state.id.spi as number] : [];
  });
  const isReading = table.crashLazily();
  const second = spis[1] ?? 0;
  octets.push(new Uint8Array([second >>> 24, second >>> 16, second >>> 8, second]));
  const [child] = first?.session().children ?? [];
  first?.ask({ kind: "rekey-child", spiIn: child?.spiIn ?? 0 });
  first?.settle();
  expect(octets).toEqual([]);
  expect(first?.heard.filter(({ kind }) => kind === "child-up")).toHaveLength(2);
  expect(isReading()).toBe(true);
  table.advance(50);
  expect(namesOf(table)).toHaveLength(2);
  expect(table.crash()).toBe(true);
});

/** A process that has read the head, and knows whose the other documents are. */
function readingOf(table: Table, sites: number) {
  connectAll(table, sites);
  const { successor } = nextOf(table);
  const documents = [...table.kept().values()];
  for (const [at, content] of documents.entries()) successor.expect(at, content);
  successor.readKept(documents[0] ?? new Uint8Array(), 0);
  return [table, successor] as const;
}

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
