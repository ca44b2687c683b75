/** The process is killed at any moment, and the next one goes on from what was kept. */

import { expect, test } from "bun:test";
import { createConcentrator } from "../../src/concentrator/concentrator.ts";
import { asInstant } from "../../src/octets/instant.ts";
import { stateName } from "../../src/xfrm/request.ts";
import { rowOf } from "./database.ts";
import { tablesOf } from "./keeping.ts";
import { connectAll, expectUntouched, namesOf, reasonsOf, rememberAll } from "./neighbours.ts";
import { planOf } from "./plan.ts";
import { layTable } from "./table.ts";

test("sites stay, with their Child SAs, and the kernel keeps its states and policies", () => {
  const table = layTable({ keeps: true });
  table.feed({ kind: "start" });
  connectAll(table, 5);
  const states = [...table.kernel.states.keys()];
  const policies = [...table.kernel.policies.keys()];
  const before = rememberAll(table);
  expect(table.crash()).toBe(true);
  expect([...table.kernel.states.keys()]).toEqual(states);
  expect([...table.kernel.policies.keys()]).toEqual(policies);
  expectUntouched(table, before, 5);
});

test("sites that were taken over are written when they change, not all of them at once", () => {
  const table = layTable({ keeps: true });
  const [site] = connectAll(table, 5);
  const before = table.kept();
  expect(table.crash()).toBe(true);
  const changed = () =>
    [...table.kept()].flatMap(([name, content]) => {
      return Bun.deepEquals(content, before.get(name)) ? [] : [name];
    });
  expect(changed()).toEqual(["head"]);
  site?.ask({ kind: "rekey-ike" });
  site?.settle();
  expect(changed().filter((name) => name.startsWith("site "))).toHaveLength(1);
  // Two processes later, it still has the keys that the first one has written.
  expect(table.crash()).toBe(true);
  expect(table.crash()).toBe(true);
  expect(namesOf(table)).toHaveLength(5);
});

test("R7: the oldest site is still the first to be evicted", () => {
  const plan = planOf({ dynamicEroutesMax: 4, evictBelowFreePercent: 10, evictEveryMs: 10_000 });
  const table = layTable({ plan, keeps: true });
  connectAll(table, 4);
  connectAll(table, 1, 1);
  expect(table.crash()).toBe(true);
  table.advance(10_000);
  expect(namesOf(table)).toEqual(["fleet/site-2", "fleet/site-3", "fleet/site-4"]);
});

test("R2: the key that compares rows is kept: only a row that has changed closes its site", () => {
  const table = layTable({ keeps: true });
  connectAll(table, 3);
  const before = rememberAll(table);
  expect(table.crash()).toBe(true);
  for (const peerId of ["site-1", "site-3"]) {
    table.feed({ kind: "row-changed", egroup: "sites", peerId });
  }
  expectUntouched(table, before, 3);
  table.database.put(rowOf("site-2", "another", "192.168.2.0"));
  table.feed({ kind: "row-changed", egroup: "sites", peerId: "site-2" });
  expect(namesOf(table)).toEqual(["fleet/site-1", "fleet/site-3"]);
  expect(reasonsOf(table, "site-2")).toContain("row-changed");
});

test("a Child SA for which the kernel still owed an answer is made anew, the site stays", () => {
  let holds = false;
  const table = layTable({ keeps: true, holdsKernelAnswers: () => holds });
  const [site] = connectAll(table, 1);
  holds = true;
  site?.ask({ kind: "new-child" });
  site?.step();
  expect(table.kernelAnswers.length).toBeGreaterThan(0);
  holds = false;
  table.crash();
  site?.settle();
  table.advance(60_000);
  site?.settle();
  expect(namesOf(table)).toEqual(["fleet/site-1"]);
  const { counters } = table.concentrator.snapshot();
  expect(counters.internal_errors).toBe(0);
});

test("states that the kernel has lost meanwhile get new keys, and leftovers are removed", () => {
  const table = layTable({ keeps: true });
  connectAll(table, 2);
  const [first] = table.kernel.tables.states.keys();
  const copy = table.kernel.tables.states.get(first ?? "");
  if (first === undefined || copy === undefined) throw new Error("there is a state");
  table.kernel.tables.states.delete(first);
  table.kernel.tables.states.set("198.51.100.99 4711", {
    ...copy,
    state: { ...copy.state, id: { ...copy.state.id, spi: 4711 as never } },
  });
  table.crash();
  expect(table.kernel.states.has("198.51.100.99 4711")).toBe(false);
  expect(namesOf(table)).toEqual(["fleet/site-1", "fleet/site-2"]);
  // The site is asked for new keys, for the Child SA whose state is gone and for no other.
  table.advance(10);
  expect(table.sent.length).toBe(1);
});

test("a soft limit of volume that was passed while nothing ran: the Child SA is rekeyed", () => {
  const table = layTable({ keeps: true });
  connectAll(table, 2);
  // Our outbound state of one, for which the kernel's only report has come to nobody.
  const [, outbound] = [...table.kernel.states.values()].filter(({ state }) => {
    return state.direction === "out";
  });
  if (outbound === undefined) throw new Error("there is a state");
  table.kernel.worn.add(stateName(outbound.state.id));
  table.crash();
  // Only that site is asked for new keys, and only once, however often the tables are compared.
  for (let times = 0; times < 3; times++) {
    table.advance(300);
    expect(table.sent.map(({ path }) => path.remote.address)).toEqual([outbound.state.id.dst]);
    table.feed(tablesOf(table.kernel));
  }
  expect(table.concentrator.snapshot().counters.states_removed_by_others).toBe(0);
});

test("killed between two documents of one event: an IKE SA that is in both is there once", () => {
  const table = layTable({ keeps: true });
  const [site] = connectAll(table, 1);
  site?.ask({ kind: "rekey-ike" });
  const left = ([name]: readonly [string, unknown]) => name.startsWith("ike ");
  let before = table.kept();
  let gone = [...before].filter(left);
  for (let step = 0; step < 10 && gone.length === 0; step++) {
    before = table.kept();
    site?.step();
    site?.hear();
    gone = [...table.kept()].filter(left);
  }
  expect(gone).toHaveLength(1);
  const anchor = { now: asInstant(table.now()), wallMs: 1_800_000_000_000 + table.now() };
  const options = {
    plan: planOf(),
    now: anchor.now,
    random: (count: number) => table.prng.octets(count),
    keeps: true,
  };
  const next = createConcentrator(options);
  const successor = next.takeOver({ anchor, generation: 1 });
  const read = [...before, ...gone].map(([name, content]) => {
    const result = successor.readKept(content);
    return [name, result.ok ? result.value : result.error.kind];
  });
  const names = [...before.keys()];
  expect(read).toEqual([...names.map((name) => [name, name]), [gone[0]?.[0], undefined]]);
  successor.finish();
  const { gauges, erouteCount } = next.snapshot();
  expect([erouteCount, gauges.ikeSas]).toEqual([1, 2]);
});
