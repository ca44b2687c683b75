/**
 * A site at rest whose octets cannot be read, because of a bug of ours or of broken memory, ends:
 * nothing of it stays, no other site notices it, and it may dial in again at once.
 */

import { expect, test } from "bun:test";
import { isAtRest } from "../../src/concentrator/resting.ts";
import { subnetsOf } from "../../src/inet/prefix-table.ts";
import type { Place } from "../../src/octets/octet-store.ts";
import { stateName } from "../../src/xfrm/request.ts";
import { type Caller, seat, settingsOf } from "./caller.ts";
import { rowOf } from "./database.ts";
import { removeLeftovers, tablesOf } from "./keeping.ts";
import { connectAll, namesOf } from "./neighbours.ts";
import { BASE_EROUTE, planOf, selectorOf } from "./plan.ts";
import { layTable, type Table } from "./table.ts";

const SITES = 5;
const LIVENESS_MS = 15_000;
const PLAN = planOf({}, { eroutes: [{ ...BASE_EROUTE, livenessMs: LIVENESS_MS }] });

/** What has become of the octets of site 1. */
const DAMAGES: Readonly<Record<string, (octets: Uint8Array, others: Uint8Array) => void>> = {
  "its IKE SA": (octets) => octets.fill(7, octets.length - 1),
  "all but what it is counted as": (octets) => octets.fill(0xff, 6),
  everything: (octets) => octets.fill(0xff),
  "the number of what it has in common with others": (octets) => octets.fill(0xff, 0, 4),
  "they are those of another site": (octets, others) =>
    octets.set(others.subarray(0, octets.length)),
};

/** How it is found out. */
const FINDS: Readonly<Record<string, (table: Table, caller: Caller) => void>> = {
  "it sends a message": (_, caller) => {
    caller.ask({ kind: "liveness" });
    caller.settle();
  },
  "its liveness is checked": (table) => table.advance(LIVENESS_MS),
  "its states are looked for in the kernel, and all are shown": (table) => {
    const { states } = tablesOf(table.kernel);
    const first = inboundOf(table)?.id;
    if (first !== undefined) states.delete(stateName(first));
    table.feed({ ...tablesOf(table.kernel), states });
    void namesOf(table);
  },
  "a state reaches its hard limit": (table) => {
    const inbound = inboundOf(table);
    if (inbound === undefined) throw new Error("it has an inbound state");
    const { id, reqid } = inbound;
    table.feed({ kind: "expire", expire: { id, reqid, hard: true } });
  },
  "a new configuration comes": (table) => {
    table.feed({ kind: "configuration", plan: PLAN });
    table.advance(100);
  },
  "all sites are shown": (table) => void namesOf(table),
  "an operator disconnects it": (table) => {
    table.feed({ kind: "disconnect", peerId: "site-1" });
  },
  "rows are read ahead, and all sites are shown": (table) => {
    void [...table.concentrator.sitesOf("sites")];
    void namesOf(table);
  },
};

for (const [what, damage] of Object.entries(DAMAGES)) {
  for (const [how, find] of Object.entries(FINDS)) {
    test(`${what} is broken, ${how}: it alone ends, and dials in again`, () => {
      const table = layTable({ plan: PLAN, keeps: true });
      const [first, ...rest] = connectAll(table, SITES);
      if (first === undefined) throw new Error("it is connected");
      table.feed({ kind: "deadline" });
      const before = new Set(inKernel(table, first));
      damageFirst(table, damage);
      find(table, first);
      table.feed({ kind: "deadline" });
      expectGone(table, before);
      for (const caller of rest) {
        caller.ask({ kind: "rekey-child", spiIn: spiOf(caller) });
        caller.settle();
      }
      expect(table.concentrator.snapshot().counters.child_sas_rekeyed).toBe(SITES - 1);
      first.connect();
      first.settle();
      table.advance(10_000);
      expect(table.concentrator.snapshot().gauges.childSas).toBe(SITES);
      expect(table.kernel.states.size).toBe(2 * SITES);
      expect(table.crash()).toBe(true);
      expect(table.concentrator.snapshot().counters.internal_errors).toBe(1);
      expect(namesOf(table)).toHaveLength(SITES);
    });
  }
  test(`${what} is broken: nobody knows until it dials in anew`, () => {
    const table = layTable({ plan: PLAN, keeps: true });
    const [former] = connectAll(table, SITES);
    if (former === undefined) throw new Error("it is connected");
    table.feed({ kind: "deadline" });
    const before = new Set(inKernel(table, former));
    damageFirst(table, damage);
    const again = seat(table, settingsOf(1, { initialContact: true }));
    again.connect();
    again.settle();
    expect(table.concentrator.snapshot().counters.internal_errors).toBe(1);
    tidy(table);
    const { gauges } = table.concentrator.snapshot();
    expect([gauges.childSas, table.kernel.states.size]).toEqual([SITES, 2 * SITES]);
    expect(inKernel(table, again).some((name) => before.has(name))).toBe(false);
    expect(namesOf(table)).toHaveLength(SITES);
    again.ask({ kind: "delete-ike" });
    again.settle();
    table.advance(60_000);
    expect(table.concentrator.tableSizes()).toMatchObject({ eroutes: SITES - 1 });
    expect([...subnetsOf(table.engine.sites.reach)]).toHaveLength(SITES - 1);
    expect(table.kernel.states.size).toBe(2 * (SITES - 1));
  });
  test(`${what} is broken: the shutdown tells the others`, () => {
    const table = layTable();
    const callers = connectAll(table, SITES);
    table.feed({ kind: "deadline" });
    damageFirst(table, damage);
    table.feed({ kind: "shutdown" });
    table.advance(100);
    for (const caller of callers.slice(1)) caller.settle();
    table.advance(60_000);
    expect(table.concentrator.isIdle()).toBe(true);
    expect(table.concentrator.snapshot().counters.internal_errors).toBe(1);
    tidy(table);
    expect(table.kernel.states.size).toBe(0);
  });
  test(`${what} is broken: the others are handed over`, () => {
    const table = layTable();
    table.feed({ kind: "start" });
    connectAll(table, SITES);
    table.feed({ kind: "deadline" });
    damageFirst(table, damage);
    expect(table.succeed()).toBe(true);
    expect(namesOf(table)).toEqual([2, 3, 4, 5].map((number) => `fleet/site-${number}`));
  });
}

test("a site that shares its subnet with one that is lost has the packets from then on", () => {
  for (const first of [1, 2]) {
    const life = { ...BASE_EROUTE.life, overlap: "allow" } as const;
    const table = layTable({ plan: planOf({}, { eroutes: [{ ...BASE_EROUTE, life }] }) });
    for (const number of [first, 3 - first]) {
      table.database.put(rowOf(`site-${number}`, `secret ${number}`, "192.168.1.0/24"));
      const caller = seat(table, settingsOf(number, { tsI: [selectorOf("192.168.1.0/24")] }));
      caller.connect();
      caller.settle();
    }
    table.feed({ kind: "deadline" });
    expect([table.kernel.states.size, table.kernel.policies.size]).toEqual([4, 3]);
    damageFirst(table, (octets) => octets.fill(0xff));
    void namesOf(table);
    table.feed({ kind: "deadline" });
    tidy(table);
    expect(table.kernel.policies.size).toBe(3);
    const left = new Set([...table.kernel.states.values()].map(({ state }) => state.reqid));
    const used = [...table.kernel.policies.values()].map(({ template }) => template?.reqid ?? 0);
    expect([...left]).toEqual([...new Set(used)]);
  }
});

test("a bug that makes many sites unreadable costs each of them one error", () => {
  const many = 100;
  const table = layTable();
  connectAll(table, many);
  for (let ms = 0; ms < many && table.engine.resting.documents.size < many; ms++) {
    table.advance(1);
    table.feed({ kind: "deadline" });
  }
  for (const held of [...table.engine.sites.eroutes.values()]) {
    if (isAtRest(held)) table.engine.resting.documents.view(held).fill(0xff, 6);
  }
  for (let walks = 0; walks < 3; walks++) {
    expect(namesOf(table)).toEqual([]);
    table.advance(0);
  }
  expect(table.concentrator.snapshot().counters.internal_errors).toBe(many);
  tidy(table);
  expect([table.kernel.states.size, table.kernel.policies.size]).toEqual([0, 0]);
  expect(table.engine.resting.documents.octets).toBe(0);
});

/** Everything of site 1 is gone, is told, and nothing of the other sites is. */
function expectGone(table: Table, before: ReadonlySet<string>): void {
  const { concentrator, engine, journal } = table;
  const { counters, gauges } = concentrator.snapshot();
  expect(counters.internal_errors).toBe(1);
  const told = journal.filter(({ reason }) => reason === "internal-error");
  expect(told).toMatchObject([{ level: "error", peerId: "site-1" }]);
  expect([gauges.dynamicEroutes, gauges.childSas, gauges.ikeSas]).toEqual(Array(3).fill(SITES - 1));
  expect(concentrator.snapshot().isConnected("site-1")).toBe(false);
  expect(engine.resting.lost.size).toBe(0);
  tidy(table);
  expect(table.kernel.states.size).toBe(2 * (SITES - 1));
  expect([...table.kernel.states.keys()].some((name) => before.has(name))).toBe(false);
  expect(table.kernel.policies.size).toBe(3 * (SITES - 1));
  const { v1, v2 } = engine.resting.resters;
  expect([v1, v2]).toEqual([0, engine.resting.documents.size]);
  const { eroutes, childSas, policies, deadlines, namedIkeSas } = concentrator.tableSizes();
  expect([eroutes, childSas, deadlines, namedIkeSas]).toEqual(Array(4).fill(SITES - 1));
  expect(policies).toBe(3 * (SITES - 1));
}

test("a bug is met while it is ended: no other site notices, and the next time it ends", () => {
  const table = layTable({ plan: PLAN, keeps: true });
  const [first, ...rest] = connectAll(table, SITES);
  if (first === undefined) throw new Error("it is connected");
  table.feed({ kind: "deadline" });
  damageFirst(table, (octets) => octets.fill(0xff));
  const { policies } = table.engine.dataplane;
  const forget = policies.forget.bind(policies);
  policies.forget = () => {
    throw new Error("another bug");
  };
  first.ask({ kind: "liveness" });
  first.settle();
  for (const caller of rest) {
    caller.ask({ kind: "rekey-child", spiIn: spiOf(caller) });
    caller.settle();
  }
  const { counters } = table.concentrator.snapshot();
  expect(counters.child_sas_rekeyed).toBe(SITES - 1);
  policies.forget = forget;
  void namesOf(table);
  table.feed({ kind: "deadline" });
  tidy(table);
  expect(namesOf(table)).toHaveLength(SITES - 1);
  const { v1, v2 } = table.engine.resting.resters;
  expect([v1, v2]).toEqual([0, table.engine.resting.documents.size]);
});

/** As the audit does it. */
function tidy(table: Table): void {
  // One that fails is done again.
  if (table.concentrator.hasLeftBehind()) table.concentrator.leaveBehind();
  if (table.concentrator.hasLeftBehind()) removeLeftovers(table.kernel, table.concentrator);
  expect(table.concentrator.hasLeftBehind()).toBe(false);
}

function damageFirst(table: Table, damage: (octets: Uint8Array, others: Uint8Array) => void) {
  const { documents } = table.engine.resting;
  damage(documents.view(placeOf(table, "site-1")), documents.view(placeOf(table, "site-2")));
}

function placeOf(table: Table, peerId: string): Place {
  for (const [key, held] of table.engine.sites.eroutes.entries()) {
    if (key.endsWith(`\u0000${peerId}`) && isAtRest(held)) return held;
  }
  throw new Error(`${peerId} is at rest`);
}

function inboundOf({ kernel }: Table) {
  const inbound = [...kernel.states.values()].filter(({ state }) => state.direction === "in");
  return inbound[0]?.state;
}

/** The names of the site's states. */
function inKernel({ kernel }: Table, { site }: Caller): readonly string[] {
  const address = site.settings.path.local.address;
  return [...kernel.states.entries()].flatMap(([name, { state }]) => {
    const { src, dst } = state.id;
    return [src, dst].some(({ value }) => value === address.value) ? [name] : [];
  });
}

function spiOf(caller: Caller): number {
  const [child] = caller.session().children;
  if (child === undefined) throw new Error("the site has a Child SA");
  return child.spiIn;
}
