/** Lost kernel events: the engine is told what the kernel has, and lets go of the rest. */

import { expect, test } from "bun:test";
import { stateName } from "../../src/concentrator/event.ts";
import { asInstant } from "../../src/octets/instant.ts";
import { putRow, seat, settingsOf } from "./caller.ts";
import { layTable, type Table } from "./table.ts";

test("a Child SA whose states are gone is closed and its site told; the others stay", () => {
  const table = connected(2);
  const gone = [...table.kernel.states.values()].find((model) => model.state.direction === "in");
  if (gone === undefined) throw new Error("an inbound state");
  // The event of this expiry is the one that was lost.
  table.kernel.expire(gone);
  const present = presentOf(table);
  table.feed({ kind: "kernel-states", present, since: asInstant(table.now() + 1) });
  expect(table.sent.length).toBe(1);
  expect(table.concentrator.snapshot().gauges).toMatchObject({ childSas: 1, ikeSas: 2 });
  expect(table.kernel.states.size).toBe(2);
  expect(table.kernel.policies.size).toBe(3);
});

test("a Child SA that was installed after the reading began is left alone", () => {
  const table = connected(1);
  table.feed({ kind: "kernel-states", present: new Set(), since: asInstant(table.now() - 1) });
  expect(table.concentrator.snapshot().gauges.childSas).toBe(1);
  expect(table.sent).toEqual([]);
});

function connected(sites: number): Table {
  const table = layTable();
  for (let number = 1; number <= sites; number++) {
    putRow(table, number);
    const caller = seat(table, settingsOf(number));
    caller.connect();
    caller.settle();
  }
  table.sent.splice(0);
  return table;
}

function presentOf(table: Table): ReadonlySet<string> {
  return new Set([...table.kernel.states.values()].map((model) => stateName(model.state.id)));
}
