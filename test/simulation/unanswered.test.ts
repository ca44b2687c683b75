/** IKE_AUTH without an answer: faults of ours, and sites that must not get one (R6). */

import { expect, test } from "bun:test";
import type { EroutePlan, UnknownSites } from "../../src/eroute/eroute.ts";
import { sealMessage } from "../../src/ike/v2/protect.ts";
import { err, ok } from "../../src/octets/result.ts";
import type { Reason } from "../../src/reason/reason.ts";
import { parseIdentity } from "../../src/wire/identity.ts";
import { ExchangeType } from "../../src/wire/v2/exchange-type.ts";
import { identityBody } from "../../src/wire/v2/payload/id.ts";
import { type Caller, putRow, seat, settingsOf } from "./caller.ts";
import { rowOf } from "./database.ts";
import { BASE_EROUTE, NORMAL_EROUTE, planOf } from "./plan.ts";
import { layTable, type Table } from "./table.ts";

const text = (value: string) => new TextEncoder().encode(value);

/** The site repeats unanswered requests this many times. */
function repeat(table: Table, caller: Caller, times: number): void {
  for (let i = 0; i < times; i++) {
    const due = caller.site.negotiation?.flight.retransmitAt ?? 0;
    table.advance(Math.max(0, due - table.now()));
    caller.tick();
    caller.settle();
  }
}

function call(table: Table, changes: Parameters<typeof settingsOf>[1] = {}): Caller {
  const caller = seat(table, settingsOf(1, changes));
  caller.connect();
  caller.settle();
  return caller;
}

const heardBy = (caller: Caller) => caller.heard.map(({ kind }) => kind);

test("R6: the database answers again, and the next repeat of the same request connects", () => {
  const table = layTable();
  putRow(table, 1);
  table.database.fail("unreachable");
  const caller = call(table);
  repeat(table, caller, 2);
  expect([table.sent.length, heardBy(caller)]).toEqual([0, []]);
  expect(table.concentrator.snapshot().gauges.halfOpenIkeSas).toBe(1);
  table.database.fail(undefined);
  repeat(table, caller, 1);
  expect(heardBy(caller)).toEqual(["established", "child-up"]);
  caller.ask({ kind: "liveness" });
  caller.settle();
  expect(caller.heard.at(-1)?.kind).toBe("answer");
  expect(table.concentrator.snapshot().gauges.halfOpenIkeSas).toBe(0);
});

test("R6: each repeat costs at most one look-up, and the same reason is noted once", () => {
  const table = layTable();
  table.database.fail("timeout");
  const caller = call(table);
  const request = caller.site.negotiation?.flight.octets ?? new Uint8Array();
  const { local, remote } = caller.site.path;
  // More often than any site repeats: an attacker replays what he has seen.
  for (let i = 0; i < 50; i++) table.deliver(request, { local: remote, remote: local });
  expect(table.concentrator.snapshot().counters.lookups_started).toBe(1);
  repeat(table, caller, 3);
  const { counters } = table.concentrator.snapshot();
  expect([counters.lookups_started, counters.authentications_unanswered]).toEqual([4, 4]);
  const noted = table.journal.filter(({ reason }) => reason === "database-timeout");
  expect(noted).toHaveLength(1);
  expect(noted[0]?.detail).toContain("not answered");
});

test("R6: the fault stays: the negotiation ends without an answer when its time is over", () => {
  const table = layTable();
  table.database.fail("unreachable");
  const caller = call(table);
  repeat(table, caller, 2);
  table.advance(30_000);
  expect(table.sent).toEqual([]);
  expect(table.concentrator.tableSizes()).toMatchObject({ ikeSas: 0, lookups: 0, deadlines: 0 });
  const last = table.journal.at(-1);
  expect([last?.reason, last?.outcome]).toEqual(["unanswered", "note"]);
  expect(last?.detail).toContain("3 times");
  expect(table.concentrator.snapshot().counters.negotiations_failed).toBe(1);
});

test("R6: a repeat that finds no row is refused as usual", () => {
  const table = layTable();
  table.database.fail("unreachable");
  const caller = call(table);
  table.database.fail(undefined);
  repeat(table, caller, 1);
  table.advance(500);
  caller.settle();
  expect(heardBy(caller)).toEqual(["refused", "ended"]);
  const reasons = table.journal.map(({ reason }) => reason);
  expect(reasons).toEqual(["database-unreachable", "no-row"]);
});

test("R6: another request with the same message ID is no repeat: one guess a negotiation", () => {
  const table = layTable();
  table.database.fail("unreachable");
  const caller = call(table);
  const { negotiation } = caller.site;
  if (negotiation?.phase !== "authenticating") throw new Error("no IKE_AUTH under way");
  const { local, remote } = caller.site.path;
  const identity = parseIdentity("site-2");
  const [other] = sealMessage(
    negotiation.secured,
    { exchangeType: ExchangeType.IKE_AUTH, response: false, messageId: 1 },
    [{ kind: "IDi", identity, body: identityBody(identity) }],
    { random: (count) => table.prng.octets(count), onMessage: undefined },
  );
  table.advance(1_000);
  table.deliver(other ?? new Uint8Array(), { local: remote, remote: local });
  const { counters } = table.concentrator.snapshot();
  expect([counters.lookups_started, counters.messages_out_of_window]).toEqual([1, 1]);
});

test("R6: a site that called before its row existed connects without a new call", () => {
  const table = layTable({ plan: withUnknown("silent", { unknownIdMs: 2_000 }) });
  const caller = call(table);
  repeat(table, caller, 1);
  expect(heardBy(caller)).toEqual([]);
  putRow(table, 1);
  repeat(table, caller, 2);
  expect(heardBy(caller)).toEqual(["established", "child-up"]);
});

const STRANGERS: readonly { readonly reason: Reason; prepare(table: Table): Caller }[] = [
  { reason: "no-row", prepare: (table) => call(table) },
  {
    reason: "no-eroute",
    prepare: (table) => call(table, { identity: parseIdentity("nobody") }),
  },
  {
    reason: "row-disabled",
    prepare(table) {
      table.database.put({ ...rowOf("site-1", "secret 1", "192.168.1.0"), disabled: "1" });
      return call(table);
    },
  },
  {
    reason: "wrong-psk",
    prepare(table) {
      putRow(table, 1);
      return call(table, { psk: text("wrong") });
    },
  },
];

test.each(["refuse", "silent"] as const)(
  "R6: unknown_sites = %s: an unknown ID, a disabled row and a wrong key look alike",
  (unknownSites) => {
    const seen = STRANGERS.map(({ reason, prepare }) => {
      const table = layTable({ plan: withUnknown(unknownSites) });
      const caller = prepare(table);
      const asked = table.now();
      table.advance(600);
      const answers = table.sent.map(({ octets, at }) => `${octets.length} at ${at - asked}`);
      if (unknownSites === "silent") repeat(table, caller, 2);
      expect(table.journal.map((entry) => entry.reason)).toContain(reason);
      const { halfOpenIkeSas } = table.concentrator.snapshot().gauges;
      return JSON.stringify({ answers, after: table.sent.length, halfOpenIkeSas });
    });
    expect(new Set(seen).size).toBe(1);
    expect(seen[0]).toContain(unknownSites === "silent" ? '"answers":[]' : " at 500");
  },
);

test("R6: an eroute's own unknown_sites applies to the IDs that it matches", () => {
  const life = { ...BASE_EROUTE.life, unknownSites: "silent" } as const;
  const eroutes = [{ ...BASE_EROUTE, life }, NORMAL_EROUTE];
  const table = layTable({ plan: planOf({}, { eroutes }) });
  const own = call(table);
  table.advance(600);
  expect([table.sent.length, heardBy(own)]).toEqual([0, []]);
  const other = call(table, { identity: parseIdentity("nobody") });
  table.advance(600);
  other.settle();
  expect(heardBy(other)).toEqual(["refused", "ended"]);
});

test("R7: a full table refuses no site for good, and does not show which IDs exist", () => {
  const plan = planOf({ dynamicEroutesMax: 1, evictBelowFreePercent: 0 });
  const table = layTable({ plan });
  putRow(table, 1);
  putRow(table, 2);
  call(table);
  const second = seat(table, settingsOf(2));
  second.connect();
  second.settle();
  const unknown = seat(table, settingsOf(3));
  unknown.connect();
  unknown.settle();
  table.advance(600);
  expect([table.sent.length, heardBy(second), heardBy(unknown)]).toEqual([0, [], []]);
  table.feed({ kind: "configuration", plan: planOf({ dynamicEroutesMax: 2 }) });
  repeat(table, second, 1);
  expect(heardBy(second)).toEqual(["established", "child-up"]);
});

test("R6: the site's repeat makes a look-up again that a reload has ended", () => {
  const table = layTable({ answersLookUps: false });
  const caller = call(table);
  const eroutes = [{ ...BASE_EROUTE, egroup: "others" }, NORMAL_EROUTE];
  const egroups = [{ name: "others", remoteMask: { v4: 24, v6: undefined } }];
  table.feed({ kind: "configuration", plan: planOf({}, { eroutes, egroups }) });
  expect(table.lookUps).toHaveLength(1);
  repeat(table, caller, 1);
  table.lookUps[0]?.answer(err({ kind: "closed", detail: "too late" }));
  table.lookUps[1]?.answer(ok([rowOf("site-1", "secret 1", "192.168.1.0")]));
  caller.settle();
  expect(heardBy(caller)).toEqual(["established", "child-up"]);
});

function withUnknown(
  unknownSites: UnknownSites,
  limits: Partial<EroutePlan["limits"]> = {},
): EroutePlan {
  const eroutes = [BASE_EROUTE, NORMAL_EROUTE].map((eroute) => ({
    ...eroute,
    life: { ...eroute.life, unknownSites },
  }));
  return planOf(limits, { eroutes, unknownSites });
}
