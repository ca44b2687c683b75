/** Negotiations that fail: what the site is told, when, and what is left (R1, R2, R3, R6). */

import { expect, test } from "bun:test";
import { DEFAULT_AUTH } from "../../src/eroute/defaults.ts";
import type { PeerRow } from "../../src/eroute/row.ts";
import { err, ok } from "../../src/octets/result.ts";
import type { Reason } from "../../src/reason/reason.ts";
import { parseIdentity } from "../../src/wire/identity.ts";
import { putRow, seat, settingsOf } from "./caller.ts";
import { rowOf } from "./database.ts";
import { BASE_EROUTE, endpointOf, NORMAL_EROUTE, planOf, selectorOf } from "./plan.ts";
import type { SiteSettings } from "./site-state.ts";
import { layTable, type Table } from "./table.ts";
import { TOY_ANCHORS, toyKey } from "./toy-signature.ts";

const AUTHENTICATION_FAILED = 24;

type Failure = {
  readonly reason: Reason;
  readonly settings?: Partial<SiteSettings>;
  readonly prepare?: (table: Table) => void;
  /** The eroute accepts certificates as well. */
  readonly isCertified?: true;
};

const text = (value: string) => new TextEncoder().encode(value);

const FAILURES: readonly Failure[] = [
  { reason: "wrong-psk", settings: { psk: text("wrong") } },
  { reason: "no-row", prepare: (table) => table.database.remove("site-1") },
  { reason: "no-eroute", settings: { identity: parseIdentity("stranger") } },
  {
    reason: "no-password",
    prepare: (table) => table.database.put(rowOf("site-1", null, "192.168.1.0")),
  },
  {
    reason: "no-subnet",
    prepare: (table) => table.database.put(rowOf("site-1", "secret 1", null)),
  },
  {
    reason: "row-disabled",
    prepare: (table) =>
      table.database.put({ ...rowOf("site-1", "secret 1", "192.168.1.0"), disabled: "1" }),
  },
  { reason: "issuer-unknown", isCertified: true, settings: { key: toyKey("site-1", "nobody") } },
  { reason: "id-not-in-certificate", isCertified: true, settings: { key: toyKey("site-2") } },
  { reason: "auth-method", settings: { key: toyKey("site-1") } },
  {
    reason: "outside-base-subnet",
    prepare: (table) => table.database.put(rowOf("site-1", "secret 1", "10.1.1.0")),
  },
];

/** Faults of ours, which the site is not told. */
const UNANSWERED: readonly Failure[] = [
  { reason: "database-timeout", prepare: (table) => table.database.fail("timeout") },
  { reason: "database-unreachable", prepare: (table) => table.database.fail("unreachable") },
];

test("R6: whatever fails, the answer has the same length and comes at the same time", () => {
  const seen = FAILURES.map((failure) => {
    const { table, caller } = negotiate(failure);
    const asked = table.now();
    expect(table.sent).toEqual([]);
    table.advance(10_000);
    const [answer] = table.sent;
    const shape = [table.sent.length, (answer?.at ?? 0) - asked, answer?.octets.length];
    caller.settle();
    const refused = caller.heard.find((heard) => heard.kind === "refused");
    expect(refused?.kind === "refused" && refused.notify).toBe(AUTHENTICATION_FAILED);
    expect(table.journal.map((entry) => entry.reason)).toContain(failure.reason);
    return shape.join(" ");
  });
  expect(new Set(seen).size).toBe(1);
  expect(seen[0]).toMatch(/^1 500 /);
});

test("R6: the time of the answer does not show whether a row was read, nor how slowly", () => {
  const answeredAfter = (play: (table: Table) => void, settings: Partial<SiteSettings> = {}) => {
    const table = layTable({
      answersLookUps: false,
      plan: planOf({ unknownIdMs: 600_000, lookupMs: 4_700 }),
    });
    // There is no such ID, which is remembered from now on.
    const before = seat(table, settingsOf(9));
    before.connect();
    before.settle();
    table.lookUps.pop()?.answer(ok([]));
    table.advance(10_000);
    table.sent.length = 0;
    const caller = seat(table, settingsOf(1, settings));
    caller.connect();
    caller.settle();
    const asked = table.now();
    play(table);
    table.advance(20_000);
    return [table.lookUps.length, table.sent.length, (table.sent[0]?.at ?? 0) - asked];
  };
  for (const ms of [0, 499, 500, 1_700, 4_500, 4_999]) {
    const answer = (rows: readonly PeerRow[]) => (table: Table) => {
      table.advance(ms);
      table.lookUps[0]?.answer(ok(rows));
    };
    expect(answeredAfter(answer([]))).toEqual([1, 1, 5_000]);
    const wrong = answer([rowOf("site-1", "another key", "192.168.1.0")]);
    expect(answeredAfter(wrong)).toEqual([1, 1, 5_000]);
  }
  const remembered = { identity: parseIdentity("site-9") };
  expect(answeredAfter(() => {}, remembered)).toEqual([0, 1, 5_000]);
  const unmatched = { identity: parseIdentity("stranger") };
  expect(answeredAfter(() => {}, unmatched)).toEqual([0, 1, 5_000]);
});

test("R6: if a look-up takes too long, the answer waits for the next multiple of the time", () => {
  const table = layTable({ answersLookUps: false, plan: planOf({ lookupMs: 4_700 }) });
  const caller = seat(table, settingsOf(1));
  caller.connect();
  caller.settle();
  const asked = table.now();
  table.advance(5_001);
  table.lookUps[0]?.answer(ok([]));
  table.advance(20_000);
  expect((table.sent[0]?.at ?? 0) - asked).toBe(10_000);
});

test("R6: while the database fails, IDs with and without a row are treated alike", () => {
  const table = layTable({
    answersLookUps: false,
    plan: planOf({ unknownIdMs: 600_000, lookupMs: 4_700 }),
  });
  const ask = (number: number) => {
    const caller = seat(table, settingsOf(number));
    caller.connect();
    caller.settle();
    return table.lookUps.splice(0);
  };
  ask(9)[0]?.answer(ok([]));
  expect(ask(9)).toEqual([]);
  ask(1)[0]?.answer(err({ kind: "timeout", detail: "test" }));
  expect(ask(9).length).toBe(1);
});

test("R6: each failure ends the negotiation, and leaves nothing behind", () => {
  for (const failure of [...FAILURES, ...UNANSWERED]) {
    const { table } = negotiate(failure);
    table.advance(60_000);
    const sizes = table.concentrator.tableSizes();
    expect([sizes.ikeSas, sizes.eroutes, sizes.lookups, table.kernel.states.size]).toEqual([
      0, 0, 0, 0,
    ]);
  }
});

test("R6: a stranger naming a site's ID while the database fails does not disturb the site", () => {
  const table = layTable();
  putRow(table, 1);
  const caller = seat(table, settingsOf(1));
  caller.connect();
  caller.settle();
  const states = [...table.kernel.states.keys()];
  table.database.fail("unreachable");
  const local = endpointOf("192.0.2.66", 500);
  const { remote } = caller.site.path;
  const stranger = seat(table, settingsOf(1, { psk: text("guess"), path: { local, remote } }));
  stranger.connect();
  stranger.settle();
  table.advance(60_000);
  expect([...table.kernel.states.keys()]).toEqual(states);
  expect(table.concentrator.snapshot().gauges.dynamicEroutes).toBe(1);
  caller.ask({ kind: "liveness" });
  caller.settle();
  expect(caller.heard.at(-1)?.kind).toBe("answer");
});

test("R6: a look-up that answers too late changes nothing", () => {
  const table = layTable({ answersLookUps: false, plan: planOf({ halfOpenMs: 3_000 }) });
  const caller = seat(table, settingsOf(1));
  caller.connect();
  caller.settle();
  table.advance(3_000);
  expect(table.concentrator.tableSizes().ikeSas).toBe(0);
  table.lookUps[0]?.answer(ok([rowOf("site-1", "secret 1", "192.168.1.0")]));
  table.lookUps[0]?.answer(err({ kind: "timeout", detail: "twice" }));
  const { counters, gauges } = table.concentrator.snapshot();
  expect(counters.late_answers).toBe(2);
  expect(gauges.dynamicEroutes).toBe(0);
  expect(table.sent).toEqual([]);
});

test("R2: each negotiation reads the row afresh: a changed key counts from the next one on", () => {
  const table = layTable();
  putRow(table, 1);
  const caller = seat(table, settingsOf(1));
  caller.connect();
  caller.settle();
  table.database.put(rowOf("site-1", "another secret", "192.168.1.0"));
  caller.ask({ kind: "liveness" });
  caller.settle();
  expect(table.concentrator.snapshot().gauges.ikeSas).toBe(1);
  const again = seat(table, settingsOf(1, { psk: text("another secret") }));
  again.connect();
  again.settle();
  expect(again.heard.map((heard) => heard.kind)).toEqual(["established", "child-up"]);
  expect(table.concentrator.snapshot().counters.lookups_started).toBe(2);
});

test("R1: an ID that no pattern matches never reaches the database", () => {
  const { table } = negotiate({
    reason: "no-eroute",
    settings: { identity: parseIdentity("sites-1") },
  });
  expect(table.concentrator.snapshot().counters.lookups_started).toBe(0);
  const entry = table.journal.find((noted) => noted.reason === "no-eroute");
  expect(entry?.detail).toContain("site-*");
});

test("R3: a local user with a normal eroute connects without the database", () => {
  const table = layTable();
  table.database.fail("unreachable");
  const caller = seat(table, labSettings());
  caller.connect();
  caller.settle();
  expect(caller.heard.map((heard) => heard.kind)).toEqual(["established", "child-up"]);
  const { gauges } = table.concentrator.snapshot();
  expect([gauges.normalEroutesUp, gauges.dynamicEroutes]).toEqual([1, 0]);
});

test("R3: a local user without a normal eroute fails, and so does an eroute without a user", () => {
  const whole = planOf();
  const halves: readonly { readonly plan: typeof whole; readonly reason: Reason }[] = [
    { plan: { ...whole, users: [] }, reason: "eroute-without-user" },
    {
      plan: { ...whole, eroutes: whole.eroutes.filter((eroute) => eroute.kind === "base") },
      reason: "user-without-eroute",
    },
  ];
  for (const { plan, reason } of halves) {
    const table = layTable({ plan });
    const caller = seat(table, labSettings());
    caller.connect();
    caller.settle();
    table.advance(1_000);
    caller.settle();
    expect(table.journal.map((entry) => entry.reason)).toContain(reason);
    expect(caller.heard.map((heard) => heard.kind)).toEqual(["refused", "ended"]);
  }
});

test("R3: a wrong key for a local user fails, and leaves the user's key as it was", () => {
  const table = layTable();
  const wrong = seat(table, { ...labSettings(), psk: text("wrong") });
  wrong.connect();
  wrong.settle();
  table.advance(1_000);
  wrong.settle();
  expect(wrong.heard.map((heard) => heard.kind)).toEqual(["refused", "ended"]);
  const right = seat(table, labSettings());
  right.connect();
  right.settle();
  expect(right.heard.map((heard) => heard.kind)).toEqual(["established", "child-up"]);
});

test("an ID without a row is not looked up again for a while", () => {
  const table = layTable({ plan: planOf({ unknownIdMs: 10_000 }) });
  for (const [waitMs, lookUps] of [
    [0, 1],
    [5_000, 1],
    [10_000, 2],
  ] as const) {
    table.advance(waitMs);
    const caller = seat(table, settingsOf(1));
    caller.connect();
    caller.settle();
    expect(table.concentrator.snapshot().counters.lookups_started).toBe(lookUps);
  }
});

function labSettings(): SiteSettings {
  return settingsOf(1, {
    identity: parseIdentity("lab-gw"),
    psk: text("lab secret"),
    tsI: [selectorOf("172.20.0.0/24")],
  });
}

function negotiate(failure: Failure) {
  const either = { own: DEFAULT_AUTH.own, peer: { kind: "either", anchors: TOY_ANCHORS } } as const;
  const auth = failure.isCertified === true ? either : DEFAULT_AUTH;
  const plan = planOf({}, { eroutes: [{ ...BASE_EROUTE, auth }, NORMAL_EROUTE] });
  const table = layTable({ plan });
  putRow(table, 1);
  failure.prepare?.(table);
  const caller = seat(table, settingsOf(1, failure.settings));
  caller.connect();
  caller.settle();
  return { table, caller };
}
