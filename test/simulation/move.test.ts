/**
 * The NAT of a site rebinds: states, policies and routes of its Child SAs follow, or the site is
 * closed.
 */

import { expect, test } from "bun:test";
import type { EroutePlan } from "../../src/eroute/eroute.ts";
import { formatAddress } from "../../src/inet/address.ts";
import { settleThrough } from "./behind-nat.ts";
import { type Caller, putRow, seat, settingsOf } from "./caller.ts";
import { endpointOf, planOf } from "./plan.ts";
import { layTable, type Table, type TableOptions } from "./table.ts";

const BEFORE = "203.0.113.5";
const AFTER = "203.0.113.77";

test("states move inbound first, then policies and routes follow, in one turn", () => {
  const { table } = connected();
  rebind(table);
  const steps = table.effects.flatMap((effect) => (effect.kind === "kernel" ? [effect.op.op] : []));
  expect(steps.join(" ")).toBe("move-state move-state put-policy put-policy put-policy put-route");
  const places = [...table.kernel.states.values()].map(({ state }) => {
    const { src, dst } = state.id;
    const { srcPort, dstPort } = state.encapsulation ?? { srcPort: 0, dstPort: 0 };
    return `${formatAddress(src)}:${srcPort} > ${formatAddress(dst)}:${dstPort}`;
  });
  expect(places).toEqual([
    `${AFTER}:61000 > 198.51.100.1:4500`,
    `198.51.100.1:4500 > ${AFTER}:61000`,
  ]);
  for (const { template, id } of table.kernel.policies.values()) {
    const far = id.direction === "out" ? template?.dst : template?.src;
    expect(far === undefined ? "" : formatAddress(far)).toBe(AFTER);
  }
  expect([...table.kernel.routes.values()].map((route) => formatAddress(route.towards))).toEqual([
    AFTER,
  ]);
});

test("a mapping that is reported twice moves nothing twice", () => {
  const { table } = connected();
  rebind(table);
  rebind(table);
  expect(table.effects.filter((effect) => effect.kind === "kernel")).toEqual([]);
});

test("packets from two ports in turn move the states once a second, to the latest port", () => {
  const { table } = connected();
  for (let count = 0; count < 3_000; count++) {
    comeFrom(table, count % 2 === 0 ? 61_000 : 62_000);
    table.advance(1);
  }
  const moves = table.effects.filter(
    (effect) => effect.kind === "kernel" && effect.op.op === "move-state",
  );
  expect(moves.length).toBeGreaterThanOrEqual(2);
  expect(moves.length).toBeLessThanOrEqual(8);
  expect(table.concentrator.snapshot().counters.moves_delayed).toBeGreaterThan(1_000);
  rebind(table, 63_000);
  table.advance(1_000);
  const ports = [...table.kernel.states.values()].map(({ state }) => state.encapsulation?.srcPort);
  expect(ports).toEqual([63_000, 4_500]);
  expect(table.journal.filter(({ reason }) => reason === "moves-delayed").length).toBeLessThan(5);
});

test("a site that moves again after a while is followed at once", () => {
  const { table } = connected();
  rebind(table);
  table.advance(1_000);
  rebind(table, 62_000);
  const ports = [...table.kernel.states.values()].map(({ state }) => state.encapsulation?.srcPort);
  expect(ports).toEqual([62_000, 4_500]);
});

test("an IKE SA that ends before its move is made leaves nothing behind", () => {
  const { table, caller } = connected();
  rebind(table);
  rebind(table, 62_000);
  caller.ask({ kind: "delete-ike" });
  caller.settle();
  table.advance(2_000);
  expect(table.kernel.states.size).toBe(0);
  expect(table.kernel.policies.size).toBe(0);
});

test.each([
  ["the kernel has another state there", 17],
  ["the state has expired meanwhile", 3],
])("where a move is refused, because %s, nothing is left of the Child SA", (_, errno) => {
  const { table, caller } = connected({
    kernelFaults: (request) => (request.op === "move-state" ? errno : undefined),
  });
  rebind(table);
  settleThrough(table, caller, AFTER);
  const { states, policies, routes } = table.kernel;
  if (errno === 17) expect(states.size).toBe(0);
  expect([policies.size, routes.size]).toEqual([0, 0]);
  expect(caller.session().children).toEqual([]); // it has been told
  expect(table.journal.some(({ reason }) => reason.startsWith("kernel-"))).toBe(true);
});

test("after a move the Child SA can be closed, and leaves nothing behind", () => {
  const { table, caller } = connected();
  rebind(table);
  caller.ask({ kind: "delete-ike" });
  settleThrough(table, caller, AFTER);
  const { states, policies, routes } = table.kernel;
  expect([states.size, policies.size, routes.size]).toEqual([0, 0, 0]);
});

/** The kernel has seen authentic packets from elsewhere (XFRM_MSG_MAPPING). */
function rebind(table: Table, port = 61_000): void {
  table.effects.length = 0;
  comeFrom(table, port);
}

/** A packet of the site comes through this port of the NAT. */
function comeFrom(table: Table, port: number): void {
  const inbound = [...table.kernel.history.values()].find(({ state }) => state.direction === "in");
  if (inbound === undefined) throw new Error("there is an inbound state");
  const { id, reqid } = inbound.state;
  table.feed({ kind: "mapping", mapping: { id, reqid, from: endpointOf(AFTER, port) } });
}

/** Site 1 behind a NAT, with a Child SA, its eroute with routes. */
function connected(options: TableOptions = {}): { table: Table; caller: Caller } {
  const table = layTable({ plan: withRoutes(planOf()), ...options });
  putRow(table, 1);
  const caller = seat(table, settingsOf(1));
  caller.connect();
  settleThrough(table, caller, BEFORE);
  expect(table.kernel.states.size).toBe(2);
  return { table, caller };
}

function withRoutes(plan: EroutePlan): EroutePlan {
  const eroutes = plan.eroutes.map((eroute) => ({
    ...eroute,
    child: { ...eroute.child, routes: true },
  }));
  return { ...plan, eroutes };
}
