/** The order of effects is part of the engine's contract: on installation, and back on removal. */

import { expect, test } from "bun:test";
import type { Effect } from "../../src/concentrator/effect.ts";
import { putRow, seat, settingsOf } from "./caller.ts";
import { layTable, type Table } from "./table.ts";

test("a first Child SA: inbound state, outbound state, policies, and only then IKE_AUTH", () => {
  const { steps } = connected();
  expect(steps.slice(-6)).toEqual([
    "new-state in",
    "new-state out",
    "put-policy in",
    "put-policy fwd",
    "put-policy out",
    "send",
  ]);
});

test("the response is sent once the kernel has confirmed the last request", () => {
  const table = layTable({
    kernelFaults: (request) => (request.op === "put-policy" ? 22 : undefined),
  });
  putRow(table, 1);
  const caller = seat(table, settingsOf(1));
  caller.connect();
  caller.settle();
  // The site gets no refusal: its next repeat tries the kernel again (R6).
  expect([caller.heard, table.sent]).toEqual([[], []]);
  expect(table.kernel.states.size).toBe(0);
  expect(table.kernel.policies.size).toBe(0);
});

test("a rekeyed Child SA: inbound state, response; outbound when the old one is deleted", () => {
  const { table, caller } = connected({ deletesReplaced: false });
  const old = caller.session().children[0]?.spiIn ?? 0;
  caller.ask({ kind: "rekey-child", spiIn: old });
  caller.settle();
  expect(stepsOf(table)).toEqual(["new-state in", "send"]);
  caller.ask({ kind: "delete-child", spiIn: old });
  caller.settle();
  expect(stepsOf(table)).toEqual(["new-state out", "delete-state out", "send"]);
  table.advance(4_900);
  expect(stepsOf(table)).toEqual([]);
  // Packets that were sent before the rekey are accepted for a while.
  table.advance(200);
  expect(stepsOf(table)).toEqual(["delete-state in"]);
});

test("a deleted IKE SA: policies, outbound state, inbound state, response", () => {
  const { table, caller } = connected();
  caller.ask({ kind: "delete-ike" });
  caller.settle();
  expect(stepsOf(table)).toEqual([
    "delete-policy out",
    "delete-policy fwd",
    "delete-policy in",
    "delete-state out",
    "delete-state in",
    "send",
  ]);
});

test("of several Child SAs the one that sends is removed last", () => {
  const { table, caller } = connected({ deletesReplaced: false });
  caller.ask({ kind: "rekey-child", spiIn: caller.session().children[0]?.spiIn ?? 0 });
  caller.settle();
  stepsOf(table);
  caller.ask({ kind: "delete-ike" });
  caller.settle();
  expect(stepsOf(table)).toEqual([
    "delete-state in",
    "delete-policy out",
    "delete-policy fwd",
    "delete-policy in",
    "delete-state out",
    "delete-state in",
    "send",
  ]);
});

test("a repeated request gets the stored answer: the same octets, and nothing else happens", () => {
  const { table, caller } = connected();
  caller.ask({ kind: "new-child" });
  const request = caller.step() ?? new Uint8Array(0);
  const [first] = table.sent.splice(0);
  stepsOf(table);
  const { path } = caller.site;
  table.deliver(request, { local: path.remote, remote: path.local });
  const [second] = table.sent.splice(0);
  expect(second?.octets).toEqual(first?.octets ?? new Uint8Array(0));
  expect(stepsOf(table)).toEqual(["send"]);
  expect(table.concentrator.snapshot().gauges.childSas).toBe(2);
  expect(table.concentrator.snapshot().counters.messages_repeated).toBe(1);
});

test("a repeated IKE_SA_INIT gets the same octets, and makes no second IKE SA", () => {
  const table = layTable();
  const caller = seat(table, settingsOf(1));
  caller.connect();
  const request = caller.step() ?? new Uint8Array(0);
  const { path } = caller.site;
  table.deliver(request, { local: path.remote, remote: path.local });
  const [first, second] = table.sent;
  expect(second?.octets).toEqual(first?.octets ?? new Uint8Array(0));
  expect(table.concentrator.snapshot().gauges.halfOpenIkeSas).toBe(1);
});

test("a request that is under way is not started again", () => {
  const table = layTable({ answersLookUps: false });
  const caller = seat(table, settingsOf(1));
  caller.connect();
  caller.settle();
  const { path } = caller.site;
  caller.tick();
  expect(table.lookUps.length).toBe(1);
  table.advance(1_000);
  caller.tick();
  const [again] = caller.outbox;
  table.deliver(again?.octets ?? new Uint8Array(0), { local: path.remote, remote: path.local });
  expect(table.lookUps.length).toBe(1);
  expect(table.sent).toEqual([]);
});

function connected(changes: Parameters<typeof settingsOf>[1] = {}) {
  const table = layTable();
  putRow(table, 1);
  const caller = seat(table, settingsOf(1, changes));
  caller.connect();
  caller.settle();
  return { table, caller, steps: stepsOf(table) };
}

/** Kernel requests and messages since the last time, in order. */
function stepsOf(table: Table): readonly string[] {
  return table.effects.splice(0).flatMap((effect) => stepOf(effect));
}

function stepOf(effect: Effect): string[] {
  if (effect.kind === "send") return ["send"];
  if (effect.kind !== "kernel") return [];
  const { op } = effect;
  switch (op.op) {
    case "new-state":
      return [`new-state ${op.state.direction}`];
    case "delete-state":
      return [`delete-state ${op.id.src.value === CONCENTRATOR_VALUE ? "out" : "in"}`];
    case "query-state":
    case "query-policy":
    case "move-state":
    case "put-route":
    case "delete-route":
      return [op.op];
    case "put-policy":
      return [`put-policy ${op.policy.id.direction}`];
    case "delete-policy":
      return [`delete-policy ${op.id.direction}`];
  }
}

/** 198.51.100.1. */
const CONCENTRATOR_VALUE = 0xc633_6401n;
