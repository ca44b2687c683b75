/** The kernel has one state for an address and an SPI, and the sites choose the SPIs. */

import { expect, test } from "bun:test";
import { NotifyType } from "../../src/wire/v2/notify-type.ts";
import { settleThrough } from "./behind-nat.ts";
import { type Caller, putRow, seat, settingsOf } from "./caller.ts";
import { CONCENTRATOR, endpointOf } from "./plan.ts";
import type { SiteSettings } from "./site-state.ts";
import { layTable, type Table, type TableOptions } from "./table.ts";

/** The SPI that a site with a poor source of randomness draws again and again. */
const SPI = 0xc000_1000;
const NAT = "203.0.113.7";

test("a site that restarts with its old SPI is up at once, with no gap in its policies", () => {
  const { table } = connected(1);
  table.effects.length = 0;
  const again = sit(table, 1, { initialContact: true });
  again.connect();
  again.settle();
  expect(again.session().children.length).toBe(1);
  expect(refusals(again)).toEqual([]);
  const ours = again.session().children[0]?.spiOut;
  expect([...table.kernel.states.keys()]).toEqual([`${CONCENTRATOR} ${ours}`, `192.0.2.1 ${SPI}`]);
  expect(table.kernel.policies.size).toBe(3);
  const ops = table.effects.flatMap((e) => (e.kind === "kernel" ? [e.op.op] : []));
  expect(ops).not.toContain("delete-policy");
  expect(table.concentrator.snapshot().gauges).toMatchObject({ childSas: 1, ikeSas: 1 });
});

test("so is one that does not send INITIAL_CONTACT, and other sites keep their SAs", () => {
  const { table, callers } = connected(2);
  const again = sit(table, 1);
  again.connect();
  again.settle();
  expect(again.session().children.length).toBe(1);
  expect(callers[1]?.session().children.length).toBe(1);
  expect(table.kernel.states.has(`192.0.2.2 ${SPI}`)).toBe(true);
  expect(table.kernel.states.size).toBe(4);
});

test("a neighbour behind the same NAT is asked to retry, and is up with another SPI", () => {
  const { table, callers } = connected(2, { nat: true });
  const [first, second] = callers;
  expect(first?.session().children.length).toBe(1);
  if (second === undefined) throw new Error("two sites");
  // Only the Child SA is refused: the IKE SA stays, and we request another one, which the site may
  // not grant.
  expect(refusals(second)).toEqual([NotifyType.NO_ADDITIONAL_SAS]);
  const asked = table.effects.filter((e) => e.kind === "send" && e.octets[18] === CREATE_CHILD_SA);
  expect(asked.length).toBe(1);
  expect(table.concentrator.snapshot().gauges.ikeSas).toBe(2);
  const entry = table.journal.find(({ reason }) => reason === "spi-in-use");
  expect(entry).toMatchObject({ peerId: "site-2", step: "IKE_AUTH" });
  expect(entry?.detail).toContain(`0xc0001000 at ${NAT}, which site-1 has there already`);
  expect(table.concentrator.snapshot().counters.spi_conflicts).toBe(1);
  drawWell(second);
  second.ask({ kind: "new-child" });
  second.settle();
  expect(second.session().children.length).toBe(1);
  expect(table.kernel.states.size).toBe(4);
});

test("a rekey with the SPI that is in use is put off, and the old Child SA goes on", () => {
  const { table, callers } = connected(1);
  const [site] = callers;
  site?.ask({ kind: "rekey-child", spiIn: SPI });
  site?.settle();
  expect(site === undefined ? [] : refusals(site)).toEqual([NotifyType.TEMPORARY_FAILURE]);
  expect(site?.session().children.length).toBe(1);
  expect(table.kernel.states.size).toBe(2);
  expect(table.kernel.policies.size).toBe(3);
});

test("a NAT rebinds to where a neighbour has the SPI: the site is rekeyed, not closed", () => {
  const table = layTable();
  const [first] = [NAT, "203.0.113.8"].map((outside, at) => {
    putRow(table, at + 1);
    const path = { local: endpointOf("172.16.0.1", 500), remote: endpointOf(CONCENTRATOR, 500) };
    const caller = sit(table, at + 1, { path });
    caller.connect();
    settleThrough(table, caller, outside);
    return caller;
  });
  expect(table.kernel.states.size).toBe(4);
  const state = table.kernel.states.get(`${CONCENTRATOR} ${first?.session().children[0]?.spiOut}`);
  if (state === undefined) throw new Error("there is an inbound state");
  const { id, reqid } = state.state;
  table.sent.length = 0;
  table.effects.length = 0;
  const from = endpointOf("203.0.113.8", 33_333);
  table.feed({ kind: "mapping", mapping: { id, reqid, from } });
  const ops = table.effects.flatMap((e) => (e.kind === "kernel" ? [e.op.op] : []));
  expect(ops).toEqual([]);
  expect(table.sent.length).toBe(1);
  expect(table.journal.at(-1)).toMatchObject({ reason: "spi-in-use", peerId: "site-1" });
  expect(table.concentrator.snapshot().gauges.childSas).toBe(2);
});

test.each([
  ["EEXIST: another program has it", 17, "kernel-conflict"],
  ["ENOMEM", 12, "kernel-out-of-memory"],
  ["ENOBUFS", 105, "kernel-out-of-memory"],
  ["EPERM", 1, "kernel-refused"],
  ["ENOSYS", 38, "kernel-refused"],
])("%s is our fault: the site hears nothing, and its repeats try again", (_, errno, reason) => {
  const isNew = { count: 0 };
  const kernelFaults: TableOptions["kernelFaults"] = ({ op }) =>
    op === "new-state" && ++isNew.count === 2 ? errno : undefined;
  const { table, callers } = connected(1, {}, { kernelFaults });
  const [site] = callers;
  expect(site?.heard).toEqual([]);
  expect(table.journal.some((entry) => entry.reason === reason)).toBe(true);
  expect(table.kernel.states.size).toBe(0);
  expect(table.kernel.policies.size).toBe(0);
  table.advance(5_000);
  site?.tick();
  site?.settle();
  expect(site?.session().children.length).toBe(1);
  expect(table.kernel.states.size).toBe(2);
});

/** The exchange type, in the header's octet 18. */
const CREATE_CHILD_SA = 36;

function connected(
  sites: number,
  place: { readonly nat?: boolean } = {},
  options: TableOptions = {},
): { readonly table: Table; readonly callers: readonly Caller[] } {
  const table = layTable(options);
  const callers = Array.from({ length: sites }, (_, at) => {
    const number = at + 1;
    putRow(table, number);
    const behind = {
      local: endpointOf(NAT, 10_000 + number),
      remote: endpointOf(CONCENTRATOR, 500),
    };
    const caller = sit(table, number, place.nat === true ? { path: behind } : {});
    caller.connect();
    caller.settle();
    return caller;
  });
  return { table, callers };
}

/** A site that always chooses {@link SPI}. */
function sit(table: Table, number: number, changes: Partial<SiteSettings> = {}): Caller {
  const caller = seat(table, settingsOf(number, changes));
  const { random } = caller.site.sources;
  const octets = Uint8Array.of(SPI >>> 24, (SPI >>> 16) & 255, (SPI >>> 8) & 255, SPI & 255);
  const draw = (count: number) => (count === 4 ? octets.slice() : random(count));
  Object.assign(caller.site.sources, { random: draw });
  return caller;
}

/** From now on its SPIs are as random as those of other sites. */
function drawWell(caller: Caller): void {
  let next = SPI;
  const { random } = caller.site.sources;
  const draw = (count: number) => {
    if (count !== 4) return random(count);
    next++;
    return Uint8Array.of(next >>> 24, (next >>> 16) & 255, (next >>> 8) & 255, next & 255);
  };
  Object.assign(caller.site.sources, { random: draw });
}

function refusals({ heard }: Caller): readonly number[] {
  return heard.flatMap((output) => (output.kind === "refused" ? [output.notify] : []));
}
