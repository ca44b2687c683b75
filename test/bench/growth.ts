/**
 * How the work of each operation grows with the number of sites: CPU time, not wall time, so that a
 * busy machine changes little. SIZES=100,1000 measures others. Prints a Markdown table.
 */

import { heapStats } from "bun:jsc";
import type { Concentrator } from "../../src/concentrator/concentrator.ts";
import { installedOf } from "../../src/concentrator/dataplane/child-sas.ts";
import { putDraining } from "../../src/concentrator/dataplane/draining.ts";
import type { JournalRecord } from "../../src/concentrator/journal/journal.ts";
import { asEspSpi } from "../../src/inet/esp-spi.ts";
import { asInstant } from "../../src/octets/instant.ts";
import { erouteQuery, listEroutes } from "../../src/status/lists/eroutes.ts";
import { countNotConnected } from "../../src/status/lists/not-connected.ts";
import { inSteps, nextTurn } from "../../src/status/lists/turns.ts";
import { createAttempts } from "../../src/why/attempts.ts";
import { type Crowd, createCrowd } from "./crowd.ts";
import { cpuUs } from "./thread-time.ts";

const SIZES = (process.env.SIZES ?? "100,1000,10000,50000,100000").split(",").map(Number);
/** Sites that connect before anything is measured: the compilers are done by then. */
const WARM_UP = 1_000;
/** Sites, rows or questions of one measurement of what is the same for each. */
const SOME = 100;
/** Rounds of which the shortest counts: the garbage collector is not in it. */
const ROUNDS = 10;

/** One operation at all sizes. */
type Row = { readonly what: string; readonly cells: string[] };

const rows = new Map<string, Row>();

await measure(WARM_UP);
rows.clear();
for (const size of SIZES) await measure(size);
console.log(`| operation | ${SIZES.map((size) => size.toLocaleString("en-US")).join(" | ")} |`);
console.log(`| --- |${SIZES.map(() => " --- |").join("")}`);
for (const { what, cells } of rows.values()) console.log(`| ${what} | ${cells.join(" | ")} |`);

async function measure(size: number): Promise<void> {
  const before = liveOctets();
  const crowd = createCrowd(size, { keeps: true, onHandled: keep });
  const calls: number[] = [];
  for (let number = 0; number < size; number++) calls.push(crowd.connect(number));
  cell("live memory of a site, KiB", (liveOctets() - before) / size / 1_024);
  cell("a new site connects, µs", median(calls.slice(-SOME)));
  cell("– the longest of all, ms", calls.reduce((a, b) => Math.max(a, b), 0) / 1_000);
  measureSites(crowd, size);
  await measureLists(crowd, size);
  measureTables(crowd);
  measureEnd(crowd, size);
}

/** What the next process would need is written, as the daemon does before a message leaves. */
function keep(concentrator: Concentrator): void {
  const place = { anchor: { now: 0, wallMs: 1_800_000_000_000 }, generation: 1 };
  for (const { content } of concentrator.changes(place) ?? []) content?.fill(0);
}

/** What happens for one site. */
function measureSites(crowd: Crowd, size: number): void {
  drainMany(crowd, Math.min(size, 10_000));
  const again = Array.from({ length: SOME }, (_, number) => crowd.connect(number));
  cell("a connected site calls again, µs", median(again));
  const drained = turns();
  crowd.advance(20_000, drained.turn);
  drained.report("states of replaced Child SAs are removed");
  const { concentrator, driver } = crowd;
  cell(
    "the next deadline of all, µs",
    each(1_000, () => void concentrator.nextDeadline()),
  );
  cell(
    "a deadline without work, µs",
    each(1_000, () => driver.feed({ kind: "deadline" })),
  );
  const snapshot = concentrator.snapshot();
  const asked = (number: number) => snapshot.isConnected(`site-${(number * 7) % size}`);
  cell("whether a site is connected, µs", each(1_000, asked));
  cell(
    "the row of a site is read again, µs",
    each(SOME, (number) => rowChanged(crowd, number % size)),
  );
}

function rowChanged({ driver }: Crowd, number: number): void {
  driver.feed({ kind: "row-changed", egroup: "sites", peerId: `site-${number}` });
}

/** What people and monitoring ask. */
async function measureLists({ concentrator }: Crowd, size: number): Promise<void> {
  const source = {
    snapshot: () => concentrator.snapshot(),
    wallMsNow: () => 1_800_000_000_000,
    stateUses: async () => ({ of: () => undefined }),
  };
  const half = size >> 1;
  cell(
    "a page of 50 rows from the middle, µs",
    each(20, () => void source.snapshot().eroutes(half, 50, "dynamic")),
  );
  const asked = { q: "site-1", eroute: undefined, state: undefined, sort: undefined };
  const page = (offset: number) => ({ offset, limit: 50 });
  const text = erouteQuery(asked, "dynamic");
  await inTurns("a search: first page", () => listEroutes(source, text, page(0)));
  await inTurns("a search: its second page", () => listEroutes(source, text, page(50)));
  const sort = erouteQuery({ ...asked, q: undefined, sort: "peer_id" }, "dynamic");
  await inTurns("sorted by peer ID: first page", () => listEroutes(source, sort, page(0)));
  const attempts = createAttempts();
  for (let number = 0; number < size; number++) attempts.note(failureOf(number));
  const failed = { snapshot: source.snapshot, notConnected: () => attempts.notConnected() };
  await inTurns("which sites are not connected", () => countNotConnected(failed));
  await inTurns("the versions of IKE are counted", () => inSteps(source.snapshot().versions()));
}

function failureOf(number: number): JournalRecord {
  return {
    level: "warning",
    step: "IKE_AUTH",
    outcome: "failed",
    reason: "wrong-psk",
    detail: "",
    eroute: undefined,
    ikeSa: undefined,
    peerId: `absent-${number}`,
    remote: "192.0.2.1:500",
    sequence: number,
    wallMs: 0,
  };
}

/** What concerns all sites at once. */
function measureTables(crowd: Crowd): void {
  const { concentrator, driver, plan } = crowd;
  const { turn, report } = turns();
  const steps = concentrator.preview(plan, { isListened: () => true });
  let isJudged = false;
  while (!isJudged) {
    turn(() => {
      isJudged = steps.next().done === true;
    });
  }
  turn(() => driver.feed({ kind: "configuration", plan: { ...plan } }));
  crowd.advance(1_000, turn);
  report("a reload that changes nothing");
  const audit = turns();
  const [all, none] = [{ has: () => true, size: 0 }, new Set<string>()];
  audit.turn(() => driver.feed({ kind: "kernel-tables", states: all, policies: all, worn: none }));
  crowd.advance(5_000, audit.turn);
  audit.report("the kernel's tables compared");
}

/** Sites that go: the oldest by eviction, then all. */
function measureEnd(crowd: Crowd, size: number): void {
  const { concentrator, driver, plan } = crowd;
  const evicted = Math.min(size >> 1, 320);
  const limits = { ...plan.limits, dynamicEroutesMax: size - evicted, evictBelowFreePercent: 0 };
  driver.feed({ kind: "configuration", plan: { ...plan, limits } });
  const eviction = turns();
  const connected = () => concentrator.snapshot().gauges.dynamicEroutes;
  // Meanwhile all sites get the new configuration: only turns that evict count here.
  crowd.advance(plan.limits.evictEveryMs + 100, (work) => {
    const [before, from] = [connected(), cpuUs()];
    work();
    const us = cpuUs() - from;
    if (connected() < before) eviction.spent(us);
  });
  eviction.report("a site is evicted", evicted);
  if (connected() > size - evicted) throw new Error("too many");
  const end = turns();
  end.turn(() => driver.feed({ kind: "shutdown" }));
  crowd.advance(size, end.turn);
  end.report("the shutdown, for each site", size - evicted);
  if (concentrator.snapshot().gauges.childSas > 0) throw new Error("Child SAs are left");
}

/** As many inbound states of replaced Child SAs as the dataplane keeps. */
function drainMany({ engine }: Crowd, count: number): void {
  const [some] = installedOf(engine);
  if (some === undefined) throw new Error("no Child SA");
  for (let number = 0; number < count; number++) {
    const id = { ...some.inbound, spi: asEspSpi(0x2000 + number) };
    putDraining(engine, { id, mark: undefined, until: asInstant(engine.now + 5_000) });
  }
}

/** The CPU time of turns of the event loop, in µs: of all of them, and of the longest. */
function turns() {
  let sum = 0;
  let longest = 0;
  const spent = (us: number): void => {
    sum += us;
    longest = Math.max(longest, us);
  };
  return {
    spent,
    longest: () => longest,
    turn(work: () => void): void {
      const from = cpuUs();
      work();
      spent(cpuUs() - from);
    },
    /** The sum for the whole table, or for each of so many sites. */
    report(what: string, sites?: number): void {
      if (sites === undefined) cell(`${what}, ms`, sum / 1_000);
      else cell(`${what}, µs`, sum / sites);
      cell("– its longest turn, ms", longest / 1_000, what);
    },
  };
}

/** Work that lets others go first: of three times, the one whose longest turn is the shortest. */
async function inTurns(what: string, work: () => Promise<unknown>): Promise<void> {
  const times = [await timed(work), await timed(work), await timed(work)];
  const best = times.reduce((a, b) => (b.longest() < a.longest() ? b : a));
  best.report(what);
}

async function timed(work: () => Promise<unknown>): Promise<ReturnType<typeof turns>> {
  const all = turns();
  let isOver = false;
  const watch = async () => {
    for (let from = cpuUs(); !isOver; ) {
      await nextTurn();
      const now = cpuUs();
      all.spent(now - from);
      from = now;
    }
  };
  const watched = watch();
  await work();
  isOver = true;
  await watched;
  return all;
}

/** The CPU time of one of `count` times, in µs. */
function each(count: number, work: (number: number) => void): number {
  let shortest = Number.POSITIVE_INFINITY;
  for (let round = 0; round < ROUNDS; round++) {
    const from = cpuUs();
    for (let number = 0; number < count; number++) work(round * count + number);
    shortest = Math.min(shortest, cpuUs() - from);
  }
  return shortest / count;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;
}

function cell(what: string, value: number, of = ""): void {
  const row = rows.get(of + what) ?? { what, cells: [] };
  rows.set(of + what, row);
  row.cells.push(value < 10 ? value.toFixed(1) : value.toFixed(0));
}

function liveOctets(): number {
  Bun.gc(true);
  Bun.gc(true);
  const { heapSize, extraMemorySize } = heapStats();
  return heapSize + extraMemorySize;
}
