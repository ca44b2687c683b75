/** The table of requests: who gets which answer. */

import { expect, test } from "bun:test";
import { ANSWER_MS_MAX } from "../../../src/concentrator/answer-times.ts";
import type { CallId } from "../../../src/concentrator/calls/calls.ts";
import { inboundState } from "../../../src/concentrator/dataplane/xfrm-of-child.ts";
import type { KernelRequestId, LookupId } from "../../../src/concentrator/event.ts";
import { Requests, UNWATCHED, type WaiterOf } from "../../../src/concentrator/requests.ts";
import { asInstant, later } from "../../../src/octets/instant.ts";
import { childPlace, KEYS } from "./child-place.ts";

const call = 7 as CallId;
const NOW = asInstant(1_000);

test("an answer is taken once", () => {
  const requests = new Requests();
  const lookup = lookUp(requests, { kind: "call-look-up", call });
  expect(requests.take("peer-rows", lookup)).toEqual({ kind: "call-look-up", call });
  expect(requests.take("peer-rows", lookup)).toBeUndefined();
});

test("an answer of another kind with the same number is for no waiter, and removes none", () => {
  const requests = new Requests();
  const lookup = lookUp(requests, { kind: "call-look-up", call });
  const number: number = lookup;
  expect(requests.take("kernel-answer", number as KernelRequestId)).toBeUndefined();
  expect(requests.size()).toBe(1);
  expect(requests.take("peer-rows", lookup)?.kind).toBe("call-look-up");
});

test("sizes follow the table; no number is that of requests without a waiter", () => {
  const requests = new Requests();
  const names = ["a", "b", "c"];
  const numbers = names.map((name) => standing(requests, name));
  lookUp(requests, { kind: "row-check", key: "key", egroup: "sites" });
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
  standing(requests, "not looked at");
  const lookups = ["a", "b"].map((key) =>
    lookUp(requests, { kind: "row-check", key, egroup: "one" }),
  );
  for (const [lookup, check] of requests.of("row-check")) {
    if (check.key === "a") requests.take("peer-rows", lookup);
    else requests.replace(lookup, { ...check, egroup: "two" });
  }
  const [first, second] = lookups as [LookupId, LookupId];
  expect(requests.take("peer-rows", first)).toBeUndefined();
  expect(requests.take("peer-rows", second)).toMatchObject({ key: "b", egroup: "two" });
});

test("whoever gives up waits no longer; the answer is still to come, and finds nobody", () => {
  const requests = new Requests();
  const lookup = lookUp(requests, { kind: "call-look-up", call });
  expect(requests.giveUp("peer-rows", lookup)?.kind).toBe("call-look-up");
  expect(requests.giveUp("peer-rows", lookup)).toBeUndefined();
  expect([requests.size("call-look-up"), requests.size()]).toEqual([0, 1]);
  expect(requests.take("peer-rows", lookup)).toBeUndefined();
  expect([requests.size(), requests.nextLost()]).toEqual([0, undefined]);
});

test("an answer counts as lost after the time of its kind, whatever was asked before it", () => {
  const requests = new Requests();
  const lookup = lookUp(requests, { kind: "call-look-up", call });
  const policy = standing(requests, "policy");
  const lostAt = (ms: number) =>
    [...requests.lost(later(NOW, ms))].map((question) => question.kind);
  expect(requests.nextLost()).toBe(later(NOW, ANSWER_MS_MAX.kernel));
  expect(lostAt(ANSWER_MS_MAX.kernel - 1)).toEqual([]);
  expect(lostAt(ANSWER_MS_MAX.kernel)).toEqual(["kernel"]);
  expect(lostAt(ANSWER_MS_MAX["look-up"]).sort()).toEqual(["kernel", "look-up"]);
  requests.take("kernel-answer", policy);
  expect(requests.nextLost()).toBe(later(NOW, ANSWER_MS_MAX["look-up"]));
  requests.giveUp("peer-rows", lookup);
  expect(lostAt(ANSWER_MS_MAX["look-up"])).toEqual(["look-up"]);
});

function lookUp(requests: Requests, waiter: WaiterOf<"call-look-up" | "row-check">): LookupId {
  const lookup = requests.number() as LookupId;
  const by = { by: "peerid", peerid: "site-1" } as const;
  const question = { kind: "look-up", lookup, egroup: "sites", by } as const;
  requests.open(lookup, { waiter, question }, NOW);
  return lookup;
}

function standing(requests: Requests, name: string): KernelRequestId {
  const request = requests.number() as KernelRequestId;
  const op = { op: "delete-state", id: childPlaceState() } as const;
  const question = { kind: "kernel", request, op } as const;
  requests.open(request, { waiter: { kind: "standing", name }, question }, NOW);
  return request;
}

function childPlaceState() {
  return inboundState(childPlace(), KEYS).id;
}
