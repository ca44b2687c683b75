/** Calls under way when the configuration, a row or an operator changes their settings. */

import { expect, test } from "bun:test";
import type { EroutePlan, NormalEroute } from "../../src/eroute/eroute.ts";
import { parseAddress } from "../../src/inet/address.ts";
import { assert } from "../../src/octets/assert.ts";
import { ok } from "../../src/octets/result.ts";
import { parseIdentity } from "../../src/wire/identity.ts";
import { REQID_MARK } from "../../src/xfrm/request.ts";
import type { XfrmSelector } from "../../src/xfrm/selector.ts";
import { seat, settingsOf } from "./caller.ts";
import { rowOf } from "./database.ts";
import { namesOf, reasonsOf } from "./neighbours.ts";
import {
  BASE_EROUTE,
  CONCENTRATOR,
  NORMAL_EROUTE,
  planOf,
  prefixOfText,
  selectorOf,
} from "./plan.ts";
import { layTable, type Table } from "./table.ts";

const LAB = "203.0.113.7";

test("disconnect: a call is cancelled, and start = always waits for the operator", () => {
  const table = layTable({ plan: labPlan() });
  table.advance(0);
  expect(hostsOf(table)).toEqual([LAB]);
  resolved(table, LAB);
  expect(table.sent.length).toBe(1);
  table.feed({ kind: "disconnect", peerId: "lab-gw" });
  table.sent.length = 0;
  table.advance(3_600_000);
  expect([table.sent.length, hostsOf(table).length]).toEqual([0, 1]);
  expect(reasonsOf(table, "lab-gw")).toContain("disconnected-by-hand");
  expect(table.concentrator.tableSizes().ikeSas).toBe(0);
  table.feed({ kind: "connect", peerId: "lab-gw" });
  expect(hostsOf(table).length).toBe(2);
});

test("another peerip ends the call to the former one; the new one is called at once", () => {
  const table = layTable({ plan: labPlan() });
  table.advance(0);
  resolved(table, LAB);
  expect(table.concentrator.snapshot().isCalling("lab-gw")).toBe(true);
  configure(table, labPlan({ peerip: "203.0.113.9" }));
  table.advance(0);
  expect(hostsOf(table)).toEqual([LAB, "203.0.113.9"]);
  expect(table.concentrator.tableSizes().ikeSas).toBe(0);
  expect(reasonsOf(table, "lab-gw")).toContain("reconfigured");
});

test("other proposals leave a call alone", () => {
  const table = layTable({ plan: labPlan() });
  table.advance(0);
  resolved(table, LAB);
  configure(table, labPlan({ livenessMs: 60_000 }));
  table.advance(0);
  expect(hostsOf(table)).toEqual([LAB]);
  expect(table.concentrator.tableSizes().ikeSas).toBe(1);
});

test("a call that waits after a failure is made at once with the new configuration", () => {
  const table = layTable({ plan: labPlan({ peerip: undefined }) });
  table.advance(0);
  expect(reasonsOf(table, "lab-gw")).toEqual(["no-peer-address"]);
  configure(table, labPlan());
  table.advance(0);
  expect(hostsOf(table)).toEqual([LAB]);
});

test("start = always: closed by a new configuration, the site is called again", () => {
  const table = layTable({ plan: labPlan() });
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
  expect(namesOf(table)).toEqual(["lab"]);
  const before = hostsOf(table).length;
  configure(table, labPlan({ localSubnets: [prefixOfText("10.9.0.0/16")] }));
  expect(namesOf(table)).toEqual([]);
  table.advance(2_000);
  expect(hostsOf(table).length).toBe(before + 1);
});

test("R12: after a row is corrected the next packet makes a call, without the wait", () => {
  const table = layTable({ answersLookUps: false });
  const row = { ...rowOf("site-1", "secret 1", "192.168.1.0"), peerip: LAB };
  acquire(table, "192.168.1.5");
  table.lookUps[0]?.answer(ok([row]));
  // The host name cannot be resolved, so the call fails.
  resolved(table, undefined);
  acquire(table, "192.168.1.5");
  expect(table.lookUps.length).toBe(1);
  table.feed({ kind: "row-changed", egroup: "sites", peerId: "site-1" });
  acquire(table, "192.168.1.5");
  expect(table.lookUps.length).toBe(2);
});

test("R12: a call whose row was read with the former base eroute goes on with the new one", () => {
  const table = layTable({ answersLookUps: false });
  table.feed({ kind: "connect", peerId: "site-1" });
  expect(table.lookUps.length).toBe(1);
  configure(table, planOf({}, { eroutes: [{ ...BASE_EROUTE, ourid: "new.example" }] }));
  table.lookUps[0]?.answer(ok([{ ...rowOf("site-1", "k", "192.168.1.0"), peerip: LAB }]));
  expect(hostsOf(table)).toEqual([LAB]);
  configure(table, planOf({}, { eroutes: [{ ...BASE_EROUTE, egroup: "others" }] }));
  resolved(table, LAB);
  expect(table.sent).toEqual([]);
  expect(reasonsOf(table, "site-1")).toEqual(["reconfigured"]);
});

function labPlan(changes: Partial<NormalEroute> = {}): EroutePlan {
  const life = { ...NORMAL_EROUTE.life, start: "always" } as const;
  const lab: NormalEroute = { ...NORMAL_EROUTE, life, peerip: LAB, ...changes };
  return planOf({}, { eroutes: [BASE_EROUTE, lab] });
}

function configure(table: Table, plan: EroutePlan): void {
  table.feed({ kind: "configuration", plan });
}

/** All host names that had to be resolved so far. */
function hostsOf(table: Table): readonly string[] {
  return table.effects.flatMap((effect) => (effect.kind === "resolve" ? [effect.host] : []));
}

/** Answers the last one. */
function resolved(table: Table, address: string | undefined): void {
  const last = table.effects.findLast((effect) => effect.kind === "resolve");
  assert(last?.kind === "resolve", "nothing is to be resolved");
  const ends = address === undefined ? [] : [{ local: at(CONCENTRATOR), remote: at(address) }];
  table.feed({ kind: "resolved", resolve: last.resolve, result: ok(ends) });
}

function at(text: string) {
  const address = parseAddress(text);
  assert(address !== undefined, text);
  return address;
}

/** A packet from our side without a matching SA. */
function acquire(table: Table, to: string): void {
  const src = at("10.0.0.1");
  const dst = at(to);
  const packet: XfrmSelector = {
    src: { ...src, length: 32 },
    dst: { ...dst, length: 32 },
    ...{ protocol: 0, srcPort: undefined, dstPort: undefined },
  };
  const reqid = (REQID_MARK << 24) >>> 0;
  const policy = { direction: "out", selector: packet, mark: undefined, ifId: undefined } as const;
  table.feed({ kind: "acquire", acquire: { src, dst, packet, reqid, policy } });
}

test("a bug in the IKE SA of a call costs that IKE SA: the site is called again", () => {
  let isBroken = false;
  const table = layTable({
    plan: labPlan(),
    random(count, prng) {
      if (!isBroken) return prng.octets(count);
      isBroken = false;
      throw new Error("a bug of ours");
    },
    keyExchange: () => "later",
  });
  table.advance(0);
  resolved(table, LAB);
  isBroken = true;
  const [publicValue, sharedSecret] = [new Uint8Array(32), new Uint8Array(0)];
  table.keyExchanges[0]?.answer({ ok: true, value: { publicValue, sharedSecret } });
  expect(reasonsOf(table, "lab-gw")).toContain("internal-error");
  expect(table.concentrator.tableSizes()).toMatchObject({ ikeSas: 0, callsAdrift: 0 });
  table.advance(30_000);
  expect(hostsOf(table)).toEqual([LAB, LAB]);
});
