/** Races between exchanges, expiries and kernel answers, delivered by hand. */

import { expect, test } from "bun:test";
import { performKeyExchange as perform } from "../../src/crypto/key-exchange.ts";
import { type Caller, putRow, seat, settingsOf } from "./caller.ts";
import { endpointOf } from "./plan.ts";
import { siteChildren } from "./site-child.ts";
import { spiOctets } from "./site-messages.ts";
import type { SiteSettings } from "./site-state.ts";
import { layTable, type Table, type TableOptions } from "./table.ts";

test("two sites behind one NAT choose the same SPI: the first one keeps its state", () => {
  const table = layTable();
  const [first, second] = [1, 2].map((number) => {
    putRow(table, number);
    const path = {
      local: endpointOf("203.0.113.7", 10_000 + number),
      remote: endpointOf("198.51.100.1", 500),
    };
    const caller = seat(table, settingsOf(number, { path }));
    const { random } = caller.site.sources;
    const drawsAlike = (count: number) =>
      count === 4 ? Uint8Array.of(0xc0, 0, 0x10, 0) : random(count);
    Object.assign(caller.site.sources, { random: drawsAlike });
    caller.connect();
    caller.settle();
    return caller;
  });
  expect(first?.session().children.length).toBe(1);
  expect(second?.session().children.length).toBe(0);
  expect([...table.kernel.states.keys()]).toContain("203.0.113.7 3221229568");
  expect(table.kernel.states.size).toBe(2);
  expect(table.kernel.policies.size).toBe(3);
});

test("a site's SPI may equal one of ours: expires are told apart by destination", () => {
  const { table, callers } = connected(1);
  const ours = one(callers).session().children[0]?.spiOut ?? 0;
  putRow(table, 2);
  const second = seat(table, settingsOf(2));
  const { random } = second.site.sources;
  const drawsOurs = (count: number) => (count === 4 ? spiOctets(ours) : random(count));
  Object.assign(second.site.sources, { random: drawsOurs });
  second.connect();
  second.settle();
  const theirs = second.session().children[0]?.spiIn ?? 0;
  expect(theirs).toBe(ours);
  const model = table.kernel.states.get(`192.0.2.2 ${theirs}`);
  const expire = model === undefined ? undefined : table.kernel.expire(model);
  if (expire !== undefined) table.feed({ kind: "expire", expire });
  second.settle();
  expect(second.session().children).toEqual([]);
  expect(one(callers).session().children.length).toBe(1);
  expect(table.concentrator.snapshot().gauges.childSas).toBe(1);
  expect(table.kernel.states.has(`198.51.100.1 ${ours}`)).toBe(true);
});

test("one Child SA rekeyed twice: when it is deleted, both of the new ones can send", () => {
  const { table, callers } = connected(1, { deletesReplaced: false });
  const caller = one(callers);
  const old = caller.session().children[0]?.spiIn ?? 0;
  caller.ask({ kind: "rekey-child", spiIn: old });
  caller.ask({ kind: "rekey-child", spiIn: old });
  caller.settle();
  caller.ask({ kind: "delete-child", spiIn: old });
  caller.settle();
  const outbound = siteChildren(caller.site).map((child) => `192.0.2.1 ${child.spiIn}`);
  expect(outbound.length).toBe(2);
  expect([...table.kernel.states.keys()]).toEqual(expect.arrayContaining(outbound));
});

test("the old Child SA expires while its successor's key exchange is under way", () => {
  let isSlow = false;
  const { table, callers } = connected(
    1,
    {},
    {
      keyExchange: (op) => (isSlow ? "later" : perform(op)),
    },
  );
  const caller = one(callers);
  const old = caller.session().children[0];
  isSlow = true;
  caller.ask({ kind: "rekey-child", spiIn: old?.spiIn ?? 0, ke: 31 });
  caller.settle();
  expireAll(table);
  const [waiting] = table.keyExchanges;
  if (waiting !== undefined) waiting.answer(perform(waiting.op));
  caller.settle();
  const fresh = siteChildren(caller.site)[0];
  expect([...table.kernel.states.keys()]).toEqual([
    `198.51.100.1 ${fresh?.spiOut}`,
    `192.0.2.1 ${fresh?.spiIn}`,
  ]);
});

test("the old Child SA expires before the kernel has answered for its successor", () => {
  let holds = false;
  const { table, callers } = connected(1, {}, { holdsKernelAnswers: () => holds });
  const caller = one(callers);
  const before = [...table.kernel.states.values()];
  holds = true;
  caller.ask({ kind: "rekey-child", spiIn: caller.session().children[0]?.spiIn ?? 0 });
  caller.step();
  holds = false;
  for (const model of before) {
    const expire = table.kernel.expire(model);
    if (expire !== undefined) table.feed({ kind: "expire", expire });
  }
  for (const answer of table.kernelAnswers) table.feed(answer);
  caller.settle();
  const [fresh, ...more] = siteChildren(caller.site);
  expect(more).toEqual([]);
  expect([...table.kernel.states.keys()]).toEqual([
    `198.51.100.1 ${fresh?.spiOut}`,
    `192.0.2.1 ${fresh?.spiIn}`,
  ]);
});

test("an outbound state that the kernel refuses at take-over ends the Child SA", () => {
  let isFull = false;
  const { table, callers } = connected(
    1,
    {},
    {
      kernelFaults: (request) => (isFull && request.op === "new-state" ? 12 : undefined),
    },
  );
  const caller = one(callers);
  caller.ask({ kind: "rekey-child", spiIn: caller.session().children[0]?.spiIn ?? 0 });
  caller.step();
  caller.hear();
  isFull = true;
  caller.settle();
  expect(siteChildren(caller.site)).toEqual([]);
  table.advance(6_000);
  expect(table.kernel.states.size).toBe(0);
  expect(table.kernel.policies.size).toBe(0);
  expect(table.concentrator.tableSizes().childSas).toBe(0);
});

test("both ends delete a Child SA at once", () => {
  const { table, callers } = connected(1);
  const caller = one(callers);
  caller.ask({ kind: "delete-child", spiIn: caller.session().children[0]?.spiIn ?? 0 });
  expireAll(table);
  caller.settle();
  expect(siteChildren(caller.site)).toEqual([]);
  expect(table.kernel.states.size).toBe(0);
  caller.ask({ kind: "liveness" });
  caller.settle();
  expect(caller.heard.at(-1)?.kind).toBe("answer");
});

test("both ends delete the IKE SA at once", () => {
  const { table, callers } = connected(1);
  const caller = one(callers);
  caller.ask({ kind: "delete-ike" });
  table.feed({ kind: "shutdown" });
  caller.step();
  const sent = table.sent.length;
  expect(sent).toBe(2);
  caller.settle();
  expect(caller.heard.at(-1)?.kind).toBe("ended");
  table.advance(20_000);
  expect(table.concentrator.tableSizes().ikeSas).toBe(0);
});

test("a Child SA is deleted here while the IKE SA is being rekeyed by the site", () => {
  const { table, callers } = connected(1);
  const caller = one(callers);
  caller.ask({ kind: "rekey-ike" });
  expireAll(table);
  caller.settle();
  expect(siteChildren(caller.site)).toEqual([]);
  table.advance(60_000);
  caller.settle();
  expect(table.concentrator.tableSizes()).toMatchObject({ ikeSas: 1, childSas: 0, eroutes: 1 });
});

test("the old IKE SA after a rekey makes no more Child SAs, and goes by itself", () => {
  const { table, callers } = connected(1, { deletesReplaced: false });
  const caller = one(callers);
  const old = caller.session();
  caller.ask({ kind: "rekey-ike" });
  caller.settle();
  old.isReplaced = false;
  caller.session().isReplaced = true;
  caller.ask({ kind: "new-child" });
  caller.settle();
  const refused = caller.heard.findLast((heard) => heard.kind === "refused");
  expect(refused?.kind === "refused" && refused.notify).toBe(43);
  table.advance(30_000);
  caller.settle();
  expect(table.concentrator.tableSizes()).toMatchObject({ ikeSas: 1, childSas: 1 });
});

test("without a NAT a request from elsewhere is answered there, and nothing moves", () => {
  const { table, callers } = connected(1, { deletesReplaced: false });
  const caller = one(callers);
  caller.ask({ kind: "liveness" });
  const [request] = caller.outbox.splice(0);
  const before = [...table.kernel.states.keys()];
  const elsewhere = endpointOf("192.0.2.77", 500);
  table.deliver(request?.octets ?? new Uint8Array(0), {
    local: caller.site.path.remote,
    remote: elsewhere,
  });
  expect(table.sent.at(-1)?.path.remote).toEqual(elsewhere);
  expect([...table.kernel.states.keys()]).toEqual(before);
  const [view] = table.concentrator.snapshot().eroutes(0, 1);
  expect(view?.ikeSas[0]?.remoteEndpoint).toBe("192.0.2.1:500");
});

test("two negotiations of one site at the same time: the one that ends last stays", () => {
  const table = layTable({ answersLookUps: false });
  putRow(table, 1);
  const [first, second] = [seat(table, settingsOf(1)), seat(table, settingsOf(1))];
  for (const caller of [first, second]) {
    caller.connect();
    caller.step();
    caller.hear();
    caller.step();
  }
  const rows = table.database.find({ by: "peerid", peerid: "site-1" });
  table.lookUps[1]?.answer(rows);
  table.lookUps[0]?.answer(rows);
  table.advance(30_000);
  const { gauges } = table.concentrator.snapshot();
  expect([gauges.dynamicEroutes, gauges.ikeSas, gauges.childSas]).toEqual([1, 1, 1]);
  expect(table.kernel.states.size).toBe(2);
});

function connected(
  count: number,
  changes: Partial<SiteSettings> = {},
  options: TableOptions = {},
): { readonly table: Table; readonly callers: readonly Caller[] } {
  const table = layTable(options);
  const callers = Array.from({ length: count }, (_, index) => {
    putRow(table, index + 1);
    const caller = seat(table, settingsOf(index + 1, changes));
    caller.connect();
    caller.settle();
    return caller;
  });
  return { table, callers };
}

function one(callers: readonly Caller[]): Caller {
  const [caller] = callers;
  if (caller === undefined) throw new Error("nobody is there");
  return caller;
}

/** Every state of the kernel runs out, one after the other. */
function expireAll(table: Table): void {
  for (const model of [...table.kernel.states.values()]) {
    const expire = table.kernel.expire(model);
    if (expire !== undefined) table.feed({ kind: "expire", expire });
  }
}
