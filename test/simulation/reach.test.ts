/**
 * Packets to a connected site without a Child SA: the site is asked for one, and no row is read
 * (R12).
 */

import { expect, test } from "bun:test";
import { traceKey } from "../../src/concentrator/negotiation/trace.ts";
import type { Address } from "../../src/inet/address.ts";
import { REQID_MARK } from "../../src/xfrm/request.ts";
import { type Caller, seat, settingsOf } from "./caller.ts";
import { BASE_EROUTE, endpointOf, planOf, prefixOfText, selectorOf } from "./plan.ts";
import type { SiteSettings } from "./site-state.ts";
import { layTable, type Table } from "./table.ts";

const FIRST = "192.168.1.0/24";
const SECOND = "192.168.101.0/24";
const HOLD_MS = 15_000;

test("R12: a packet to the second subnet of a connected site asks it for that Child SA", () => {
  const { table } = connected({ tsI: [selectorOf(FIRST)] });
  table.feed({ kind: "trace", traced: new Set([traceKey("site-1")]) });
  acquire(table, "192.168.101.7");
  expect(lookUps(table)).toBe(0);
  const asked = table.journal.filter(({ detail }) => detail.includes("CREATE_CHILD_SA request"));
  // Only what is missing; the payloads' names say which end of the exchange we are.
  expect(asked.map(({ detail }) => detail)).toEqual([
    expect.stringMatching(/TSi\(10\.0\.0\.0\/16\) TSr\(192\.168\.101\.0\/24\)/),
  ]);
});

test("R12: both subnets have Child SAs: none is requested", () => {
  const { table, caller } = connected({ tsI: [selectorOf(FIRST), selectorOf(SECOND)] });
  acquire(table, "192.168.101.7");
  caller.settle();
  expect([lookUps(table), table.sent.length]).toEqual([0, 0]);
  expect(table.concentrator.snapshot().gauges.childSas).toBe(1);
});

test("R12: a site that does not answer, or refuses, is asked once, and again after a while", () => {
  const { table, caller } = connected({ tsI: [selectorOf(FIRST)] });
  for (let packet = 0; packet < 100; packet++) acquire(table, `192.168.101.${packet}`);
  expect(table.sent.length).toBe(1);
  caller.settle();
  const [, child] = caller.session().children;
  caller.ask({ kind: "delete-child", spiIn: child?.spiIn ?? 0 });
  caller.settle();
  acquire(table, "192.168.101.7");
  expect(table.sent.length).toBe(0);
  table.advance(HOLD_MS);
  acquire(table, "192.168.101.7");
  expect(table.sent.length).toBe(1);
});

test("R12: a site that deletes the Child SA each time is asked for it ever less often", () => {
  const { table, caller } = connected({ tsI: [selectorOf(FIRST)] });
  const asked: number[] = [];
  for (let second = 0; second < 3_600; second++) {
    acquire(table, "192.168.101.7");
    if (table.sent.length > 0) {
      asked.push(second);
      caller.settle();
      const [, child] = caller.session().children;
      caller.ask({ kind: "delete-child", spiIn: child?.spiIn ?? 0 });
      caller.settle();
    }
    table.advance(1_000);
  }
  const waits = asked.slice(1).map((second, at) => second - (asked[at] ?? 0));
  expect(waits.length).toBeGreaterThan(7);
  expect(waits.length).toBeLessThan(16);
  expect(waits[0]).toBeLessThanOrEqual(15);
  expect(Math.max(...waits)).toBeLessThanOrEqual(601);
});

test("R12: an address of no connected site is looked up, also after the site has gone", () => {
  const { table, caller } = connected({ tsI: [selectorOf(FIRST)] });
  acquire(table, "192.168.55.1");
  expect(lookUps(table)).toBe(1);
  caller.ask({ kind: "delete-ike" });
  caller.settle();
  acquire(table, "192.168.101.7");
  expect(lookUps(table)).toBe(1);
  expect(table.concentrator.tableSizes().reach).toBe(0);
});

test("R12: after its row changes a site is found by the new subnets, not by the old ones", () => {
  const { table } = connected({ tsI: [selectorOf(FIRST)] });
  putSite(table, `${FIRST} 192.168.102.0/24`);
  const again = seat(table, settingsOf(1, { tsI: [selectorOf(FIRST)], initialContact: true }));
  again.connect();
  again.settle();
  table.effects.length = 0;
  acquire(table, "192.168.101.7");
  expect(lookUps(table)).toBe(1);
  acquire(table, "192.168.102.7");
  expect(lookUps(table)).toBe(0);
  expect(table.concentrator.tableSizes().reach).toBe(2);
});

function connected(changes: Partial<SiteSettings>): { table: Table; caller: Caller } {
  const plan = planOf();
  const egroups = plan.egroups.map((egroup) => ({ ...egroup, remoteMask: { v4: 24, v6: 64 } }));
  const eroutes = [{ ...BASE_EROUTE, remoteSubnets: [prefixOfText("192.168.0.0/16")] }];
  const table = layTable({ plan: { ...plan, egroups, eroutes } });
  putSite(table, `${FIRST} ${SECOND}`);
  const caller = seat(table, settingsOf(1, changes));
  caller.connect();
  caller.settle();
  table.effects.length = 0;
  return { table, caller };
}

function putSite(table: Table, remip: string): void {
  table.database.put({
    ...{ peerid: "site-1", password: "secret 1", remip, remmsk: null },
    ...{ peerip: null, bakpeerip: null, ourid: null },
  });
}

/** The acquire for a packet from the office. */
function acquire(table: Table, to: string): void {
  const host = (text: string): Address => endpointOf(text, 0).address;
  const nobody = { family: 4, value: 0n } as const;
  const packet = {
    ...{ src: { ...host("10.0.0.7"), length: 32 }, dst: { ...host(to), length: 32 } },
    ...{ protocol: 1, srcPort: undefined, dstPort: undefined },
  };
  const selector = { ...packet };
  const reqid = ((REQID_MARK << 24) | 1) >>> 0;
  const policy = { selector, direction: "out", mark: undefined, ifId: undefined } as const;
  table.feed({ kind: "acquire", acquire: { src: nobody, dst: nobody, reqid, packet, policy } });
}

function lookUps(table: Table): number {
  return table.effects.splice(0).filter(({ kind }) => kind === "look-up").length;
}
