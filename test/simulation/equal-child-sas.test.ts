/** Child SAs with equal selectors: harmless, and we must not delete them (RFC 7296 §2.8). */

import { expect, test } from "bun:test";
import { type Caller, putRow, seat, settingsOf } from "./caller.ts";
import { connectedEnds, established } from "./ends.ts";
import { siteChildren } from "./site-child.ts";
import type { SiteSettings } from "./site-state.ts";
import { layTable, type Table } from "./table.ts";

/** So many sites, and so many pairs of SPIs: in half of them the new one is the lowest. */
const SITES = Array.from({ length: 8 }, (_, i) => i + 1);

test("make before break without REKEY_SA: the new one stays when the old one is deleted", () => {
  for (const number of SITES) {
    const { table, caller } = connected(number);
    for (let round = 0; round < 4; round++) {
      const old = spisOf(caller)[0] ?? 0;
      caller.ask({ kind: "new-child" });
      caller.settle();
      caller.ask({ kind: "delete-child", spiIn: old });
      caller.settle();
      const fresh = spisOf(caller);
      later(table, caller, 60_000);
      expect({ number, round, spis: spisOf(caller) }).toEqual({ number, round, spis: fresh });
      expect(table.kernel.states.size).toBe(2);
    }
  }
});

test("parallel Child SAs with the same selectors all stay, and each can be rekeyed", () => {
  for (const number of SITES) {
    const { table, caller } = connected(number);
    for (let i = 0; i < 3; i++) caller.ask({ kind: "new-child" });
    caller.settle();
    const before = spisOf(caller);
    later(table, caller, 300_000);
    expect({ number, spis: spisOf(caller) }).toEqual({ number, spis: before });
    for (const spiIn of before) caller.ask({ kind: "rekey-child", spiIn });
    caller.settle();
    later(table, caller, 60_000);
    const after = spisOf(caller);
    expect(after.length).toBe(4);
    expect(after.filter((spi) => before.includes(spi))).toEqual([]);
    expect(table.kernel.states.size).toBe(8);
  }
});

test("both ends ask for the same new one at once: its creator deletes one of the two", () => {
  const ends = connectedEnds();
  for (const end of [ends.a, ends.b]) {
    const spiIn = established(end).children[0]?.spiIn ?? 0;
    ends.feed(end, { kind: "close-child", spiIn });
  }
  ends.run();
  for (const end of [ends.a, ends.b]) {
    const { local, remote } = established(end).policy;
    ends.feed(end, { kind: "new-child", local, remote });
  }
  ends.run();
  ends.advance(60_000);
  const [a, b] = [established(ends.a).children, established(ends.b).children];
  expect([a.length, b.length]).toEqual([1, 1]);
  expect(a[0]?.spiIn).toBe(b[0]?.spiOut);
  // No other one has been made for it.
  expect([ends.a.installed.length, ends.b.installed.length]).toEqual([3, 3]);
});

test("one due for removal is checked again then: its replacement has gone, so it stays", () => {
  const { table, caller } = connected(1, { deletesReplaced: false });
  const old = spisOf(caller)[0] ?? 0;
  caller.ask({ kind: "rekey-child", spiIn: old });
  caller.settle();
  const heir = spisOf(caller).find((spi) => spi !== old);
  for (const model of [...table.kernel.states.values()]) {
    if (model.state.direction !== "out" || model.state.id.spi !== heir) continue;
    const expire = table.kernel.expire(model);
    if (expire !== undefined) table.feed({ kind: "expire", expire });
  }
  // Ours of the replacement; the site does not know yet that it is gone.
  const inbound = [...table.kernel.states.values()].filter(
    ({ state }) => state.direction === "in" && state.id.spi !== inboundOf(caller, old),
  );
  for (const model of inbound) {
    const expire = table.kernel.expire(model);
    if (expire !== undefined) table.feed({ kind: "expire", expire });
  }
  caller.settle();
  table.advance(31_000);
  expect(table.concentrator.tableSizes().childSas).toBeGreaterThan(0);
});

test("an IKE SA due for removal stays if the newer one has gone first", () => {
  const { table, caller } = connected(1);
  const second = seat(table, settingsOf(1));
  second.connect();
  second.settle();
  second.ask({ kind: "delete-ike" });
  second.settle();
  table.advance(60_000);
  expect(table.concentrator.tableSizes()).toMatchObject({ childSas: 1, eroutes: 1 });
  caller.ask({ kind: "liveness" });
  caller.settle();
  expect(caller.heard.at(-1)?.kind).toBe("answer");
});

function connected(
  number: number,
  changes: Partial<SiteSettings> = {},
): { readonly table: Table; readonly caller: Caller } {
  const table = layTable();
  putRow(table, number);
  const caller = seat(table, settingsOf(number, changes));
  caller.connect();
  caller.settle();
  return { table, caller };
}

/** The clock advances, and the site answers requests. */
function later(table: Table, caller: Caller, ms: number): void {
  for (let left = ms; left > 0; left -= 1_000) {
    table.advance(1_000);
    caller.settle();
  }
}

function spisOf(caller: Caller): readonly number[] {
  return siteChildren(caller.site).map(({ spiIn }) => spiIn);
}

function inboundOf(caller: Caller, spiIn: number): number | undefined {
  return siteChildren(caller.site).find((child) => child.spiIn === spiIn)?.spiOut;
}
