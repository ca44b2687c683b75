/** Local addresses that disappear and return while sites use them. */

import { expect, test } from "bun:test";
import { asInstant } from "../../src/octets/instant.ts";
import { type Caller, putRow, seat, settingsOf } from "./caller.ts";
import { CONCENTRATOR, endpointOf, planOf } from "./plan.ts";
import { layTable, type Table } from "./table.ts";
import { toyKeyExchange } from "./toy-key-exchange.ts";

const GONE_MS = 10_000;

test("an address that returns in time costs no SA", () => {
  const { table, caller } = connected();
  for (let round = 0; round < 5; round++) {
    tell(table, []);
    table.advance(GONE_MS - 1);
    tell(table, [CONCENTRATOR]);
    table.advance(2 * GONE_MS);
  }
  caller.ask({ kind: "liveness" });
  caller.settle();
  expect(caller.heard.at(-1)?.kind).toBe("answer");
  expect(table.kernel.states.size).toBe(2);
});

test("SAs on an address that does not return are closed, and no others", () => {
  const { table } = connected();
  tell(table, ["192.0.2.250"]);
  table.advance(GONE_MS);
  table.advance(1_000);
  expect(table.concentrator.snapshot().erouteCount).toBe(0);
  expect(table.journal.map(({ reason }) => reason)).toContain("address-gone");
  const other = connected();
  tell(other.table, [CONCENTRATOR]);
  other.table.advance(2 * GONE_MS);
  expect(other.table.concentrator.snapshot().erouteCount).toBe(1);
});

test("of many sites on it, a portion is closed at a time; once it returns, no more are", () => {
  const table = layTable({
    plan: planOf({ dynamicEroutesMax: 1_000 }),
    keyExchange: toyKeyExchange,
  });
  tell(table, [CONCENTRATOR, "192.0.2.250"]);
  const sites = 250;
  for (let number = 1; number <= sites; number++) {
    putRow(table, number);
    const caller = seat(table, settingsOf(number), toyKeyExchange);
    caller.connect();
    caller.settle();
  }
  tell(table, ["192.0.2.250"]);
  table.advance(GONE_MS - 1);
  const left = () => table.concentrator.snapshot().erouteCount;
  expect(left()).toBe(sites);
  tell(table, ["192.0.2.250"]);
  expect(table.concentrator.nextDeadline()).toBe(asInstant(table.now() + 1));
  table.advance(1);
  tell(table, [CONCENTRATOR, "192.0.2.250"]);
  table.advance(5_000);
  expect(left()).toBeGreaterThan(0);
  expect(left()).toBeLessThan(sites);
  tell(table, ["192.0.2.250"]);
  table.advance(GONE_MS + 5_000);
  expect(left()).toBe(0);
});

function connected(): { table: Table; caller: Caller } {
  const table = layTable({ plan: planOf() });
  tell(table, [CONCENTRATOR, "192.0.2.250"]);
  putRow(table, 1);
  const caller = seat(table, settingsOf(1));
  caller.connect();
  caller.settle();
  return { table, caller };
}

function tell(table: Table, addresses: readonly string[]): void {
  const local = addresses.map((text) => endpointOf(text, 0).address);
  table.feed({ kind: "addresses", local });
}
