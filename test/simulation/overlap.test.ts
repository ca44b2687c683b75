/**
 * Two sites with one subnet (R10): which of them connects, what each is told, and where packets go.
 */

import { expect, test } from "bun:test";
import type { ErouteLife } from "../../src/eroute/eroute.ts";
import { containsPrefix, formatPrefix } from "../../src/inet/prefix.ts";
import { type Caller, seat, settingsOf } from "./caller.ts";
import { rowOf } from "./database.ts";
import { expectUntouched, namesOf, reasonsOf, rememberAll } from "./neighbours.ts";
import {
  BASE_EROUTE,
  endpointOf,
  NORMAL_EROUTE,
  patternOf,
  planOf,
  prefixOfText,
  selectorOf,
} from "./plan.ts";
import type { SiteSettings } from "./site-state.ts";
import { layTable, type Table } from "./table.ts";

const FIRST = "192.168.1.0/24";

test("R10: a second site with the subnet of a connected one is refused; the first stays", () => {
  const table = laid();
  connect(table, 1, FIRST);
  const before = rememberAll(table);
  connect(table, 2, FIRST);
  expect(namesOf(table)).toEqual(["fleet/site-1"]);
  expectUntouched(table, before, 1);
  const failed = table.journal.find(({ reason }) => reason === "subnet-in-use");
  expect(failed).toMatchObject({ peerId: "site-2", outcome: "failed", step: "IKE_AUTH" });
  expect(failed?.detail).toContain("has the subnet 192.168.1.0/24, and so has site-1");
  expect(table.concentrator.snapshot().counters.overlaps_refused).toBe(1);
});

test("R10: the second site connects as soon as the first one has gone", () => {
  const table = laid();
  const first = connect(table, 1, FIRST);
  connect(table, 2, FIRST);
  first.ask({ kind: "delete-ike" });
  first.settle();
  connect(table, 2, FIRST);
  expect(namesOf(table)).toEqual(["fleet/site-2"]);
});

test("R10: a dead first site is detected when the second one calls", () => {
  const table = laid({ dpd: 3_600_000 });
  connect(table, 1, FIRST);
  table.advance(300_000);
  connect(table, 2, FIRST);
  expect(table.sent.length).toBe(1);
  table.advance(120_000);
  expect(namesOf(table)).toEqual([]);
  connect(table, 2, FIRST);
  expect(namesOf(table)).toEqual(["fleet/site-2"]);
});

test("R10: one of several subnets is enough, and so is another spelling of it", () => {
  for (const remip of ["192.168.7.0/24 192.168.1.0/24", "192.168.1.77/255.255.255.0"]) {
    const table = laid();
    connect(table, 1, FIRST);
    connect(table, 2, remip);
    expect(namesOf(table)).toEqual(["fleet/site-1"]);
  }
});

test("R10: a virtual address of a connected site is refused to another one", () => {
  const table = laid();
  connect(table, 1, "192.168.1.9/32", { tsI: [selectorOf("192.168.1.9/32")] });
  connect(table, 2, "192.168.1.9/32", { tsI: [selectorOf("192.168.1.9/32")] });
  expect(namesOf(table)).toEqual(["fleet/site-1"]);
});

test("R10: a site that returns from another address, or in capitals, is not a second site", () => {
  for (const identity of ["site-1", "SITE-1"]) {
    const table = laid();
    connect(table, 1, FIRST);
    const path = { local: endpointOf("192.0.2.99", 500), remote: settingsOf(1).path.remote };
    const id = { ...settingsOf(1).identity, data: new TextEncoder().encode(identity) };
    const again = seat(table, settingsOf(1, { path, identity: id, initialContact: true }));
    again.connect();
    again.settle();
    expect(namesOf(table).length).toBe(1);
    expect(table.concentrator.snapshot().eroutes(0, 1)[0]?.peerAddress).toBe("192.0.2.99");
    expect(table.concentrator.snapshot().counters.overlaps_refused).toBe(0);
  }
});

test("R10: nested subnets both connect, and the longest prefix wins", () => {
  for (const [first, second] of [
    [FIRST, "192.168.1.128/25"],
    ["192.168.1.128/25", FIRST],
  ] as const) {
    const table = laid();
    connect(table, 1, first, { tsI: [selectorOf(first)] });
    connect(table, 2, second, { tsI: [selectorOf(second)] });
    expect(namesOf(table)).toEqual(["fleet/site-1", "fleet/site-2"]);
    const out = outPolicies(table);
    const [wide, narrow] = [out.get(FIRST), out.get("192.168.1.128/25")];
    expect(narrow?.priority).toBeLessThan(wide?.priority ?? 0);
    const snapshot = table.concentrator.snapshot();
    expect(snapshot.counters.overlaps_refused).toBe(0);
  }
});

test("R10: crosswise nested subnets: each site gets the packets of its longest prefixes", () => {
  const rows = [
    ["192.168.0.0/18", "192.168.67.0/24"],
    ["192.168.64.0/18", "192.168.3.0/24"],
  ] as const;
  for (const order of [
    [1, 2],
    [2, 1],
  ] as const) {
    const table = laid();
    const callers = order.map((number) => {
      const subnets = rows[number - 1] ?? [];
      return connect(table, number, subnets.join(" "), { tsI: subnets.map(selectorOf) });
    });
    expect(namesOf(table).length).toBe(2);
    expect(["192.168.1.1", "192.168.67.1"].map((to) => siteFor(table, to))).toEqual([1, 1]);
    expect(["192.168.65.1", "192.168.3.1"].map((to) => siteFor(table, to))).toEqual([2, 2]);
    const [first] = callers;
    first?.ask({ kind: "delete-ike" });
    first?.settle();
    const other = order[1];
    expect(["192.168.67.1", "192.168.3.1"].map((to) => siteFor(table, to))).toEqual([other, other]);
  }
});

test("R10: a narrow subnet on our side takes nothing from a site with the longer prefix", () => {
  const table = laid();
  connect(table, 1, "192.168.67.0/24", { tsI: [selectorOf("192.168.67.0/24")] });
  const wide = [selectorOf("192.168.64.0/18")];
  connect(table, 2, "192.168.64.0/18", { tsI: wide, tsR: [selectorOf("10.0.1.0/24")] });
  expect(namesOf(table).length).toBe(2);
  expect([siteFor(table, "192.168.67.1"), siteFor(table, "192.168.65.1")]).toEqual([1, 2]);
});

test("R10: a site that asks for a part of its subnet takes nothing from a longer prefix", () => {
  const narrow = "192.168.67.0/24";
  // The very subnet of the other site, or a part of it, before and after that one has connected.
  for (const part of [narrow, "192.168.67.0/25"]) {
    for (const order of [
      [1, 2],
      [2, 1],
    ] as const) {
      const table = laid();
      for (const number of order) {
        if (number === 1) connect(table, 1, narrow, { tsI: [selectorOf(narrow)] });
        else connect(table, 2, "192.168.64.0/18", { tsI: [selectorOf(part)] });
      }
      expect(siteFor(table, "192.168.67.1")).toBe(1);
      expect(siteFor(table, "192.168.67.200")).toBe(1);
    }
  }
});

test("R10: the journal names a site inside another one's subnet", () => {
  const table = laid();
  connect(table, 1, FIRST);
  connect(table, 2, "192.168.1.128/25", { tsI: [selectorOf("192.168.1.128/25")] });
  const told = table.journal.find(({ reason }) => reason === "subnet-nested");
  expect(told?.detail).toContain("192.168.1.128/25 inside 192.168.1.0/24 of site-1");
});

test('R10: overlap = "replace": the second takes over, the first is closed and told why', () => {
  const table = laid({ overlap: "replace" });
  const first = connect(table, 1, FIRST);
  connect(table, 2, FIRST);
  table.advance(10);
  first.settle();
  expect(namesOf(table)).toEqual(["fleet/site-2"]);
  expect(reasonsOf(table, "site-1")).toContain("subnet-taken-over");
  const told = table.journal.find(({ reason }) => reason === "subnet-taken-over");
  expect(told?.detail).toContain("site-2 has connected with the same subnet 192.168.1.0/24");
  expect(outPolicies(table).get(FIRST)?.template?.dst).toEqual(endpointOf("192.0.2.2", 0).address);
  expect(table.concentrator.snapshot().counters.overlaps_replaced).toBe(1);
});

test('R10: overlap = "allow": both stay, packets go to the newer one, also after a rekey', () => {
  const table = laid({ overlap: "allow" });
  const first = connect(table, 1, FIRST);
  connect(table, 2, FIRST);
  expect(namesOf(table)).toEqual(["fleet/site-1", "fleet/site-2"]);
  const [child] = first.session().children;
  first.ask({ kind: "rekey-child", spiIn: child?.spiIn ?? 0 });
  first.settle();
  const address = endpointOf("192.0.2.2", 0).address;
  expect(outPolicies(table).get(FIRST)?.template?.dst).toEqual(address);
  for (const peerId of ["site-1", "site-2"]) {
    expect(reasonsOf(table, peerId)).toContain("subnet-shared");
  }
  expect(table.concentrator.snapshot().counters.overlaps_allowed).toBe(1);
});

test("R10: sites with one wide subnet that ask for separate parts do not conflict", () => {
  const table = laid({ overlap: "allow" });
  connect(table, 1, "192.168.0.0/16", { tsI: [selectorOf("192.168.1.0/24")] });
  connect(table, 2, "192.168.0.0/16", { tsI: [selectorOf("192.168.2.0/24")] });
  expect(namesOf(table)).toEqual(["fleet/site-1", "fleet/site-2"]);
  expect(table.concentrator.snapshot().counters.overlaps_allowed).toBe(0);
});

test("R10: another XFRM interface in the row keeps equal subnets apart", () => {
  const table = laid();
  connect(table, 1, FIRST);
  table.database.put({ ...rowOf("site-2", "secret 2", FIRST), if_id: "7" });
  callOf(table, 2, { tsI: [selectorOf(FIRST)] });
  expect(namesOf(table)).toEqual(["fleet/site-1", "fleet/site-2"]);
});

test("R10: if two negotiate at the same time, the second gets no Child SA", () => {
  let held = true;
  const slow = layTable({ plan: planWith({}), holdsKernelAnswers: () => held });
  slow.database.put(rowOf("site-1", "secret 1", FIRST));
  slow.database.put(rowOf("site-2", "secret 2", FIRST));
  // Neither is up while the other is looked up: the kernel has not answered for the first one.
  const first = callOf(slow, 1, { tsI: [selectorOf(FIRST)] });
  const second = callOf(slow, 2, { tsI: [selectorOf(FIRST)] });
  held = false;
  for (const answer of slow.kernelAnswers.splice(0)) slow.feed(answer);
  first.settle();
  second.settle();
  expect(slow.concentrator.snapshot().gauges.childSas).toBe(1);
  expect(reasonsOf(slow, "site-2")).toContain("subnet-in-use");
  expect(reasonsOf(slow, "site-1")).toContain("child-sa-up");
});

test("R10: without rows, no site gets a part of what a connected site has chosen", () => {
  for (const asked of ["192.168.1.128/25", "192.168.1.0/24", "192.168.1.7/32"]) {
    const table = layTable({ plan: patternPlan("refuse") });
    callOf(table, 1, { tsI: [selectorOf(FIRST)] });
    callOf(table, 2, { tsI: [selectorOf(asked)], tsR: [selectorOf("10.0.1.0/24")] });
    expect(reasonsOf(table, "site-2")).toContain("subnet-in-use");
    const refused = table.journal.find(({ reason }) => reason === "subnet-in-use");
    expect(refused?.detail).toContain(`site-2 asks for ${asked}, packets to which go to site-1`);
    expect(siteFor(table, "192.168.1.7")).toBe(1);
    expect(table.concentrator.snapshot().counters.overlaps_refused).toBe(1);
  }
});

test("R10: without rows, parts that share no packet are let in, also later", () => {
  const table = layTable({ plan: patternPlan("refuse") });
  const first = callOf(table, 1, { tsI: [selectorOf(FIRST)] });
  callOf(table, 2, { tsI: [selectorOf("192.168.2.0/24")] });
  // A subnet around it leaves the narrower one its packets.
  callOf(table, 3, { tsI: [selectorOf("192.168.0.0/22")] });
  expect(reasonsOf(table, "site-2")).not.toContain("subnet-in-use");
  const hosts = ["192.168.1.1", "192.168.2.1", "192.168.3.1"];
  expect(hosts.map((to) => siteFor(table, to))).toEqual([1, 2, 3]);
  const [child] = first.session().children;
  first.ask({ kind: "rekey-child", spiIn: child?.spiIn ?? 0 });
  first.settle();
  expect(siteFor(table, "192.168.1.1")).toBe(1);
  first.ask({ kind: "delete-ike" });
  first.settle();
  expect(siteFor(table, "192.168.1.1")).toBe(3);
  // That one has it now, and keeps it.
  callOf(table, 1, { tsI: [selectorOf("192.168.1.0/25")] });
  expect(siteFor(table, "192.168.1.1")).toBe(3);
});

test('R10: without rows, overlap = "allow" lets a part in', () => {
  const table = layTable({ plan: patternPlan("allow") });
  callOf(table, 1, { tsI: [selectorOf(FIRST)] });
  callOf(table, 2, { tsI: [selectorOf("192.168.1.128/25")] });
  expect(["192.168.1.1", "192.168.1.129"].map((to) => siteFor(table, to))).toEqual([1, 2]);
});

test("overlaps of a site that is not connected are described", () => {
  const table = laid();
  connect(table, 1, FIRST);
  connect(table, 3, "192.168.1.128/25", { tsI: [selectorOf("192.168.1.128/25")] });
  const { localSubnets, child } = BASE_EROUTE;
  const base = { ...BASE_EROUTE, remoteSubnets: [prefixOfText("192.168.0.0/16")] };
  const claim = { base, localSubnets, child, remoteSubnets: [prefixOfText(FIRST)] };
  const seen = table.concentrator.snapshot().overlaps("site-2", claim);
  expect(seen.map(({ peerId, kind, other }) => [peerId, kind, formatPrefix(other)])).toEqual([
    ["site-1", "same", FIRST],
    ["site-3", "around", "192.168.1.128/25"],
  ]);
  expect(table.concentrator.snapshot().overlaps("site-1", claim).length).toBe(1);
});

type Settings = { readonly overlap?: ErouteLife["overlap"]; readonly dpd?: number };

function planWith({ overlap = "refuse", dpd }: Settings) {
  const plan = planOf();
  const egroups = plan.egroups.map((egroup) => ({ ...egroup, remoteMask: { v4: 24, v6: 64 } }));
  const eroute = {
    ...BASE_EROUTE,
    remoteSubnets: [prefixOfText("192.168.0.0/16")],
    life: { ...BASE_EROUTE.life, overlap },
    livenessMs: dpd ?? BASE_EROUTE.livenessMs,
  };
  return { ...plan, egroups, eroutes: [eroute] };
}

/** A normal eroute whose pattern many sites match: each chooses a part of its remote subnet. */
function patternPlan(overlap: ErouteLife["overlap"]) {
  const eroute = {
    ...NORMAL_EROUTE,
    peerid: patternOf("site-*"),
    remoteSubnets: [prefixOfText("192.168.0.0/16")],
    life: { ...NORMAL_EROUTE.life, overlap },
  };
  const users = [1, 2, 3].map((number) => ({
    name: `site-${number}`,
    psk: new TextEncoder().encode(`secret ${number}`),
  }));
  return planOf({}, { eroutes: [eroute], users });
}

function laid(settings: Settings = {}): Table {
  return layTable({ plan: planWith(settings) });
}

/** Site `number` with its key and this remip. */
function connect(
  table: Table,
  number: number,
  remip: string,
  changes: Partial<SiteSettings> = {},
): Caller {
  table.database.put(rowOf(`site-${number}`, `secret ${number}`, remip));
  return callOf(table, number, { tsI: [selectorOf(FIRST)], ...changes });
}

function callOf(table: Table, number: number, changes: Partial<SiteSettings>): Caller {
  const caller = seat(table, settingsOf(number, changes));
  caller.connect();
  caller.settle();
  return caller;
}

/** By remote subnet. */
function outPolicies(table: Table) {
  const out = [...table.kernel.policies.values()].filter(({ id }) => id.direction === "out");
  return new Map(out.map((policy) => [formatPrefix(policy.id.selector.dst), policy]));
}

/** The number of the site to which a packet of ours goes: packets back have to come from it. */
function siteFor(table: Table, to: string): number | undefined {
  const ends = (["out", "in"] as const).map((direction) => {
    const matching = [...table.kernel.policies.values()].filter(({ id }) => {
      const { src, dst } = id.selector;
      const [local, remote] = direction === "out" ? [src, dst] : [dst, src];
      const isOurs = containsPrefix(local, prefixOfText("10.0.1.1/32"));
      return (
        id.direction === direction && isOurs && containsPrefix(remote, prefixOfText(`${to}/32`))
      );
    });
    const [first] = matching.sort((a, b) => a.priority - b.priority);
    const end = direction === "out" ? first?.template?.dst : first?.template?.src;
    return end === undefined ? undefined : Number(end.value & 0xffn);
  });
  expect(ends[1]).toBe(ends[0]);
  return ends[0];
}
