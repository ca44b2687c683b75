/** What happens often takes as many steps in a large table as in a small one. */

import { expect, test } from "bun:test";
import { freeEspSpi } from "../../src/concentrator/dataplane/child-sas.ts";
import { drainStates, isDraining, putDraining } from "../../src/concentrator/dataplane/draining.ts";
import { ikeSas } from "../../src/concentrator/negotiation/ike-sas.ts";
import type { ErouteInUse } from "../../src/concentrator/sites/eroute-in-use.ts";
import { eroutesInUse, putEroute } from "../../src/concentrator/sites/eroutes.ts";
import type { EroutePlan } from "../../src/eroute/eroute.ts";
import { asPeerId } from "../../src/eroute/peer-id.ts";
import { asEspSpi } from "../../src/inet/esp-spi.ts";
import { assert } from "../../src/octets/assert.ts";
import { asInstant } from "../../src/octets/instant.ts";
import { addressOf } from "../contract/xfrm-samples.ts";
import { putRow, seat, settingsOf } from "./caller.ts";
import { BASE_EROUTE, patternOf, planOf } from "./plan.ts";
import { layTable, type Table } from "./table.ts";
import { toyKeyExchange } from "./toy-key-exchange.ts";

test("a new SPI is found without a look at the states that drain, and is none of theirs", () => {
  const drawn = [0xc000_0001, 0xc000_0002, 0xc000_ffff];
  const table = layTable({
    random(count, prng) {
      const octets = prng.octets(count);
      if (count === 4) new DataView(octets.buffer).setUint32(0, drawn.shift() ?? 0xffff_ffff);
      return octets;
    },
  });
  let looks = 0;
  for (let number = 0; number < 1_000; number++) {
    const id = {
      src: addressOf("192.0.2.11"),
      dst: addressOf("192.0.2.1"),
      spi: asEspSpi(0xc000_0000 + number),
    };
    putDraining(table.engine, {
      get id() {
        looks++;
        return id;
      },
      mark: undefined,
      until: asInstant(10_000),
    });
  }
  looks = 0;
  expect(freeEspSpi(table.engine)).toBe(asEspSpi(0xc000_ffff));
  expect(looks).toBe(0);
  table.advance(20_000);
  expect(isDraining(table.engine, asEspSpi(0xc000_0001))).toBe(false);
});

test("states that drain are removed in portions, at the shutdown as well", () => {
  for (const isShutdown of [false, true]) {
    const table = layTable({ keyExchange: toyKeyExchange });
    const until = asInstant(table.engine.now + 10_000);
    for (let number = 0; number < 1_000; number++) {
      const [src, dst] = [addressOf("192.0.2.11"), addressOf("192.0.2.1")];
      const id = { src, dst, spi: asEspSpi(0xc000_0000 + number) };
      putDraining(table.engine, { id, mark: undefined, until });
    }
    const left = () => table.engine.dataplane.draining.queue.length;
    table.advance(9_999);
    if (isShutdown) table.feed({ kind: "shutdown" });
    else {
      table.engine.now = until;
      drainStates(table.engine);
    }
    expect([left(), table.concentrator.isIdle()]).toEqual([744, false]);
    table.advance(10);
    expect([left(), table.concentrator.isIdle()]).toEqual([0, isShutdown]);
  }
});

test("the shutdown visits each IKE SA as often in a large table as in a small one", () => {
  const [few, many] = [32, 160];
  expect(visitsOfShutdown(many) / many).toBeLessThanOrEqual((visitsOfShutdown(few) / few) * 1.1);
});

test("whether a site is connected is known without a look at the other eroutes", () => {
  let looks = 0;
  const eroutes = Array.from({ length: 1_000 }, (_, number) => {
    const name = number === 500 ? "fleet" : `fleet-${number}`;
    const pattern = patternOf(number === 500 ? "site-*" : `branch-${number}-*`);
    return {
      ...BASE_EROUTE,
      name,
      get peerid() {
        looks++;
        return pattern;
      },
    };
  });
  const table = layTable({ plan: planOf({}, { eroutes }), keyExchange: toyKeyExchange });
  putRow(table, 1);
  const caller = seat(table, settingsOf(1), toyKeyExchange);
  caller.connect();
  caller.settle();
  looks = 0;
  const snapshot = table.concentrator.snapshot();
  expect(snapshot.isConnected("site-1")).toBe(true);
  expect(snapshot.isConnected("site-2")).toBe(false);
  expect(snapshot.isCalling("branch-7-1")).toBe(false);
  expect(snapshot.site("site-1").map(({ name }) => name)).toEqual(["fleet/site-1"]);
  expect(looks).toBeLessThan(10);
});

test("a new configuration reaches a large table in portions, and none is left out", () => {
  const table = layTable({ keyExchange: toyKeyExchange, awakeMax: 10_000 });
  const sites = fill(table, 1_200);
  const next = planWith({ livenessMs: 7_000 });
  expect(stepsOf(table, next)).toBe(12);
  table.feed({ kind: "configuration", plan: next });
  expect(countOf(sites, 7_000)).toBe(100);
  expect(table.concentrator.write(PLACE)).toBeUndefined();
  table.advance(1);
  expect(countOf(sites, 7_000)).toBe(200);
  table.advance(20);
  expect(countOf(sites, 7_000)).toBe(1_200);
  const applied = table.journal.filter(({ reason }) => reason === "configuration-applied");
  expect(applied.map(({ detail }) => detail)).toEqual([
    "0 eroutes in use stay as they are; 1200 take new values when they next negotiate " +
      "(dpd of eroute fleet)",
  ]);
});

test("a second configuration comes before the first has reached all", () => {
  const table = layTable({ keyExchange: toyKeyExchange, awakeMax: 10_000 });
  const sites = fill(table, 1_200);
  table.feed({ kind: "configuration", plan: planWith({ livenessMs: 7_000 }) });
  table.feed({ kind: "configuration", plan: planWith({ livenessMs: 8_000 }) });
  expect(countOf(sites, 7_000)).toBe(1_100);
  table.advance(20);
  expect(countOf(sites, 8_000)).toBe(1_200);
  expect(table.engine.sites.adjusting).toBeUndefined();
});

test("the shutdown ends the walk over a large table", () => {
  const table = layTable({ keyExchange: toyKeyExchange });
  fill(table, 1_200);
  table.feed({ kind: "configuration", plan: planWith({ livenessMs: 7_000 }) });
  table.feed({ kind: "shutdown" });
  expect(table.engine.sites.adjusting).toBeUndefined();
});

const PLACE = { anchor: { now: 0, wallMs: 1_800_000_000_000 }, generation: 2 };

function planWith(changes: Partial<typeof BASE_EROUTE>): EroutePlan {
  return planOf({}, { eroutes: [{ ...BASE_EROUTE, ...changes }] });
}

/** So many eroutes in use, all but the first without an SA. */
function fill(table: Table, count: number): readonly ErouteInUse[] {
  putRow(table, 1);
  const caller = seat(table, settingsOf(1), toyKeyExchange);
  caller.connect();
  caller.settle();
  const [first] = eroutesInUse(table.engine);
  assert(first !== undefined, "the site is connected");
  const others = Array.from({ length: count - 1 }, (_, number) => ({
    ...first,
    key: `fleet\u0000filled-${number}`,
    peerId: asPeerId(`site-filled-${number}`),
    ikeSas: [],
  }));
  for (const eroute of others) putEroute(table.engine, eroute);
  return [first, ...others];
}

function countOf(sites: readonly ErouteInUse[], livenessMs: number): number {
  return sites.filter(({ base }) => base.livenessMs === livenessMs).length;
}

/** In how many places the preview lets other work go on. */
function stepsOf(table: Table, plan: EroutePlan): number {
  const steps = table.concentrator.preview(plan, { isListened: () => true });
  for (let count = 0; ; count++) if (steps.next().done === true) return count;
}

/** How often the shutdown reads an IKE SA's phase, until all are told. */
function visitsOfShutdown(sites: number): number {
  const plan = planOf({ dynamicEroutesMax: 10_000, halfOpenMax: 10_000, cookieAbove: 10_000 });
  const table = layTable({ plan, keyExchange: toyKeyExchange, awakeMax: sites });
  for (let number = 1; number <= sites; number++) {
    putRow(table, number);
    const caller = seat(table, settingsOf(number), toyKeyExchange);
    caller.connect();
    caller.settle();
    table.sent.length = 0;
  }
  expect(table.concentrator.snapshot().gauges.childSas).toBe(sites);
  let visits = 0;
  for (const [, entry] of ikeSas(table.engine)) {
    let { sa } = entry;
    Object.defineProperty(entry, "sa", {
      get() {
        visits++;
        return sa;
      },
      set(next: typeof sa) {
        sa = next;
      },
    });
  }
  table.feed({ kind: "shutdown" });
  table.advance(200);
  expect(table.engine.negotiation.toTell).toBeUndefined();
  const told = table.effects.filter(({ kind }) => kind === "send").length;
  expect(told).toBeGreaterThanOrEqual(sites);
  return visits;
}
