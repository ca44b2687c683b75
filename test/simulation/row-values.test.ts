/**
 * Values of a row that replace those of its base eroute: in the kernel, and after a new
 * configuration.
 */

import { expect, test } from "bun:test";
import type { ChildOptions } from "../../src/eroute/eroute.ts";
import { seat, settingsOf } from "./caller.ts";
import { rowOf } from "./database.ts";
import { connectAll, namesOf } from "./neighbours.ts";
import { BASE_EROUTE, NORMAL_EROUTE, planOf } from "./plan.ts";
import { layTable, type Table } from "./table.ts";

const OWN = { ...rowOf("site-9", "secret 9", "192.168.9.0"), lifetime: "10m", if_id: "42" };

test("interface and lifetime of the row apply to its own states, and to no others", () => {
  const table = connected();
  expect(interfacesOf(table)).toEqual([undefined, 42]);
  for (const { state } of table.kernel.states.values()) {
    const { hardSeconds } = state.lifetime;
    if (state.ifId === 42) expect(hardSeconds).toBeLessThanOrEqual(660);
    else expect(hardSeconds).toBeGreaterThan(660);
  }
});

test("another interface in the configuration does not affect a site whose row names one", () => {
  const table = connected();
  configure(table, { ifId: 7 });
  table.advance(1_000);
  expect(namesOf(table)).toEqual(["fleet/site-9"]);
  expect(interfacesOf(table)).toEqual([42]);
  table.database.put({ ...OWN, if_id: "0" });
  table.feed({ kind: "row-changed", egroup: "sites", peerId: "site-9" });
  table.advance(1_000);
  expect(namesOf(table)).toEqual([]);
  connect(table);
  expect(interfacesOf(table)).toEqual([undefined]);
});

test("another lifetime in the configuration leaves that of the row as it is", () => {
  const table = layTable();
  table.database.put(OWN);
  const caller = connect(table);
  configure(table, { lifetimeSeconds: 86_400 });
  const before = new Set(table.kernel.states.keys());
  const [child] = caller.session().children;
  if (child === undefined) throw new Error("the site has a Child SA");
  caller.ask({ kind: "rekey-child", spiIn: child.spiIn });
  caller.settle();
  const fresh = [...table.kernel.states].filter(([key]) => !before.has(key));
  expect(fresh.length).toBeGreaterThan(0);
  for (const [, { state }] of fresh) expect(state.lifetime.hardSeconds).toBeLessThanOrEqual(660);
});

/** Site 1 with an ordinary row, site 9 with a row that has its own values. */
function connected(): Table {
  const table = layTable();
  connectAll(table, 1);
  table.database.put(OWN);
  connect(table);
  return table;
}

function connect(table: Table) {
  const caller = seat(table, settingsOf(9));
  caller.connect();
  caller.settle();
  return caller;
}

function configure(table: Table, changes: Partial<ChildOptions>): void {
  const child = { ...BASE_EROUTE.child, ...changes };
  const plan = planOf({}, { eroutes: [{ ...BASE_EROUTE, child }, NORMAL_EROUTE] });
  table.feed({ kind: "configuration", plan });
}

function interfacesOf(table: Table): readonly (number | undefined)[] {
  return [...new Set([...table.kernel.states.values()].map(({ state }) => state.ifId))];
}
