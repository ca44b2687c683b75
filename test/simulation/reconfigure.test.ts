/**
 * A new configuration while sites are connected: which stay, which get new values, which are
 * closed.
 */

import { expect, test } from "bun:test";
import type { ConfigurationPreview } from "../../src/concentrator/sites/preview.ts";
import type { BaseEroute, EroutePlan, NormalEroute } from "../../src/eroute/eroute.ts";
import { err } from "../../src/octets/result.ts";
import { parseIdentity } from "../../src/wire/identity.ts";
import { type Caller, putRow, seat, settingsOf } from "./caller.ts";
import { rowOf } from "./database.ts";
import { connectAll, expectUntouched, namesOf, reasonsOf, rememberAll } from "./neighbours.ts";
import { BASE_EROUTE, ESP_SUITE, NORMAL_EROUTE, planOf, prefixOfText, selectorOf } from "./plan.ts";
import { layTable, type Table } from "./table.ts";

test("the same configuration, read again, affects no site", () => {
  const table = layTable();
  connectAll(table, 3);
  const lab = connectLab(table);
  const before = rememberAll(table);
  configure(table, structuredClone(planOf()));
  expectUntouched(table, before, 4);
  expect(table.sent).toEqual([]);
  rekeyChild(lab);
  expect(lab.session().children.length).toBe(1);
  expect(lastDetail(table, "configuration-applied")).toBe("4 eroutes in use stay as they are");
});

test("the order of subnets, eroutes and egroups affects no site", () => {
  const subnets = ["10.0.0.0/16", "10.1.0.0/16"].map(prefixOfText);
  const plan = planOf({}, { eroutes: [base({ localSubnets: subnets }), NORMAL_EROUTE] });
  const table = layTable({ plan });
  connectAll(table, 2);
  const before = rememberAll(table);
  const turned = base({ localSubnets: [...subnets].reverse() });
  configure(table, { ...plan, eroutes: [NORMAL_EROUTE, turned] });
  expectUntouched(table, before, 2);
});

test("proposals, lifetime and dpd: every site stays up, and gets the new values", () => {
  const table = layTable();
  const [caller] = connectAll(table, 2);
  const before = rememberAll(table);
  const gcmOnly = { ...ESP_SUITE, encr: ESP_SUITE.encr.slice(1) };
  const child = { ...BASE_EROUTE.child, lifetimeSeconds: 600 };
  configure(table, withBase({ esp: [gcmOnly], child, livenessMs: 15_000 }));
  expectUntouched(table, before, 2);
  expect(lastDetail(table, "configuration-applied")).toContain(
    "2 take new values when they next negotiate (esp, dpd, lifetime of eroute fleet)",
  );
  // The site offers AES-GCM for its next Child SA, which is no longer allowed.
  rekeyChild(caller);
  expect(table.journal.at(-1)).toMatchObject({ reason: "no-proposal-chosen", peerId: "site-1" });
  expectUntouched(table, before, 2);
  table.advance(20_000);
  expect(table.sent.length).toBeGreaterThan(0);
});

test("a shorter lifetime counts from the next Child SA on", () => {
  const table = layTable();
  const [caller] = connectAll(table, 1);
  configure(table, withBase({ child: { ...BASE_EROUTE.child, lifetimeSeconds: 600 } }));
  rekeyChild(caller);
  const newest = [...table.kernel.states.values()].at(-1);
  expect(newest?.state.lifetime.hardSeconds).toBeLessThanOrEqual(660);
});

test("local subnet, our ID, interface: all sites of that eroute are closed, others stay", () => {
  const changes: readonly (readonly [Partial<BaseEroute>, string])[] = [
    [{ localSubnets: [prefixOfText("10.7.0.0/16")] }, "local_subnet of eroute fleet"],
    [{ ourid: "other.example" }, "ourid of eroute fleet"],
    [{ child: { ...BASE_EROUTE.child, ifId: 7 } }, "if_id of eroute fleet"],
    [{ peerid: { text: "depot-*" } }, "no eroute is for site-1 any more"],
  ];
  for (const [change, why] of changes) {
    const table = layTable();
    const [caller] = connectAll(table, 2);
    connectLab(table);
    const before = rememberAll(table);
    configure(table, withBase(change));
    expectUntouched(table, before, 1);
    expect(namesOf(table)).toEqual(["lab"]);
    expect(reasonsOf(table, "site-1").slice(-3)).toEqual([
      "reconfigured",
      "reconfigured",
      "removed",
    ]);
    expect(lastDetail(table, "configuration-applied")).toContain("2 are closed (");
    expect(table.journal.some((entry) => entry.detail.endsWith(why))).toBe(true);
    caller?.settle();
    expect(caller?.heard.at(-1)).toMatchObject({ why: "deleted by concentrator" });
  }
});

test("the base eroute's ourid does not affect a site whose row names our ID", () => {
  const table = layTable();
  table.database.put({ ...rowOf("site-1", "secret 1", "192.168.1.0"), ourid: "own.example" });
  const caller = seat(table, settingsOf(1));
  caller.connect();
  caller.settle();
  const before = rememberAll(table);
  configure(table, withBase({ ourid: "other.example" }));
  expectUntouched(table, before, 1);
});

test("R10: a site inside the new remote subnet stays up; one outside is closed", () => {
  const table = layTable();
  connectAll(table, 1, 1);
  connectAll(table, 1, 200);
  const before = rememberAll(table);
  configure(table, withBase({ remoteSubnets: [prefixOfText("192.168.0.0/17")] }));
  expect(namesOf(table)).toEqual(["fleet/site-1"]);
  expectUntouched(table, before, 1);
});

test("R3: a user's new password closes that normal eroute, and no other", () => {
  const table = layTable();
  connectAll(table, 1);
  connectLab(table);
  const before = rememberAll(table);
  const users = [{ name: "lab-gw", psk: new TextEncoder().encode("another") }];
  configure(table, planOf({}, { users }));
  expect(namesOf(table)).toEqual(["fleet/site-1"]);
  expectUntouched(table, before, 1);
  expect(table.journal.some((entry) => entry.detail.includes("password or PPK of user"))).toBe(
    true,
  );
});

test("R3: so does a PPK of the user; a user without one stays while none is required", () => {
  const table = layTable();
  connectLab(table);
  const before = rememberAll(table);
  const lab = (ppk: NormalEroute["ppk"]) => [BASE_EROUTE, { ...NORMAL_EROUTE, ppk }];
  configure(table, planOf({}, { eroutes: lab("optional") }));
  configure(table, planOf({}, { eroutes: lab("off") }));
  expectUntouched(table, before, 1);
  configure(table, planOf({}, { eroutes: lab("required") }));
  expect(namesOf(table)).toEqual([]);
  expect(table.journal.some(({ detail }) => detail.endsWith("ppk of eroute lab"))).toBe(true);
  configure(table, planOf());
  connectLab(table);
  const ppk = { id: new Uint8Array(1), key: new Uint8Array(32) };
  configure(table, planOf({}, { users: planOf().users.map((user) => ({ ...user, ppk })) }));
  expect(namesOf(table)).toEqual([]);
});

test("an egroup gets another mask: rows are read again; sites with a new subnet are closed", () => {
  const table = layTable();
  connectAll(table, 1, 1);
  table.database.put(rowOf("site-2", "secret 2", "192.168.2.0/24"));
  const second = seat(table, settingsOf(2));
  second.connect();
  second.settle();
  const before = rememberAll(table);
  configure(table, planOf({}, { egroups: [{ name: "sites", remoteMask: { v4: 25, v6: 64 } }] }));
  expect(namesOf(table)).toEqual(["fleet/site-2"]);
  expectUntouched(table, before, 1);
  expect(reasonsOf(table, "site-1")).toContain("row-changed");
});

test("a look-up under way is combined with the new base eroute", () => {
  const table = layTable({ answersLookUps: false });
  putRow(table, 1);
  const caller = seat(table, settingsOf(1));
  caller.connect();
  caller.settle();
  configure(table, withBase({ localSubnets: [prefixOfText("10.0.3.0/24")] }));
  table.lookUps[0]?.answer(table.database.find({ by: "peerid", peerid: "site-1" }));
  caller.settle();
  const [view] = table.concentrator.snapshot().eroutes(0, 1);
  expect(view?.localSubnets).toEqual(["10.0.3.0/24"]);
});

test("a look-up under way in a table that no longer has the site is not used", () => {
  const table = layTable({ answersLookUps: false });
  putRow(table, 1);
  const caller = seat(table, settingsOf(1));
  caller.connect();
  caller.settle();
  const egroups = [{ name: "others", remoteMask: { v4: 24, v6: undefined } }];
  const eroutes = [{ ...BASE_EROUTE, egroup: "others" }, NORMAL_EROUTE];
  configure(table, planOf({}, { egroups, eroutes }));
  table.lookUps[0]?.answer(err({ kind: "closed", detail: "the database is closed" }));
  table.advance(1_000);
  caller.settle();
  expect(reasonsOf(table, "site-1")).toContain("reconfigured");
  expect(namesOf(table)).toEqual([]);
});

test("many sites are closed in portions, and one that calls again meanwhile stays", () => {
  const table = layTable({ plan: planOf({ dynamicEroutesMax: 300 }), awakeMax: 100 });
  const callers = connectAll(table, 100);
  const localSubnets = [prefixOfText("10.0.0.0/17")];
  const plan = planOf({ dynamicEroutesMax: 300 }, { eroutes: [base({ localSubnets })] });
  configure(table, plan);
  expect(table.sent.length).toBe(32);
  const last = callers[99];
  last?.connect();
  last?.settle();
  table.advance(0);
  expect(table.sent.length).toBeLessThan(2 * 32 + 2);
  table.advance(10);
  expect(namesOf(table)).toEqual(["fleet/site-100"]);
  const [view] = table.concentrator.snapshot().eroutes(0, 1);
  expect(view?.ikeSas.length).toBe(1);
  expect(table.concentrator.tableSizes().errands).toBe(0);
});

test("limits count at once: a shorter interval of eviction does not wait for the old one", () => {
  const plan = planOf({ dynamicEroutesMax: 10, evictEveryMs: 3_600_000 });
  const table = layTable({ plan });
  connectAll(table, 5);
  const limits = { ...plan.limits, dynamicEroutesMax: 4, evictEveryMs: 1_000 };
  configure(table, { ...plan, limits });
  table.advance(1_000);
  expect(namesOf(table).length).toBe(3);
});

test("the preview of a configuration counts the sites it would close, and changes nothing", () => {
  const table = layTable();
  connectAll(table, 3);
  connectLab(table);
  const before = rememberAll(table);
  const preview = (plan: EroutePlan, isListened = true) => {
    const { connected, closes } = previewed(table, plan, isListened);
    return [connected, Object.fromEntries(closes)];
  };
  expect(preview(planOf())).toEqual([4, {}]);
  expect(preview({ ...planOf(), eroutes: [] })).toEqual([
    4,
    { "no eroute is for them any more": 4 },
  ]);
  expect(preview(planOf({}, { eroutes: [BASE_EROUTE] }))).toEqual([
    4,
    { "no eroute is for them any more": 1 },
  ]);
  const gone = { "ike.listen lacks their local address": 4 };
  expect(preview(planOf(), false)).toEqual([4, gone]);
  const plan = planOf();
  const limits = { ...plan.limits, dynamicEroutesMax: 1, evictBelowFreePercent: 0 };
  const evicted = { "dynamic_eroutes leaves no place for them": 2 };
  expect(preview({ ...plan, limits })).toEqual([4, evicted]);
  expectUntouched(table, before, 4);
});

function base(changes: Partial<BaseEroute>): BaseEroute {
  return { ...BASE_EROUTE, ...changes };
}

function withBase(changes: Partial<BaseEroute>): EroutePlan {
  return planOf({}, { eroutes: [base(changes), NORMAL_EROUTE] });
}

function rekeyChild(caller: Caller | undefined): void {
  const [child] = caller?.session().children ?? [];
  expect(child).toBeDefined();
  if (child !== undefined) caller?.ask({ kind: "rekey-child", spiIn: child.spiIn });
  caller?.settle();
}

function previewed(table: Table, plan: EroutePlan, isListened = true): ConfigurationPreview {
  const steps = table.concentrator.preview(plan, { isListened: () => isListened });
  for (;;) {
    const { done, value } = steps.next();
    if (done === true) return value;
  }
}

/** The sites that are closed are those of the preview. */
function configure(table: Table, plan: EroutePlan): void {
  const { closes } = previewed(table, plan);
  const before = table.journal.length;
  table.feed({ kind: "configuration", plan });
  const closed = table.journal.slice(before).filter(({ step, reason }) => {
    return step === "configuration" && reason === "reconfigured";
  });
  // Evictions happen a little later.
  const atOnce = [...closes].filter(([why]) => !why.startsWith("dynamic_eroutes"));
  expect(atOnce.reduce((sum, [, count]) => sum + count, 0)).toBe(closed.length);
}

function connectLab(table: Table): Caller {
  const caller = seat(
    table,
    settingsOf(250, {
      identity: parseIdentity("lab-gw"),
      psk: new TextEncoder().encode("lab secret"),
      tsI: [selectorOf("172.20.0.0/24")],
    }),
  );
  caller.connect();
  caller.settle();
  return caller;
}

function lastDetail(table: Table, reason: string): string {
  return table.journal.findLast((entry) => entry.reason === reason)?.detail ?? "";
}
