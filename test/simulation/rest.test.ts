/**
 * Sites at rest: what nothing happens to is kept as octets, and everything that happens finds the
 * site as it was. Most tests of this folder have their sites rest as soon as they can.
 */

import { expect, test } from "bun:test";
import type { Event } from "../../src/concentrator/event.ts";
import { ikeSasAwake } from "../../src/concentrator/negotiation/ike-sas.ts";
import type { ErouteView } from "../../src/concentrator/snapshot.ts";
import { formatPolicyId, stateName } from "../../src/xfrm/request.ts";
import { type Caller, putRow, seat, settingsOf } from "./caller.ts";
import { rowOf } from "./database.ts";
import { connectAll, expectUntouched, namesOf, rememberAll } from "./neighbours.ts";
import { BASE_EROUTE, planOf } from "./plan.ts";
import { layTable, type Table } from "./table.ts";

const SITES = 5;
/** Silent sites are asked whether they are there. */
const CHECKED = planOf({}, { eroutes: [{ ...BASE_EROUTE, livenessMs: 30_000 }] });

/** How many sites are at rest, once something else has happened. */
function atRest(table: Table): number {
  table.feed({ kind: "deadline" });
  return table.engine.resting.documents.size;
}

function viewsOf(table: Table): readonly ErouteView[] {
  return table.concentrator.snapshot().eroutes(0, 100);
}

test("a site rests once it is up, and is shown as if it were awake", () => {
  const [asleep, awake] = [0, 100].map((awakeMax) => {
    const table = layTable({ awakeMax });
    connectAll(table, SITES);
    return table;
  });
  if (asleep === undefined || awake === undefined) throw new Error("there are two");
  expect([atRest(asleep), atRest(awake)]).toEqual([SITES, 0]);
  expect(viewsOf(asleep)).toEqual(viewsOf(awake));
  expect(atRest(asleep)).toBe(SITES);
  const seen = [asleep, awake].map(({ concentrator }) => {
    const snapshot = concentrator.snapshot();
    const { gauges, counters } = snapshot;
    const connected = ["site-1", "site-9"].map((id) => snapshot.isConnected(id));
    const [versions, redirectable] = [snapshot.versions(), snapshot.redirectable()];
    return { gauges, counters, connected, versions, redirectable };
  });
  expect(seen[0]).toEqual(seen[1]);
});

test("as many stay awake as may: those that something has happened to last", () => {
  const table = layTable({ awakeMax: 2 });
  const callers = connectAll(table, SITES);
  expect(atRest(table)).toBe(SITES - 2);
  callers[0]?.ask({ kind: "rekey-ike" });
  callers[0]?.settle();
  expect(atRest(table)).toBe(SITES - 2);
  const awake = [...table.engine.resting.awake.keys()];
  expect(awake.some((key) => key.includes("site-1"))).toBe(true);
});

test("a site that does not answer rests between copies of a request, and goes in time", () => {
  const [asleep, awake] = [0, 100].map((awakeMax) => {
    const table = layTable({ awakeMax, plan: CHECKED });
    connectAll(table, SITES);
    table.sent.splice(0);
    const resting: number[] = [];
    for (let second = 0; second < 130; second++) {
      table.advance(1_000);
      resting.push(table.engine.resting.documents.size);
    }
    const sent = table.sent.map(({ octets, at }) => [at, octets.toHex()]);
    const told = table.journal.map(({ reason, detail }) => [reason, detail]);
    return { table, resting, sent, told };
  });
  if (asleep === undefined || awake === undefined) throw new Error("there are two");
  expect(asleep.sent.length).toBe(7 * SITES);
  expect(asleep.sent).toEqual(awake.sent);
  expect(asleep.told).toEqual(awake.told);
  expect(asleep.told.filter(([reason]) => reason === "peer-silent")).toHaveLength(SITES);
  expect(asleep.table.concentrator.tableSizes()).toMatchObject({ eroutes: 0, atRest: 0 });
  // The first copy leaves after 30 s, the second one a second later, the last one after 70 s.
  expect(asleep.resting.slice(35, 95).every((count) => count === SITES)).toBe(true);
  expect(asleep.resting.slice(29, 31).every((count) => count < SITES)).toBe(true);
  expect(awake.resting.every((count) => count === 0)).toBe(true);
});

test("an answer that comes at last finds a site that rests meanwhile", () => {
  const table = layTable({ plan: CHECKED });
  const [caller] = connectAll(table, 1);
  table.sent.splice(0);
  table.advance(60_000);
  expect([table.sent.length > 2, atRest(table)]).toEqual([true, 1]);
  caller?.settle();
  table.sent.splice(0);
  table.advance(29_000);
  expect([table.sent, atRest(table)]).toEqual([[], 1]);
  expect(table.concentrator.snapshot().gauges.ikeSas).toBe(1);
});

test("keys are nowhere but in the octets, and there only until the site has gone", () => {
  const table = layTable();
  const wiped: Uint8Array[] = [];
  const [caller] = connectAll(table, 1);
  expect(atRest(table)).toBe(1);
  const place = [...table.engine.sites.eroutes.values()].find((held) => typeof held === "number");
  if (typeof place !== "number") throw new Error("the site is at rest");
  wiped.push(table.engine.resting.documents.view(place));
  caller?.ask({ kind: "delete-ike" });
  caller?.settle();
  table.advance(60_000);
  expect(wiped.every((octets) => octets.every((octet) => octet === 0))).toBe(true);
  expect(table.concentrator.tableSizes()).toMatchObject({ atRest: 0, formerLexicons: 0 });
  expect(table.engine.resting.documents.octets).toBe(0);
});

test("the keys in the objects of a site are wiped when it is put to rest", () => {
  const table = layTable({ awakeMax: 1 });
  connectAll(table, 1);
  const [first] = ikeSasAwake(table.engine);
  const sa = first?.[1].sa;
  if (sa === undefined || !("keys" in sa)) throw new Error("the site is awake");
  const keys = Object.values(sa.keys).filter((key) => key instanceof Uint8Array && key.length > 0);
  const isWiped = (key: unknown) => key instanceof Uint8Array && key.every((octet) => octet === 0);
  expect(keys.some(isWiped)).toBe(false);
  connectAll(table, 1, 2);
  expect(atRest(table)).toBe(1);
  expect(keys.length).toBeGreaterThan(2);
  expect(keys.every(isWiped)).toBe(true);
});

test("a bug in putting a site to rest leaves it awake, and costs no other site its answer", () => {
  const table = layTable();
  const { documents } = table.engine.resting;
  const put = documents.put.bind(documents);
  documents.put = () => {
    throw new Error("planted");
  };
  const callers = connectAll(table, 2);
  table.feed({ kind: "deadline" });
  expect(viewsOf(table)).toHaveLength(2);
  expect(documents.size).toBe(0);
  expect(table.concentrator.snapshot().counters.internal_errors).toBeGreaterThan(0);
  expect(table.journal.map(({ reason }) => reason)).toContain("internal-error");
  documents.put = put;
  for (const caller of callers) {
    caller.ask({ kind: "rekey-ike" });
    caller.settle();
  }
  expect(atRest(table)).toBe(2);
});

/** What happens to a site at rest, and how many of the sites are up after it. */
const EVENTS: Readonly<Record<string, (table: Table, caller: Caller) => number>> = {
  "the site rekeys its Child SA": (table, caller) => {
    caller.ask({ kind: "rekey-child", spiIn: childOf(caller) });
    caller.settle();
    expect(table.concentrator.snapshot().counters.child_sas_rekeyed).toBe(1);
    return SITES;
  },
  "the site deletes its IKE SA": (_, caller) => {
    caller.ask({ kind: "delete-ike" });
    caller.settle();
    return SITES - 1;
  },
  "a state reaches its hard limit": (table) => {
    const inbound = [...table.kernel.states.values()].find(({ state }) => state.direction === "in");
    if (inbound === undefined) throw new Error("there is an inbound state");
    const { id, reqid } = inbound.state;
    table.kernel.tables.states.delete(stateName(id));
    table.feed({ kind: "expire", expire: { id, reqid, hard: true } });
    expect(table.concentrator.snapshot().gauges.childSas).toBe(SITES - 1);
    return SITES;
  },
  "the row of the site changes": (table) => {
    table.database.put(rowOf("site-1", "another key, and a long one", "10.200.1.0/24"));
    table.feed({ kind: "row-changed", egroup: "sites", peerId: "site-1" });
    table.advance(10);
    return SITES - 1;
  },
  "an operator disconnects the site": (table) => {
    table.feed({ kind: "disconnect", peerId: "site-1" });
    return SITES - 1;
  },
  "a new configuration closes all": (table) => {
    table.feed({ kind: "configuration", plan: planOf({}, { eroutes: [] }) });
    table.advance(100);
    return 0;
  },
};

for (const [what, happen] of Object.entries(EVENTS)) {
  test(`${what}: the site is woken for it, and all others stay as they are`, () => {
    const table = layTable();
    const [caller] = connectAll(table, SITES);
    if (caller === undefined) throw new Error("it is connected");
    expect(atRest(table)).toBe(SITES);
    table.sent.length = 0;
    const left = happen(table, caller);
    const isUp = ({ state }: ErouteView) => state === "established";
    expect(viewsOf(table).filter(isUp)).toHaveLength(left);
    expect(table.concentrator.snapshot().counters.internal_errors).toBe(0);
  });
}

test("a new configuration that changes nothing leaves all sites as they are", () => {
  const table = layTable();
  connectAll(table, SITES);
  const before = rememberAll(table);
  for (let reload = 0; reload < 3; reload++) {
    table.feed({ kind: "configuration", plan: planOf() });
    table.advance(100);
  }
  expectUntouched(table, before, SITES);
  expect(atRest(table)).toBe(SITES);
  expect(table.concentrator.tableSizes()).toMatchObject({ formerLexicons: 0 });
});

test("a site at rest has the new configuration", () => {
  const table = layTable();
  connectAll(table, SITES);
  const eroute = { ...BASE_EROUTE, livenessMs: 7_000 };
  table.feed({ kind: "configuration", plan: planOf({}, { eroutes: [eroute] }) });
  table.advance(100);
  expect(atRest(table)).toBe(SITES);
  table.sent.length = 0;
  table.advance(7_000);
  expect(table.sent.length).toBeGreaterThanOrEqual(SITES);
});

test("the kernel's tables are compared with sites at rest: one that lacks a state is found", () => {
  const table = layTable();
  connectAll(table, SITES);
  const names = [...table.kernel.states.keys()];
  const tables = (states: readonly string[]): Event => ({
    kind: "kernel-tables",
    states: new Set(states),
    policies: new Set(table.kernel.policies.values().map(({ id }) => formatPolicyId(id))),
    worn: new Set(),
  });
  table.effects.length = 0;
  table.feed(tables(names));
  table.advance(1_000);
  expect(table.effects.filter(({ kind }) => kind === "kernel")).toHaveLength(0);
  const [lost] = names;
  if (lost === undefined) throw new Error("there is a state");
  table.kernel.tables.states.delete(lost);
  table.feed(tables(names.slice(1)));
  table.advance(1_000);
  expect(table.concentrator.snapshot().counters.states_removed_by_others).toBe(1);
});

test("R7: the oldest goes first, at rest or not", () => {
  const limits = { dynamicEroutesMax: 4, evictBelowFreePercent: 10, evictEveryMs: 10_000 };
  const table = layTable({ plan: planOf(limits) });
  connectAll(table, 4);
  table.advance(10_000);
  expect(namesOf(table)).toEqual(["fleet/site-2", "fleet/site-3", "fleet/site-4"]);
});

test("the shutdown tells all sites at rest", () => {
  const table = layTable();
  const callers = connectAll(table, SITES);
  table.feed({ kind: "shutdown" });
  table.advance(100);
  for (const caller of callers) caller.settle();
  table.advance(60_000);
  expect(table.concentrator.isIdle()).toBe(true);
  expect(table.kernel.states.size).toBe(0);
});

test("sites at rest are handed over to the next process, and outlive a crash", () => {
  const table = layTable({ keeps: true });
  table.feed({ kind: "start" });
  connectAll(table, SITES);
  const before = rememberAll(table);
  expect(table.crash()).toBe(true);
  expectUntouched(table, before, SITES);
  expect(table.succeed()).toBe(true);
  expectUntouched(table, before, SITES);
});

test("a second site with the subnet of one at rest is refused, and told whose it is", () => {
  const table = layTable();
  connectAll(table, 1);
  expect(atRest(table)).toBe(1);
  putRow(table, 2);
  const [first] = viewsOf(table);
  table.database.put(rowOf("site-2", "secret of site-2", first?.remoteSubnets[0] ?? ""));
  const caller = seat(table, settingsOf(2));
  caller.connect();
  caller.settle();
  expect(viewsOf(table).map(({ peerId }) => peerId)).toContain("site-1");
});

/** The SPI that the site receives on. */
function childOf({ site }: Caller): number {
  const [session] = site.sessions.values();
  const [child] = session?.children ?? [];
  if (child === undefined) throw new Error("the site has a Child SA");
  return child.spiIn;
}
