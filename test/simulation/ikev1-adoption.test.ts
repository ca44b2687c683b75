/** Child SAs of sites with IKEv1: adoption, INITIAL-CONTACT, and a site that changes to IKEv2. */

import { expect, test } from "bun:test";
import { isAtRest } from "../../src/concentrator/resting.ts";
import { type KeyExchangeRequest, performKeyExchange } from "../../src/crypto/key-exchange.ts";
import { Ke } from "../../src/crypto/transform.ts";
import type { Ikev1Rule } from "../../src/eroute/eroute.ts";
import { encapsulationMode } from "../../src/ike/v1/transform-numbers.ts";
import { formatAddress } from "../../src/inet/address.ts";
import { Reader } from "../../src/octets/reader.ts";
import { Writer } from "../../src/octets/writer.ts";
import { DOI_IPSEC, type Payload, Protocol } from "../../src/wire/v1/message.ts";
import { NotifyType } from "../../src/wire/v1/notify-type.ts";
import { seat, settingsOf } from "./caller.ts";
import { rowOf } from "./database.ts";
import { type Caller, type CallerKnobs, ikev1Caller } from "./ikev1-caller.ts";
import type { CallerQuick } from "./ikev1-caller-exchanges.ts";
import { aboutIsakmp } from "./ikev1-payloads.ts";
import { IKEV1_ESP_SUITE, IKEV1_IKE_SUITE } from "./ikev1-suites.ts";
import { removeLeftovers } from "./keeping.ts";
import { BASE_EROUTE, CONCENTRATOR, endpointOf, planOf } from "./plan.ts";
import { layTable, type Table } from "./table.ts";
import { toyKeyExchange } from "./toy-key-exchange.ts";

const V1: Ikev1Rule = {
  mode: "both",
  ...{ legacy: false, xauth: false, pushesConfig: false, sha256With96Bits: false },
  ...{ ike: [IKEV1_IKE_SUITE], esp: [IKEV1_ESP_SUITE] },
};

const PATH = { local: endpointOf(CONCENTRATOR, 500), remote: endpointOf("192.0.2.1", 500) };

function layFleet(keeps = false, changes: Partial<typeof BASE_EROUTE> = {}): Table {
  const versions = { v2: true, v1: V1 };
  const eroutes = [{ ...BASE_EROUTE, versions, livenessMs: undefined, ...changes }];
  const plan = planOf({}, { eroutes });
  // Callers with IKEv2 use real groups.
  const keyExchange = (op: KeyExchangeRequest) =>
    op.method === Ke.ECP_256 ? toyKeyExchange(op) : performKeyExchange(op);
  const table = layTable({ plan, keyExchange, keeps });
  table.database.put(rowOf("site-1", "one key for both", "192.168.1.0"));
  return table;
}

/** Phase 1 of site-1 and, unless it is left out, a Quick Mode. */
function callIn(table: Table, knobs: CallerKnobs = {}, withChild = true): Caller {
  const caller = ikev1Caller({ called: CONCENTRATOR, ...knobs });
  table.deliver(caller.first(), PATH);
  table.deliver(caller.third(said(table), PATH), PATH);
  if (withChild) connectChild(table, caller);
  return caller;
}

function connectChild(table: Table, caller: Caller): CallerQuick {
  const quick = caller.quick();
  table.deliver(quick.octets, PATH);
  caller.granted(quick, said(table));
  table.deliver(caller.quickThird(quick), PATH);
  return quick;
}

function said(table: Table): Uint8Array {
  const all = table.sent.splice(0);
  expect(all).toHaveLength(1);
  return all[0]?.octets ?? new Uint8Array(0);
}

function deleteOf(protocol: number, spi: Uint8Array): Payload {
  return { kind: "DELETE", doi: DOI_IPSEC, protocol, spis: [spi] };
}

const siteOf = (table: Table) => table.concentrator.snapshot().site("site-1")[0];

test("R2, R4: a site that calls with IKEv1 gets its row, its eroute and its SAs", () => {
  const table = layFleet();
  callIn(table);
  expect(siteOf(table)).toMatchObject({ state: "established", peerAddress: "192.0.2.1" });
  expect(siteOf(table)?.childSas).toHaveLength(1);
  expect(table.kernel.states.size).toBe(2);
});

test("the message upon which we send with new keys comes from another address", () => {
  const table = layFleet();
  // Behind a NAT.
  const caller = callIn(table, { inner: "10.9.9.9" }, false);
  const mode = encapsulationMode("tunnel", "rfc");
  const first = caller.quick({ mode });
  table.deliver(first.octets, PATH);
  caller.granted(first, said(table));
  table.deliver(caller.quickThird(first), PATH);
  const quick = caller.quick({ mode });
  table.deliver(quick.octets, PATH);
  caller.granted(quick, said(table));
  const moved = { local: PATH.local, remote: endpointOf("192.0.2.77", 500) };
  table.deliver(caller.quickThird(quick), moved);
  const outbound = [...table.kernel.states.values()].filter(({ state }) => {
    return state.direction === "out";
  });
  expect(outbound.map(({ state }) => formatAddress(state.id.dst))).toEqual([
    "192.0.2.77",
    "192.0.2.77",
  ]);
});

test("R6: an unknown ID is not answered, and the journal says why", () => {
  const table = layFleet();
  table.deliver(ikev1Caller({ id: "site-9", called: CONCENTRATOR }).first(), PATH);
  expect(table.sent).toEqual([]);
  expect(table.journal.some(({ reason }) => reason === "no-row")).toBe(true);
  expect(table.concentrator.tableSizes().ikeSas).toBe(0);
});

test("Phase 1 anew: its Child SAs go over to the newest, and no packet is lost", () => {
  const table = layFleet();
  callIn(table);
  const states = [...table.kernel.states.keys()];
  const newer = callIn(table, { seed: 4 }, false);
  expect([...table.kernel.states.keys()]).toEqual(states);
  table.advance(31_000);
  table.sent.splice(0);
  expect(table.concentrator.tableSizes().ikeSas).toBe(1);
  expect([...table.kernel.states.keys()]).toEqual(states);
  connectChild(table, newer);
  expect(siteOf(table)?.childSas).toHaveLength(2);
  table.advance(60_000);
  expect(siteOf(table)?.childSas).toHaveLength(1);
  expect(table.kernel.states.size).toBe(2);
});

test("R5: Child SAs outlive a deleted ISAKMP SA, and the next one adopts them", () => {
  const table = layFleet();
  const caller = callIn(table, {}, false);
  const quick = connectChild(table, caller);
  const gone = deleteOf(Protocol.ISAKMP, caller.cookies());
  table.deliver(caller.inform([gone]), PATH);
  expect(table.concentrator.tableSizes().ikeSas).toBe(0);
  expect(table.kernel.states.size).toBe(2);
  const newer = callIn(table, { seed: 4 }, false);
  expect(table.kernel.states.size).toBe(2);
  const spi = new Writer(4).u32(quick.spi).done();
  table.deliver(newer.inform([deleteOf(Protocol.ESP, spi)]), PATH);
  table.advance(6_000);
  expect(table.kernel.states.size).toBe(0);
});

test("INITIAL-CONTACT removes what the site had before", () => {
  const table = layFleet();
  callIn(table);
  callIn(table, { seed: 4, initialContact: true });
  table.advance(6_000);
  expect(table.concentrator.tableSizes().ikeSas).toBe(1);
  expect(table.kernel.states.size).toBe(2);
});

test("INITIAL-CONTACT that comes late removes the other ISAKMP SAs and their Child SAs", () => {
  const table = layFleet();
  callIn(table);
  table.advance(10);
  const newer = callIn(table, { seed: 4 });
  table.deliver(newer.inform([aboutIsakmp(NotifyType.INITIAL_CONTACT, newer.cookies())]), PATH);
  expect(table.concentrator.tableSizes().ikeSas).toBe(1);
  expect(siteOf(table)?.childSas).toHaveLength(1);
});

test("a site that comes with IKEv2 the next day: one eroute, and the old SAs go", () => {
  const table = layFleet();
  callIn(table);
  const keys = [...table.kernel.states.keys()];
  const caller = seat(table, settingsOf(1));
  table.database.put(rowOf("site-1", "secret 1", "192.168.1.0"));
  caller.connect();
  caller.settle();
  table.advance(15_000);
  const left = [...table.kernel.states.keys()];
  expect(left.filter((key) => keys.includes(key))).toEqual([]);
  expect(table.concentrator.tableSizes().ikeSas).toBe(1);
  expect(table.concentrator.snapshot().site("site-1")).toHaveLength(1);
});

test("the next process goes on with sites that use IKEv1, also after a crash", () => {
  for (const isCrash of [false, true]) {
    const table = layFleet(isCrash);
    const caller = callIn(table);
    const states = [...table.kernel.states.keys()];
    table.advance(1_000);
    expect(isCrash ? table.crash(2_000) : table.succeed(2_000)).toBe(true);
    table.sent.splice(0);
    expect([...table.kernel.states.keys()]).toEqual(states);
    const data = new Writer(4).u32(1).done();
    const question = aboutIsakmp(NotifyType.R_U_THERE, caller.cookies(), data);
    table.deliver(caller.inform([question]), PATH);
    caller.open(said(table));
    connectChild(table, caller);
    expect(siteOf(table)?.childSas).toHaveLength(2);
  }
});

test("the ISAKMP SA that was to take Child SAs has gone: another of the site takes them", () => {
  const table = layFleet();
  const first = callIn(table, {}, false);
  const quick = first.quick();
  table.deliver(quick.octets, PATH);
  first.granted(quick, said(table));
  callIn(table, {}, false);
  const third = callIn(table, {}, false);
  table.deliver(third.inform([deleteOf(Protocol.ISAKMP, third.cookies())]), PATH);
  // Its third message comes late.
  table.deliver(first.quickThird(quick), PATH);
  expect(siteOf(table)?.childSas).toHaveLength(1);
  expect(table.kernel.states.size).toBe(2);
});

/** The kernel reports that the inbound state of the only Child SA has reached its hard limit. */
function expireChild(table: Table): number {
  const model = [...table.kernel.states.values()].find(({ state }) => state.direction === "in");
  const expire = model === undefined ? undefined : table.kernel.expire(model);
  if (expire !== undefined) table.feed({ kind: "expire", expire });
  return model?.state.id.spi ?? 0;
}

/** SPIs of Child SAs in the Deletes that the site has got. */
function toldTo(caller: Caller, table: Table): readonly number[] {
  return table.sent.splice(0).flatMap(({ octets }) =>
    caller.open(octets).payloads.flatMap((payload) => {
      if (payload.kind !== "DELETE" || payload.protocol !== Protocol.ESP) return [];
      return payload.spis.map((spi) => new Reader(spi, "SPI").u32());
    }),
  );
}

test.each([false, true])(
  "a Child SA without an ISAKMP SA ends: the site is told in the next one, upgrade: %p",
  (isUpgraded) => {
    const table = layFleet();
    const caller = callIn(table);
    connectChild(table, caller);
    table.deliver(caller.inform([deleteOf(Protocol.ISAKMP, caller.cookies())]), PATH);
    const spi = expireChild(table);
    expect(table.sent).toEqual([]);
    if (isUpgraded) expect(table.succeed(2_000)).toBe(true);
    const newer = callIn(table, { seed: 4 }, false);
    expect(toldTo(newer, table)).toEqual([spi]);
    table.advance(3_000);
    expect(toldTo(newer, table)).toEqual([spi]);
  },
);

test("the same after a crash", () => {
  const table = layFleet(true);
  const caller = callIn(table);
  connectChild(table, caller);
  table.deliver(caller.inform([deleteOf(Protocol.ISAKMP, caller.cookies())]), PATH);
  const spi = expireChild(table);
  expect(table.crash(2_000)).toBe(true);
  expect(toldTo(callIn(table, { seed: 4 }, false), table)).toEqual([spi]);
});

test("another ISAKMP SA of the site is there: the site is told in that one", () => {
  const table = layFleet();
  const first = callIn(table);
  // The third message of a second Quick Mode never comes.
  const quick = first.quick();
  table.deliver(quick.octets, PATH);
  first.granted(quick, said(table));
  const newer = callIn(table, { seed: 4 }, false);
  table.deliver(first.inform([deleteOf(Protocol.ISAKMP, first.cookies())]), PATH);
  expect(toldTo(newer, table)).toHaveLength(1);
  expect(siteOf(table)?.childSas).toHaveLength(1);
});

test('uniqueness = "keep": only at its own address, from any port, a site comes anew', () => {
  const life = { ...BASE_EROUTE.life, uniqueness: "keep" } as const;
  const table = layFleet(false, { life });
  callIn(table);
  const answers = (address: string, port: number, seed: number): number => {
    const caller = ikev1Caller({ called: CONCENTRATOR, seed });
    const path = { local: PATH.local, remote: endpointOf(address, port) };
    table.deliver(caller.first(), path);
    const [answer] = table.sent.splice(0);
    if (answer !== undefined) table.deliver(caller.third(answer.octets, path), path);
    table.sent.splice(0);
    return table.concentrator.tableSizes().ikeSas;
  };
  expect(answers("192.0.2.9", 500, 5)).toBe(1);
  expect(table.journal.some(({ reason }) => reason === "already-connected")).toBe(true);
  expect(answers("192.0.2.1", 20_001, 6)).toBe(2);
});

test("two devices with one ID: what one may not know sends if nothing else does to it", () => {
  const table = layFleet();
  const begin = (caller: Caller, remote: typeof PATH.remote) => {
    const path = { local: PATH.local, remote };
    table.deliver(caller.first(), path);
    table.deliver(caller.third(said(table), path), path);
    return path;
  };
  const one = ikev1Caller({ called: CONCENTRATOR, seed: 1 });
  const other = ikev1Caller({ called: CONCENTRATOR, seed: 2, vendors: [] });
  const elsewhere = begin(other, endpointOf("192.0.2.9", 500));
  const quick = other.quick();
  table.deliver(quick.octets, elsewhere);
  other.granted(quick, said(table));
  table.deliver(other.quickThird(quick), elsewhere);
  begin(one, PATH.remote);
  const known = connectChild(table, one);
  // Its third message has not come when the site deletes the one before.
  table.deliver(one.quick().octets, PATH);
  const spi = new Writer(4).u32(known.spi).done();
  table.deliver(one.inform([deleteOf(Protocol.ESP, spi)]), PATH);
  const towards = [...table.kernel.states.values()].filter(
    ({ state }) => state.direction === "out" && formatAddress(state.id.dst) === "192.0.2.1",
  );
  expect(towards).toHaveLength(1);
});

/** The former ISAKMP SA keeps both Child SAs: the third message of the second one has not come. */
function withTwoIsakmpSas() {
  const table = layFleet();
  const former = callIn(table, {}, false);
  const first = connectChild(table, former);
  const second = former.quick();
  table.deliver(second.octets, PATH);
  former.granted(second, said(table));
  const newer = callIn(table, { seed: 4 }, false);
  expect(siteOf(table)?.childSas).toHaveLength(2);
  return { table, former, newer, first, second };
}

test("the site deletes in its newer ISAKMP SA a Child SA that the former one still has", () => {
  const { table, newer, first, second } = withTwoIsakmpSas();
  const spi = new Writer(4).u32(first.spi).done();
  table.deliver(newer.inform([deleteOf(Protocol.ESP, spi)]), PATH);
  expect(siteOf(table)?.childSas.map(({ spiOut }) => Number(spiOut))).toEqual([second.spi]);
});

test("the same by our SPI; an SPI that nobody has changes nothing", () => {
  const { table, newer, first } = withTwoIsakmpSas();
  const unknown = new Writer(4).u32(0x1234_5678).done();
  table.deliver(newer.inform([deleteOf(Protocol.ESP, unknown)]), PATH);
  const [, other] = siteOf(table)?.childSas ?? [];
  const ours = new Writer(4).u32(other?.spiIn ?? 0).done();
  table.deliver(newer.inform([deleteOf(Protocol.ESP, ours)]), PATH);
  expect(siteOf(table)?.childSas.map(({ spiOut }) => Number(spiOut))).toEqual([first.spi]);
});

test("another site cannot delete it", () => {
  const { table, first } = withTwoIsakmpSas();
  table.database.put(rowOf("site-2", "one key for both", "192.168.2.0"));
  const stranger = callIn(table, { id: "site-2", seed: 9 }, false);
  const spi = new Writer(4).u32(first.spi).done();
  table.deliver(stranger.inform([deleteOf(Protocol.ESP, spi)]), PATH);
  expect(siteOf(table)?.childSas).toHaveLength(2);
});

test("a site at rest that cannot be read ends, and calls again at once", () => {
  for (const from of [0, 6, -1]) {
    const table = layFleet();
    callIn(table);
    table.advance(1);
    table.feed({ kind: "deadline" });
    const { engine, concentrator } = table;
    const [held] = [...engine.sites.eroutes.values()];
    if (!isAtRest(held)) throw new Error("it is at rest");
    expect(engine.resting.resters).toMatchObject({ v1: 1, v2: 0 });
    engine.resting.documents.view(held).fill(0xff, from);
    expect(concentrator.snapshot().eroutes(0, 9)).toEqual([]);
    table.advance(0);
    const { counters, gauges } = concentrator.snapshot();
    expect([counters.internal_errors, gauges.ikeSas, gauges.childSas]).toEqual([1, 0, 0]);
    expect(engine.resting.resters).toEqual({ v1: 0, v2: 0, canBeSentAway: 0 });
    if (concentrator.hasLeftBehind()) removeLeftovers(table.kernel, concentrator);
    expect([table.kernel.states.size, table.kernel.policies.size]).toEqual([0, 0]);
    table.sent.length = 0;
    callIn(table);
    expect(siteOf(table)?.childSas).toHaveLength(1);
  }
});
