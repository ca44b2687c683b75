/** The table of requests: who gets which answer. */

import { expect, test } from "bun:test";
import type { CallId } from "../../../src/concentrator/calls/calls.ts";
import type { KernelRequestId, LookupId } from "../../../src/concentrator/event.ts";
import { Requests, UNWATCHED } from "../../../src/concentrator/requests.ts";

const call = 7 as CallId;

test("an answer is taken once", () => {
  const requests = new Requests();
  const lookup = requests.open({ kind: "call-look-up", call });
  expect(requests.take("peer-rows", lookup)).toEqual({ kind: "call-look-up", call });
  expect(requests.take("peer-rows", lookup)).toBeUndefined();
});

test("an answer of another kind with the same number is for no waiter, and removes none", () => {
  const requests = new Requests();
  const lookup = requests.open({ kind: "call-look-up", call });
  const number: number = lookup;
  expect(requests.take("kernel-answer", number as KernelRequestId)).toBeUndefined();
  expect(requests.size()).toBe(1);
  expect(requests.take("peer-rows", lookup)?.kind).toBe("call-look-up");
});

test("sizes follow the table; no number is that of requests without a waiter", () => {
  const requests = new Requests();
  const names = ["a", "b", "c"];
  const numbers = names.map((name) => requests.open({ kind: "standing", name }));
  requests.open({ kind: "row-check", key: "key", egroup: "sites" });
  expect(numbers).not.toContain(UNWATCHED);
  expect(new Set(numbers).size).toBe(3);
  expect([requests.size("standing"), requests.size("usage"), requests.size()]).toEqual([3, 0, 4]);
  for (const number of numbers) requests.take("kernel-answer", number);
  expect([requests.size("standing"), requests.size("row-check"), requests.size()]).toEqual([
    0, 1, 1,
  ]);
});

test("requests of one kind can be walked through while they are taken or replaced", () => {
  const requests = new Requests();
  requests.open({ kind: "standing", name: "not looked at" });
  const lookups = ["a", "b"].map((key) => requests.open({ kind: "row-check", key, egroup: "one" }));
  for (const [lookup, check] of requests.of("row-check")) {
    if (check.key === "a") requests.take("peer-rows", lookup);
    else requests.replace(lookup, { ...check, egroup: "two" });
  }
  const [first, second] = lookups as [LookupId, LookupId];
  expect(requests.take("peer-rows", first)).toBeUndefined();
  expect(requests.take("peer-rows", second)).toMatchObject({ key: "b", egroup: "two" });
});
