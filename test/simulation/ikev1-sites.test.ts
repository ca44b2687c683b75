/** Sites that call with IKEv1, at the concentrator: who may, how many, and what becomes of them. */

import { expect, test } from "bun:test";
import { DEFAULT_VERSIONS } from "../../src/eroute/defaults.ts";
import type { BaseEroute, EroutePlan, IkeVersions } from "../../src/eroute/eroute.ts";
import type { Path } from "../../src/inet/endpoint.ts";
import { resultOf } from "../steps.ts";
import { seat, settingsOf } from "./caller.ts";
import { rowOf } from "./database.ts";
import { type Caller, type CallerKnobs, ikev1Caller } from "./ikev1-caller.ts";
import { CALLER_PATH } from "./ikev1-end.ts";
import { IKEV1_ESP_SUITE, IKEV1_IKE_SUITE } from "./ikev1-suites.ts";
import { namesOf } from "./neighbours.ts";
import { BASE_EROUTE, CONCENTRATOR, endpointOf, NORMAL_EROUTE, planOf } from "./plan.ts";
import { layTable, type Table } from "./table.ts";
import { toyKeyExchange } from "./toy-key-exchange.ts";

const KEY = "one key for both";
const BOTH: IkeVersions = {
  v2: true,
  v1: {
    ...{ mode: "both", legacy: false, xauth: false },
    ...{ pushesConfig: false, sha256With96Bits: false },
    ike: [IKEV1_IKE_SUITE],
    esp: [IKEV1_ESP_SUITE],
  },
};

test("a site with IKEv1 connects: its row is read, and its version is shown", () => {
  const table = tableOf(BOTH);
  connect(table);
  expect(namesOf(table)).toEqual(["fleet/site-1"]);
  expect(table.kernel.states.size).toBe(2);
  const [view] = table.concentrator.snapshot().site("site-1");
  expect(view?.ikeSas).toMatchObject([{ version: 1, role: "responder" }]);
  const { counters } = table.concentrator.snapshot();
  expect([counters.ikev1_requests, counters.ikev1_sas_established]).toEqual([1, 1]);
  expect(resultOf(table.concentrator.snapshot().versions())).toEqual({ 1: 1, 2: 0 });
  // Nobody has to be told of a site that may use it.
  expect(counters.ikev1_calls).toBe(0);
});

test("a lifetime of 0 seconds is none: strongSwan offers it where none is configured", () => {
  const table = tableOf(BOTH);
  connect(table, { lifetimeSeconds: 0 });
  table.advance(60_000);
  const [view] = table.concentrator.snapshot().site("site-1");
  expect(view?.ikeSas).toMatchObject([{ version: 1 }]);
});

test("a site that answers no R-U-THERE rests between questions, and goes in time", () => {
  const [asleep, awake] = [0, 100].map((awakeMax) => {
    const eroutes = [{ ...BASE_EROUTE, versions: BOTH, livenessMs: 30_000 }];
    const plan = planOf({ halfOpenMax: 1_000 }, { eroutes });
    const table = layTable({ plan, awakeMax, keyExchange: toyKeyExchange });
    table.database.put(rowOf("site-1", KEY, "192.168.1.0/24"));
    connect(table, { vendors: ["dpd"] });
    table.sent.splice(0);
    const resting: number[] = [];
    for (let second = 0; second < 130; second++) {
      table.advance(1_000);
      resting.push(table.engine.resting.documents.size);
    }
    return { resting, sent: table.sent.map(({ at }) => at), told: table.journal };
  });
  expect(asleep?.sent.length).toBeGreaterThan(4);
  expect(asleep?.sent).toEqual(awake?.sent ?? []);
  expect(asleep?.told).toEqual(awake?.told ?? []);
  expect(asleep?.told.map(({ reason }) => reason)).toContain("peer-silent");
  expect(asleep?.resting.slice(40, 90)).toEqual(Array.from({ length: 50 }, () => 1));
  expect(awake?.resting.every((count) => count === 0)).toBe(true);
});

test("the first message again gets the same answer, and no second place", () => {
  const table = tableOf(BOTH);
  const caller = ikev1Caller();
  table.deliver(caller.first(), CALLER_PATH);
  const answer = table.sent.splice(0)[0]?.octets;
  table.advance(3_000);
  table.deliver(caller.first(), CALLER_PATH);
  expect(table.sent.splice(0).map(({ octets }) => octets)).toEqual([answer ?? new Uint8Array(0)]);
  expect(table.concentrator.tableSizes().ikeSas).toBe(1);
});

test("an eroute that does not allow IKEv1 refuses it, and says so", () => {
  const lab = { ...NORMAL_EROUTE, versions: BOTH };
  const table = layTable({ plan: planWith(DEFAULT_VERSIONS, [lab]) });
  table.database.put(rowOf("site-1", KEY, "192.168.1.0/24"));
  table.deliver(ikev1Caller().first(), CALLER_PATH);
  expect(table.sent).toEqual([]);
  expect(table.journal).toContainEqual(
    expect.objectContaining({ reason: "ike-version", peerId: "site-1" }),
  );
  expect(table.concentrator.tableSizes().ikeSas).toBe(0);
});

test("ikev1_mode: Aggressive Mode is refused where only Main Mode is allowed", () => {
  const v1 = { ...(BOTH.v1 ?? never()), mode: "main" } as const;
  const table = tableOf({ v2: true, v1 });
  table.deliver(ikev1Caller().first(), CALLER_PATH);
  expect(table.journal).toContainEqual(expect.objectContaining({ reason: "ikev1-mode" }));
});

test("a site that does not go on after our proof probably has another key: `why` says so", () => {
  const table = tableOf(BOTH);
  table.deliver(ikev1Caller().first(), CALLER_PATH);
  table.advance(60_000);
  expect(table.journal).toContainEqual(
    expect.objectContaining({
      ...{ reason: "timeout", peerId: "site-1" },
      detail: expect.stringContaining("another pre-shared key"),
    }),
  );
  expect(table.concentrator.tableSizes().ikeSas).toBe(0);
});

test("a message with the cookies of another IKE SA belongs to none", () => {
  const table = tableOf(BOTH);
  const caller = connect(table);
  const octets = caller.quick().octets;
  octets[0] = (octets[0] ?? 0) ^ 1;
  const before = table.concentrator.snapshot().counters.datagrams_unknown_spi;
  table.deliver(octets, CALLER_PATH);
  expect(table.concentrator.snapshot().counters.datagrams_unknown_spi).toBe(before + 1);
  expect(table.sent).toEqual([]);
});

test("a flood of forged first messages costs neither memory nor database nor other sites", () => {
  const plan = planWith(BOTH, [], 1_000);
  const table = layTable({ plan, keyExchange: toyKeyExchange });
  table.database.put(rowOf("site-1", KEY, "192.168.1.0/24"));
  table.database.put(rowOf("site-2", "secret 2", "192.168.2.0/24"));
  // The site was connected a while ago, so its address is known.
  connect(table);
  for (let number = 0; number < 5_000; number++) {
    const forged = ikev1Caller({ seed: 1_000 + number });
    const from = `100.${64 + (number >> 14)}.${(number >> 6) & 255}.${number & 63}`;
    table.deliver(forged.first(), pathFrom(from));
    if (number % 100 === 99) table.advance(10);
  }
  const { counters } = table.concentrator.snapshot();
  // 500 at once, and 250 a second.
  expect(counters.lookups_started).toBeLessThan(700);
  expect(counters.ikev1_calls_limited).toBeGreaterThan(4_000);
  expect(table.concentrator.tableSizes().halfOpen.kept).toBeLessThanOrEqual(250);
  const { halfOpenOctets } = table.concentrator.snapshot().gauges;
  expect(halfOpenOctets).toBeLessThan(2 * 1024 * 1024);
  table.sent.length = 0;
  connect(table, { seed: 5 });
  const other = seat(table, settingsOf(2), toyKeyExchange);
  other.connect();
  other.settle();
  expect(namesOf(table).toSorted()).toEqual(["fleet/site-1", "fleet/site-2"]);
});

test("a flood from one address is held back there, and others come in", () => {
  const table = tableOf(BOTH);
  for (let number = 0; number < 1_000; number++) {
    table.deliver(ikev1Caller({ seed: 1_000 + number }).first(), pathFrom("100.64.0.1"));
  }
  const { counters } = table.concentrator.snapshot();
  expect(counters.lookups_started).toBeLessThanOrEqual(200);
  table.sent.length = 0;
  connect(table);
  expect(namesOf(table)).toEqual(["fleet/site-1"]);
});

test("a site comes with IKEv1, then with IKEv2: one eroute, and the former SAs go", () => {
  const table = tableOf(BOTH);
  table.database.put(rowOf("site-1", "secret 1", "192.168.1.0/24"));
  connect(table, { psk: "secret 1" });
  const before = [...table.kernel.states.keys()];
  const newer = seat(table, settingsOf(1), toyKeyExchange);
  newer.connect();
  newer.settle();
  table.advance(60_000);
  expect(namesOf(table)).toEqual(["fleet/site-1"]);
  const [view] = table.concentrator.snapshot().site("site-1");
  expect(view?.ikeSas.map(({ version }) => version)).toEqual([2]);
  expect(resultOf(table.concentrator.snapshot().versions())).toEqual({ 1: 0, 2: 1 });
  expect([...table.kernel.states.keys()].filter((key) => before.includes(key))).toEqual([]);
});

test("a configuration without IKEv1 closes the sites that use it, and no others", () => {
  const table = tableOf(BOTH);
  table.database.put(rowOf("site-2", "secret 2", "192.168.2.0/24"));
  connect(table);
  const other = seat(table, settingsOf(2), toyKeyExchange);
  other.connect();
  other.settle();
  const preview = [
    ...table.concentrator.preview(planWith(DEFAULT_VERSIONS), {
      isListened: () => true,
    }),
  ];
  expect(preview).toBeDefined();
  table.feed({ kind: "configuration", plan: planWith(DEFAULT_VERSIONS) });
  table.advance(1_000);
  expect(namesOf(table)).toEqual(["fleet/site-2"]);
  expect(table.journal).toContainEqual(
    expect.objectContaining({
      ...{ reason: "reconfigured", peerId: "site-1" },
      detail: expect.stringContaining("ike_version of eroute fleet"),
    }),
  );
});

test("new proposals of IKEv1 close nothing", () => {
  const table = tableOf(BOTH);
  connect(table);
  const v1 = { ...(BOTH.v1 ?? never()), esp: [] };
  table.feed({ kind: "configuration", plan: planWith({ v2: true, v1 }) });
  table.advance(1_000);
  expect(namesOf(table)).toEqual(["fleet/site-1"]);
});

test("Main Mode: the site is found by the peerip of its row", () => {
  const table = tableOf(BOTH);
  table.database.put({ ...rowOf("site-1", KEY, "192.168.1.0/24"), peerip: "192.0.2.1" });
  connectMain(table);
  expect(namesOf(table)).toEqual(["fleet/site-1"]);
  expect(table.journal.map(({ peerId }) => peerId)).toContain("site-1");
});

test("Main Mode: of two rows with one peerip none is chosen, and both are named", () => {
  const table = tableOf(BOTH);
  for (const id of ["site-1", "site-2"]) {
    table.database.put({ ...rowOf(id, KEY, "192.168.1.0/24"), peerip: "192.0.2.1" });
  }
  connectMain(table);
  expect(namesOf(table)).toEqual([]);
  expect(table.journal).toContainEqual(
    expect.objectContaining({
      reason: "sites-at-address",
      detail: "site-1 and site-2 both have the peerip 192.0.2.1",
    }),
  );
});

test("Main Mode: an address that no row has is refused", () => {
  const table = tableOf(BOTH);
  connectMain(table);
  expect(table.journal).toContainEqual(expect.objectContaining({ reason: "no-site-at-address" }));
  expect(namesOf(table)).toEqual([]);
});

test("Main Mode: a normal eroute is found by its peerip, beside the rows", () => {
  const lab = { ...NORMAL_EROUTE, peerip: "192.0.2.1", versions: BOTH };
  const users = [{ name: "lab-gw", psk: new TextEncoder().encode(KEY) }];
  const plan = { ...planWith(BOTH, [lab]), users };
  const table = layTable({ plan, keyExchange: toyKeyExchange });
  connectMain(table, { id: "lab-gw" });
  const [view] = table.concentrator.snapshot().site("lab-gw");
  expect(view).toMatchObject({ kind: "normal", ikeSas: [{ version: 1 }] });
  table.database.put({ ...rowOf("site-1", KEY, "192.168.1.0/24"), peerip: "192.0.2.1" });
  connectMain(table, { id: "lab-gw", seed: 9 });
  expect(table.journal).toContainEqual(expect.objectContaining({ reason: "sites-at-address" }));
});

test("Main Mode: a database that fails refuses nobody for ever, and names no site", () => {
  const table = tableOf(BOTH);
  table.database.fail("unreachable");
  connectMain(table);
  expect(table.journal).toContainEqual(expect.objectContaining({ reason: "database-unreachable" }));
  expect(table.concentrator.tableSizes().lookups).toBe(0);
});

function tableOf(versions: IkeVersions): Table {
  const table = layTable({ plan: planWith(versions), keyExchange: toyKeyExchange });
  table.database.put(rowOf("site-1", KEY, "192.168.1.0/24"));
  return table;
}

function planWith(
  versions: IkeVersions,
  more: readonly EroutePlan["eroutes"][number][] = [],
  halfOpenMax = 1_000,
): EroutePlan {
  const base: BaseEroute = { ...BASE_EROUTE, versions };
  return planOf({ halfOpenMax }, { eroutes: [base, ...more] });
}

/** Both phases. */
function connect(table: Table, knobs: CallerKnobs = {}): Caller {
  const caller = ikev1Caller(knobs);
  const said = () => table.sent.splice(0)[0]?.octets ?? new Uint8Array(0);
  table.deliver(caller.first(), CALLER_PATH);
  table.deliver(caller.third(said(), CALLER_PATH), CALLER_PATH);
  table.sent.length = 0;
  const quick = caller.quick();
  table.deliver(quick.octets, CALLER_PATH);
  caller.granted(quick, said());
  table.deliver(caller.quickThird(quick), CALLER_PATH);
  return caller;
}

/** Phase 1 in Main Mode, as far as it goes. */
function connectMain(table: Table, knobs: CallerKnobs = {}): void {
  const caller = ikev1Caller(knobs);
  const said = () => table.sent.splice(0)[0]?.octets;
  table.deliver(caller.mainFirst(), CALLER_PATH);
  const second = said();
  if (second === undefined) return;
  table.deliver(caller.mainThird(second, CALLER_PATH), CALLER_PATH);
  const fourth = said();
  if (fourth === undefined) return;
  table.deliver(caller.mainFifth(fourth), CALLER_PATH);
  table.sent.length = 0;
}

function pathFrom(address: string): Path {
  return { local: endpointOf(CONCENTRATOR, 500), remote: endpointOf(address, 500) };
}

function never(): never {
  throw new Error("IKEv1 is allowed");
}
