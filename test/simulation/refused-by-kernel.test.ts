/** IKE_AUTH whose first Child SA our kernel refuses: each repeat of the site tries again (R6). */

import { expect, test } from "bun:test";
import { sealMessage } from "../../src/ike/v2/protect.ts";
import type { Address } from "../../src/inet/address.ts";
import { ExchangeType } from "../../src/wire/v2/exchange-type.ts";
import type { XfrmAcquire } from "../../src/xfrm/event.ts";
import { REQID_MARK } from "../../src/xfrm/request.ts";
import { type Caller, putRow, seat, settingsOf } from "./caller.ts";
import { BASE_EROUTE, endpointOf, planOf } from "./plan.ts";
import { layTable, type Table, type TableOptions } from "./table.ts";

const ENOMEM = 12;
const ENETUNREACH = 101;

test("R6: the kernel accepts the Child SA at the next repeat, and the site is up", () => {
  const { table, caller, kernel } = called();
  repeat(table, caller, 2);
  expect([table.sent.length, heardBy(caller)]).toEqual([0, []]);
  kernel.errno = undefined;
  repeat(table, caller, 1);
  expect(heardBy(caller)).toEqual(["established", "child-up"]);
  caller.ask({ kind: "liveness" });
  caller.settle();
  expect(caller.heard.at(-1)?.kind).toBe("answer");
  expect([table.kernel.states.size, table.kernel.policies.size]).toEqual([2, 3]);
  const [view] = table.concentrator.snapshot().eroutes(0, 1);
  expect([view?.ikeSas.length, view?.childSas.length]).toEqual([1, 1]);
  expect(table.concentrator.snapshot().gauges.halfOpenIkeSas).toBe(0);
});

test("R6: each repeat tries once, however fast they come, and the reason is noted once", () => {
  const { table, caller } = called();
  const request = caller.site.negotiation?.flight.octets ?? new Uint8Array();
  const { local, remote } = caller.site.path;
  for (let i = 0; i < 50; i++) table.deliver(request, { local: remote, remote: local });
  expect(triesOf(table)).toBe(1);
  repeat(table, caller, 3);
  expect(triesOf(table)).toBe(4);
  const { counters } = table.concentrator.snapshot();
  expect(counters.authentications_unanswered).toBe(4);
  const held = table.journal.filter(({ step, detail }) => {
    return step === "IKE_AUTH" && detail.includes("not answered");
  });
  expect(held.map(({ reason }) => reason)).toEqual(["kernel-out-of-memory"]);
});

test("R6: the kernel refuses for good: no answer until the time is over; nothing is left", () => {
  const { table, caller } = called();
  repeat(table, caller, 2);
  table.advance(30_000);
  expect(table.sent).toEqual([]);
  expect(table.concentrator.tableSizes()).toMatchObject({ ikeSas: 0, eroutes: 0, deadlines: 0 });
  expect([table.kernel.states.size, table.kernel.policies.size]).toEqual([0, 0]);
  const last = table.journal.findLast(({ step }) => step === "IKE_AUTH");
  expect([last?.reason, last?.outcome]).toEqual(["unanswered", "note"]);
  expect(last?.detail).toContain("3 times");
});

test("R6: SAs from before the refused call stay", () => {
  const { table, caller, kernel } = called({ isRefusing: false });
  expect(heardBy(caller)).toEqual(["established", "child-up"]);
  kernel.errno = ENOMEM;
  const again = seat(table, settingsOf(1, { initialContact: true }));
  again.connect();
  again.settle();
  repeat(table, again, 2);
  table.advance(30_000);
  expect(table.sent.filter(({ octets }) => octets.length > 0)).toEqual([]);
  const [view] = table.concentrator.snapshot().eroutes(0, 1);
  expect([view?.ikeSas.length, view?.childSas.length]).toEqual([1, 1]);
  expect(table.kernel.states.size).toBe(2);
});

test("R6: while a site waits it gets no requests, and a new call replaces the old one", () => {
  const plan = planOf({}, { eroutes: [{ ...BASE_EROUTE, livenessMs: 2_000 }] });
  const { table, caller, kernel } = called({ plan });
  repeat(table, caller, 1);
  table.feed({ kind: "acquire", acquire: packetTo("192.168.1.9") });
  table.advance(10_000);
  expect(table.sent).toEqual([]);
  kernel.errno = undefined;
  const again = seat(table, settingsOf(1));
  again.connect();
  again.settle();
  expect(heardBy(again)).toEqual(["established", "child-up"]);
  table.advance(60_000);
  const [view] = table.concentrator.snapshot().eroutes(0, 1);
  expect(view?.ikeSas.length).toBe(1);
});

test("R6: another request with the same message ID is not a repeat", () => {
  const { table, caller } = called();
  table.advance(1_000);
  const { negotiation } = caller.site;
  if (negotiation?.phase !== "authenticating") throw new Error("no IKE_AUTH under way");
  const [other] = sealMessage(
    negotiation.secured,
    { exchangeType: ExchangeType.IKE_AUTH, response: false, messageId: 1 },
    [],
    { random: (count) => table.prng.octets(count), onMessage: undefined },
  );
  const { local, remote } = caller.site.path;
  table.deliver(other ?? new Uint8Array(), { local: remote, remote: local });
  expect(triesOf(table)).toBe(1);
  expect(table.concentrator.snapshot().counters.messages_out_of_window).toBe(1);
});

test("a route that the kernel refuses is tried again as well", () => {
  const eroutes = [{ ...BASE_EROUTE, child: { ...BASE_EROUTE.child, routes: true } }];
  const table = layTable({
    plan: planOf({}, { eroutes }),
    kernelFaults: ({ op }) => (op === "put-route" ? refusal.errno : undefined),
  });
  const refusal: { errno: number | undefined } = { errno: ENETUNREACH };
  putRow(table, 1);
  const caller = seat(table, settingsOf(1));
  caller.connect();
  caller.settle();
  expect([heardBy(caller), table.kernel.states.size]).toEqual([[], 0]);
  refusal.errno = undefined;
  repeat(table, caller, 1);
  expect([heardBy(caller), table.kernel.routes.size]).toEqual([["established", "child-up"], 1]);
});

function called({
  plan = planOf(),
  isRefusing = true,
}: {
  readonly plan?: TableOptions["plan"];
  readonly isRefusing?: boolean;
} = {}) {
  const kernel: { errno: number | undefined } = { errno: isRefusing ? ENOMEM : undefined };
  const kernelFaults: TableOptions["kernelFaults"] = ({ op }) =>
    op === "new-state" ? kernel.errno : undefined;
  const table = layTable({ plan, kernelFaults });
  putRow(table, 1);
  const caller = seat(table, settingsOf(1));
  caller.connect();
  caller.settle();
  return { table, caller, kernel };
}

/** The site repeats unanswered requests this many times. */
function repeat(table: Table, caller: Caller, times: number): void {
  for (let i = 0; i < times; i++) {
    const due = caller.site.negotiation?.flight.retransmitAt ?? 0;
    table.advance(Math.max(0, due - table.now()));
    caller.tick();
    caller.settle();
  }
}

/** There is a packet from our side to the site. */
function packetTo(to: string): XfrmAcquire {
  const host = (text: string): Address => endpointOf(text, 0).address;
  const nobody = { family: 4, value: 0n } as const;
  const packet = {
    ...{ src: { ...host("10.0.0.7"), length: 32 }, dst: { ...host(to), length: 32 } },
    ...{ protocol: 1, srcPort: undefined, dstPort: undefined },
  };
  const reqid = ((REQID_MARK << 24) | 1) >>> 0;
  const policy = { selector: packet, direction: "out", mark: undefined, ifId: undefined } as const;
  return { src: nobody, dst: nobody, reqid, packet, policy };
}

/** How often the kernel was asked for an inbound state. */
function triesOf(table: Table): number {
  const isIn = (effect: Table["effects"][number]) =>
    effect.kind === "kernel" && effect.op.op === "new-state" && effect.op.state.direction === "in";
  return table.effects.filter(isIn).length;
}

const heardBy = (caller: Caller) => caller.heard.map(({ kind }) => kind);
