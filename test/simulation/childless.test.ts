/** IKE SAs without a Child SA: announced, accepted, and deleted in the end (RFC 6023; R5). */

import { expect, test } from "bun:test";
import { notifyOf } from "../../src/ike/v2/find-payload.ts";
import { parseHeader } from "../../src/wire/header.ts";
import { NotifyType } from "../../src/wire/v2/notify-type.ts";
import { parsePayloads } from "../../src/wire/v2/payload-chain.ts";
import { type Caller, putRow, seat, settingsOf } from "./caller.ts";
import type { SiteSettings } from "./site-state.ts";
import { layTable, type Table } from "./table.ts";

/** How long an IKE SA may have no Child SA. */
const CHILDLESS_MS = 300_000;

test("RFC 6023 §3: the IKE_SA_INIT response says that IKE_AUTH needs no Child SA", () => {
  const table = layTable();
  const caller = seat(table, settingsOf(1));
  caller.connect();
  caller.step();
  const response = table.sent[0]?.octets ?? new Uint8Array(0);
  const header = parseHeader(response);
  if (!header.ok) throw new Error("the response is a message");
  const parsed = parsePayloads(header.value.nextPayload, response.subarray(28), "test");
  if (!parsed.ok) throw new Error("the response is a valid one");
  const told = notifyOf(parsed.value.payloads, NotifyType.CHILDLESS_IKEV2_SUPPORTED);
  expect(told).toMatchObject({ protocol: 0, data: new Uint8Array(0) });
});

test("RFC 6023: IKE_AUTH without a Child SA makes the dynamic eroute; a Child SA follows", () => {
  const { table, caller } = connected({ childless: true });
  expect(gaugesOf(table)).toMatchObject({ ikeSas: 1, childSas: 0, dynamicEroutes: 1 });
  expect(table.kernel.states.size).toBe(0);
  table.advance(CHILDLESS_MS - 1);
  caller.ask({ kind: "new-child" });
  caller.settle();
  table.advance(CHILDLESS_MS);
  expect(gaugesOf(table)).toMatchObject({ ikeSas: 1, childSas: 1, dynamicEroutes: 1 });
});

test("R5: an IKE SA that never gets a Child SA is deleted, and its dynamic eroute with it", () => {
  const { table, caller } = connected({ childless: true });
  table.advance(CHILDLESS_MS - 1);
  expect(gaugesOf(table).ikeSas).toBe(1);
  table.advance(1);
  caller.settle();
  expect(gaugesOf(table)).toMatchObject({ ikeSas: 0, dynamicEroutes: 0 });
  expect(caller.heard.at(-1)).toMatchObject({ kind: "ended" });
  expect(table.journal.map(({ reason }) => reason)).toContain("childless");
  expect(table.concentrator.tableSizes()).toEqual(layTable().concentrator.tableSizes());
});

test("R5: so is one whose Child SA was refused or deleted; a rekey gives it no more time", () => {
  const refused = connected({ tsI: [] });
  refused.table.advance(CHILDLESS_MS);
  refused.caller.settle();
  expect(gaugesOf(refused.table)).toMatchObject({ ikeSas: 0, dynamicEroutes: 0 });

  const { table, caller } = connected();
  table.advance(CHILDLESS_MS);
  const [child] = caller.session().children;
  caller.ask({ kind: "delete-child", spiIn: child?.spiIn ?? 0 });
  caller.settle();
  table.advance(CHILDLESS_MS / 2);
  caller.ask({ kind: "rekey-ike" });
  caller.settle();
  expect(gaugesOf(table)).toMatchObject({ ikeSas: 1, childSas: 0 });
  table.advance(CHILDLESS_MS / 2);
  caller.settle();
  expect(gaugesOf(table)).toMatchObject({ ikeSas: 0, dynamicEroutes: 0 });
});

function connected(changes: Partial<SiteSettings> = {}): {
  readonly table: Table;
  readonly caller: Caller;
} {
  const table = layTable();
  putRow(table, 1);
  const caller = seat(table, settingsOf(1, changes));
  caller.connect();
  caller.settle();
  return { table, caller };
}

function gaugesOf(table: Table) {
  return table.concentrator.snapshot().gauges;
}
