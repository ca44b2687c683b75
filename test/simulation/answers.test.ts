/** Answers of the shell: each goes to the one that asked for it, and to no other. */

import { expect, test } from "bun:test";
import type {
  KernelRequestId,
  KeyExchangeId,
  LookupId,
  ResolveId,
  SignatureId,
} from "../../src/concentrator/event.ts";
import { UNWATCHED } from "../../src/concentrator/requests.ts";
import { err, ok } from "../../src/octets/result.ts";
import { putRow, seat, settingsOf } from "./caller.ts";
import { layTable, type Table } from "./table.ts";

test("an answer of another kind with the number of a look-up is dropped and counted", () => {
  const table = layTable({ answersLookUps: false });
  putRow(table, 1);
  const caller = seat(table, settingsOf(1));
  caller.connect();
  caller.settle();
  const number: number = lookupOf(table);
  const lost = { kind: "signature-failed", detail: "not asked for" } as const;
  table.feed({ kind: "kernel-answer", request: number as KernelRequestId, result: ok(undefined) });
  table.feed({ kind: "resolved", resolve: number as ResolveId, result: ok([]) });
  table.feed({ kind: "signature-answer", request: number as SignatureId, result: err(lost) });
  table.feed({
    kind: "key-exchange-answer",
    request: number as KeyExchangeId,
    result: { ok: false, error: { kind: "internal", detail: "not asked for" } },
  });
  expect(table.concentrator.snapshot().counters.late_answers).toBe(4);
  expect(table.concentrator.tableSizes()).toMatchObject({ ikeSas: 1, lookups: 1 });
  table.lookUps[0]?.answer(table.database.find({ by: "peerid", peerid: "site-1" }));
  caller.settle();
  expect(table.concentrator.snapshot().gauges.dynamicEroutes).toBe(1);
  expect(table.concentrator.tableSizes()).toMatchObject({ requests: 0, lookups: 0 });
});

test("the answer to a removal is awaited by none; one to an unknown number is counted", () => {
  const table = layTable();
  const result = ok(undefined);
  table.feed({ kind: "kernel-answer", request: UNWATCHED, result });
  expect(table.concentrator.snapshot().counters.late_answers).toBe(0);
  table.feed({ kind: "kernel-answer", request: 4_711 as KernelRequestId, result });
  expect(table.concentrator.snapshot().counters.late_answers).toBe(1);
});

function lookupOf(table: Table): LookupId {
  const asked = table.effects.find((effect) => effect.kind === "look-up");
  if (asked?.kind !== "look-up") throw new Error("no look-up was asked for");
  return asked.lookup;
}
