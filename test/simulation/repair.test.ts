/** Another program changes the kernel's tables: our objects come back, others are left alone. */

import { expect, test } from "bun:test";
import { createJournal } from "../../src/concentrator/journal/create-journal.ts";
import type { EroutePlan } from "../../src/eroute/eroute.ts";
import { asInstant } from "../../src/octets/instant.ts";
import { createAttempts } from "../../src/why/attempts.ts";
import { type Explanation, explain } from "../../src/why/explain.ts";
import { parseHeader } from "../../src/wire/header.ts";
import { ExchangeType } from "../../src/wire/v2/exchange-type.ts";
import type { XfrmRemoval } from "../../src/xfrm/event.ts";
import { formatPolicyId, stateName, TRAP_REQID } from "../../src/xfrm/request.ts";
import { type Caller, putRow, seat, settingsOf } from "./caller.ts";
import { planOf } from "./plan.ts";
import { layTable, type Table, type TableOptions } from "./table.ts";

const SITES = 3;

test("`ip xfrm state flush`: each Child SA is rekeyed, and stays until then", () => {
  const { table } = connected();
  table.kernel.tables.states.clear();
  removed(table, { what: "states" });
  table.advance(1_000);
  expect(rekeyRequests(table)).toBe(SITES);
  const { gauges, counters } = table.concentrator.snapshot();
  expect(gauges.childSas).toBe(SITES);
  expect(counters.states_removed_by_others).toBe(2 * SITES);
  expect(table.kernel.policies.size).toBe(3 * SITES + STANDING);
  expect(told(table)).toEqual([
    "another program (netlink port 4711, usually its PID) removed 6 states of ours from the " +
      "kernel: Child SAs get new keys",
  ]);
});

test("one state deleted: its Child SA is rekeyed at once, and its site is named", () => {
  for (const direction of ["in", "out"]) {
    const { table } = connected();
    const [name, model] = [...table.kernel.states].find(
      ([, { state }]) => state.direction === direction,
    ) ?? ["", undefined];
    if (model === undefined) throw new Error("there is such a state");
    table.kernel.tables.states.delete(name);
    removed(table, { what: "state", id: model.state.id });
    table.advance(1_000);
    expect(rekeyRequests(table)).toBe(1);
    const entries = table.journal.filter(({ reason }) => reason === "removed-by-others");
    expect(entries.map(({ peerId }) => peerId)).toEqual(["site-1", undefined]);
  }
});

test("why says of a connected site that its state was removed, when, and what to do", () => {
  const { table } = connected();
  const [[name, model] = []] = table.kernel.states;
  if (name === undefined || model === undefined) throw new Error("there is a state");
  table.kernel.tables.states.delete(name);
  removed(table, { what: "state", id: model.state.id });
  table.advance(1_000);
  const of = (asked: string, nowWallMs: number) => explained(table, asked, nowWallMs);
  const { state, findings, advice } = of("site-1", 61_000);
  expect(state).toBe("connected");
  const said = findings.filter(({ about }) => about === "kernel");
  expect(said.map(({ verdict }) => verdict)).toEqual(["problem", "note"]);
  expect(said[0]?.detail).toMatch(/^61 s ago: another program removed .* gets new keys$/);
  expect(said[1]?.detail).toContain("removed 1 state of ours from the kernel");
  expect(advice.join()).toContain("find the program");
  // For another site `why` only says that it happened; after an hour it says nothing.
  expect(of("site-2", 61_000).findings.filter(({ about }) => about === "kernel").length).toBe(1);
  expect(of("site-2", 61_000).advice).toEqual([]);
  expect(of("site-1", 3_600_000).findings.some(({ about }) => about === "kernel")).toBe(false);
});

test("`ip xfrm policy flush`: all are back within the same turn, traps first", () => {
  const { table } = connected();
  const before = [...table.kernel.policies.keys()].sort();
  const standing = [...table.kernel.policies.values()].find(
    ({ template }) => template?.reqid === TRAP_REQID,
  );
  table.kernel.tables.policies.clear();
  table.effects.length = 0;
  removed(table, { what: "policies" });
  const puts = table.effects.flatMap((e) =>
    e.kind === "kernel" && e.op.op === "put-policy" ? [e.op.policy] : [],
  );
  expect(puts[0]).toEqual(standing as never);
  expect([...table.kernel.policies.keys()].sort()).toEqual(before);
  expect(rekeyRequests(table)).toBe(0);
  table.advance(1_000);
  expect(told(table)[0]).toContain("removed 11 policies of ours");
});

test("one policy deleted or replaced: ours is put back, another program's is left alone", () => {
  const { table } = connected();
  const [[key, policy]] = [...table.kernel.policies].slice(-1) as [[string, never]];
  const { id } = policy as { id: Parameters<typeof formatPolicyId>[0] };
  table.kernel.tables.policies.delete(key);
  removed(table, { what: "policy", id });
  expect(table.kernel.policies.get(key)).toEqual(policy);
  const foreign = { id, priority: 7, action: "pass", template: undefined } as const;
  table.kernel.tables.policies.set(key, foreign);
  removed(table, { what: "policy", id });
  expect(table.kernel.policies.get(key)).toEqual(foreign);
  expect(table.journal.at(-1)).toMatchObject({ reason: "kernel-conflict", level: "error" });
  expect(table.concentrator.snapshot().counters.policies_taken_by_others).toBe(1);
});

test("a deleted route is put back; one that is not ours is ignored", () => {
  const { table } = connected({ plan: withRoutes(planOf()) });
  const [key, route] = [...table.kernel.routes][0] ?? ["", undefined];
  if (route === undefined) throw new Error("there is a route");
  table.kernel.tables.routes.delete(key);
  removed(table, { what: "route", destination: route.destination });
  expect(table.kernel.routes.has(key)).toBe(true);
  const { counters } = table.concentrator.snapshot();
  expect(counters.routes_removed_by_others).toBe(1);
  const other = { family: 4, value: 0n, length: 0 } as const;
  removed(table, { what: "route", destination: other });
  expect(table.concentrator.snapshot().counters.routes_removed_by_others).toBe(1);
});

test("a route that goes with its interface is tried again, and no program is blamed", () => {
  const { table } = connected({ plan: withRoutes(planOf()) });
  const [key, route] = [...table.kernel.routes][0] ?? ["", undefined];
  if (route === undefined) throw new Error("there is a route");
  table.kernel.tables.routes.delete(key);
  const removal = { what: "route", destination: route.destination } as const;
  table.feed({ kind: "removed", removal, by: 0 });
  expect(table.kernel.routes.has(key)).toBe(true);
  table.advance(1_000);
  expect(told(table)).toEqual([]);
  expect(table.concentrator.snapshot().counters.routes_removed_by_others).toBe(0);
});

test("what no message has reported is found by a comparison, and only that is read", () => {
  const { table } = connected();
  const [name] = [...table.kernel.states.keys()];
  table.kernel.tables.states.delete(name ?? "");
  const [policy] = [...table.kernel.policies.keys()].slice(-1);
  table.kernel.tables.policies.delete(policy ?? "");
  table.effects.length = 0;
  compare(table);
  const ops = table.effects.flatMap((e) => (e.kind === "kernel" ? [e.op.op] : []));
  // Both states of the Child SA that lacks one.
  expect(ops.sort()).toEqual(["put-policy", "query-policy", "query-state", "query-state"]);
  expect(table.kernel.policies.has(policy ?? "")).toBe(true);
  table.advance(1_000);
  expect(rekeyRequests(table)).toBe(1);
});

test("a comparison from before an installation finds nothing missing", () => {
  const { table } = connected();
  table.feed({ kind: "kernel-tables", states: new Set(), policies: new Set(), worn: new Set() });
  table.advance(5_000);
  expect(rekeyRequests(table)).toBe(0);
  expect(told(table)).toEqual([]);
});

test("a site that does not rekey a lost Child SA is told after a while that it is gone", () => {
  const { table, callers } = connected();
  table.kernel.tables.states.clear();
  removed(table, { what: "states" });
  table.advance(1_000);
  for (const caller of callers) caller.settle();
  table.advance(31_000);
  compare(table);
  for (let rounds = 0; rounds < 10; rounds++) {
    table.advance(1_000);
    for (const caller of callers) caller.settle();
  }
  expect(table.concentrator.snapshot().gauges.childSas).toBe(0);
  for (const { heard } of callers) {
    expect(heard.at(-1)).toMatchObject({ kind: "ended", why: "deleted by concentrator" });
  }
  expect(table.concentrator.tableSizes().repairs).toBe(0);
});

test("a program that flushes again and again does not keep us comparing all the time", () => {
  const { table } = connected();
  table.effects.length = 0;
  for (let i = 0; i < 1_000; i++) removed(table, { what: "states" });
  const queries = table.effects.filter((e) => e.kind === "kernel" && e.op.op === "query-state");
  expect(queries.length).toBeLessThanOrEqual(4 * SITES);
});

/** Sites that are up, under an eroute that blocks what has no SA. */
function connected(options: TableOptions = {}): { table: Table; callers: readonly Caller[] } {
  const table = layTable({ plan: planOf(), ...options });
  table.feed({ kind: "start" });
  const callers = Array.from({ length: SITES }, (_, at) => {
    putRow(table, at + 1);
    const caller = seat(table, settingsOf(at + 1));
    caller.connect();
    caller.settle();
    return caller;
  });
  expect(table.kernel.states.size).toBe(2 * SITES);
  table.sent.length = 0;
  table.journal.length = 0;
  return { table, callers };
}

/** The traps of both eroutes. */
const STANDING = 2;

function removed(table: Table, removal: XfrmRemoval): void {
  table.feed({ kind: "removed", removal, by: 4711 });
}

function compare(table: Table): void {
  const states = [...table.kernel.states.values()].map(({ state }) => stateName(state.id));
  const policies = [...table.kernel.policies.values()].map(({ id }) => formatPolicyId(id));
  table.feed({
    ...{
      kind: "kernel-tables",
      states: new Set(states),
      policies: new Set(policies),
      worn: new Set(),
    },
  });
}

/** CREATE_CHILD_SA requests of ours that wait for their answers. */
function rekeyRequests(table: Table): number {
  const asking = new Set(
    table.sent.flatMap(({ octets }) => {
      const header = parseHeader(octets);
      if (!header.ok || header.value.flags.response) return [];
      return header.value.exchangeType === ExchangeType.CREATE_CHILD_SA ? [header.value.spiR] : [];
    }),
  );
  return asking.size;
}

/** What `why` says about a site; all records of the journal have the time 0. */
function explained(table: Table, asked: string, nowWallMs: number): Explanation {
  const attempts = createAttempts();
  const journal = createJournal(100);
  for (const entry of table.journal) attempts.note(journal.add(entry, 0));
  return explain({
    ...{ asked, now: asInstant(table.now()), nowWallMs, isRunning: true },
    match: { kind: "eroute", eroute: "fleet", pattern: "site-*", egroup: "sites", canCall: false },
    ...{ row: { kind: "none" }, traffic: new Map(), call: undefined, similar: undefined },
    eroutes: table.concentrator.snapshot().site(asked),
    ...{ attempts: attempts.ofPeer(asked), removals: attempts.removalsOf(asked) },
    ...{ peersThere: [], strangers: [], listening: [], overlaps: [] },
    ...{ tableIsFull: false, redirectedTo: undefined },
  });
}

function told(table: Table): readonly string[] {
  return table.journal
    .filter(({ reason, peerId }) => reason === "removed-by-others" && peerId === undefined)
    .map(({ detail }) => detail);
}

function withRoutes(plan: EroutePlan): EroutePlan {
  const eroutes = plan.eroutes.map((eroute) => ({
    ...eroute,
    child: { ...eroute.child, routes: true },
  }));
  return { ...plan, eroutes };
}
