/**
 * Routes of an eroute with `routes`: they exist while a Child SA is up, and change in a safe order.
 */

import { expect, test } from "bun:test";
import type { Effect } from "../../src/concentrator/effect.ts";
import type { EroutePlan } from "../../src/eroute/eroute.ts";
import { formatAddress } from "../../src/inet/address.ts";
import { formatPrefix } from "../../src/inet/prefix.ts";
import { putRow, seat, settingsOf } from "./caller.ts";
import { planOf } from "./plan.ts";
import { layTable, type Table, type TableOptions } from "./table.ts";

test("the route comes after the policies, and goes before them", () => {
  const { table, caller } = connected();
  expect(stepsOf(table).slice(-4)).toEqual(["put-policy", "put-policy", "put-policy", "put-route"]);
  caller.ask({ kind: "delete-ike" });
  caller.settle();
  expect(stepsOf(table).slice(0, 2)).toEqual(["delete-route", "delete-policy"]);
  expect(table.kernel.routes.size).toBe(0);
});

test("the route to the site's subnet follows the route to the site, with our subnets", () => {
  const { table } = connected();
  const [policy] = [...table.kernel.policies.values()].filter(({ id }) => id.direction === "out");
  const [route] = [...table.kernel.routes.values()];
  if (policy?.template === undefined || route === undefined) throw new Error("both are there");
  expect(formatPrefix(route.destination)).toBe(formatPrefix(policy.id.selector.dst));
  expect(formatAddress(route.towards)).toBe(formatAddress(policy.template.dst));
  expect(route.localSubnets.map(formatPrefix)).toEqual([formatPrefix(policy.id.selector.src)]);
});

test("a rekey leaves the route alone", () => {
  const { table, caller } = connected();
  stepsOf(table);
  caller.ask({ kind: "rekey-child", spiIn: caller.session().children[0]?.spiIn ?? 0 });
  caller.settle();
  expect(stepsOf(table).filter((step) => step.endsWith("route"))).toEqual([]);
  expect(table.kernel.routes.size).toBe(1);
});

test("if the kernel refuses the route, nothing is left of the Child SA", () => {
  const { table, caller } = connected({
    kernelFaults: (request) => (request.op === "put-route" ? 101 : undefined),
  });
  expect(caller.heard).toEqual([]);
  const left = [table.kernel.states, table.kernel.policies, table.kernel.routes];
  expect(left.map((each) => each.size)).toEqual([0, 0, 0]);
  const detail = table.journal.find(({ reason }) => reason === "kernel-refused")?.detail;
  expect(detail).toStartWith("RTM_NEWROUTE route 192.168.1.0/24: ENETUNREACH");
});

test("without the option there are no routes", () => {
  const { table } = connected({ plan: planOf() });
  expect(table.kernel.policies.size).toBe(3);
  expect(table.kernel.routes.size).toBe(0);
});

function connected(options: TableOptions = {}) {
  const table = layTable({ plan: withRoutes(planOf()), ...options });
  putRow(table, 1);
  const caller = seat(table, settingsOf(1));
  caller.connect();
  caller.settle();
  return { table, caller };
}

function withRoutes(plan: EroutePlan): EroutePlan {
  const eroutes = plan.eroutes.map((eroute) => ({
    ...eroute,
    child: { ...eroute.child, routes: true },
  }));
  return { ...plan, eroutes };
}

/** Kernel requests since the last time, in order. */
function stepsOf(table: Table): string[] {
  return table.effects.splice(0).flatMap((effect: Effect) => {
    return effect.kind === "kernel" ? [effect.op.op] : [];
  });
}
