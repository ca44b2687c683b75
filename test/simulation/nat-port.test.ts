/** ESP in UDP has its own port (RFC 7296 §2.23): IKE on the other port does not move it there. */

import { expect, test } from "bun:test";
import { notify } from "../../src/ike/v2/notify.ts";
import { formatEndpoint } from "../../src/inet/endpoint.ts";
import { ExchangeType } from "../../src/wire/v2/exchange-type.ts";
import { NotifyType } from "../../src/wire/v2/notify-type.ts";
import { settleThrough } from "./behind-nat.ts";
import { type Caller, putRow, seat, settingsOf } from "./caller.ts";
import { CONCENTRATOR, endpointOf } from "./plan.ts";
import type { Ask, SiteSettings } from "./site-state.ts";
import { layTable, type Table } from "./table.ts";

const OUTSIDE = "203.0.113.5";
const V6 = "2001:db8:5::1";
/** What the NAT makes of ports 4500 and 500, see `behind-nat.ts`. */
const [MAPPED_4500, MAPPED_500] = [61_000, 60_999];

const ASKS: readonly (readonly [string, Ask])[] = [
  ["a liveness check", { kind: "liveness" }],
  ["a rekey of the IKE SA", { kind: "rekey-ike" }],
  ["a new Child SA", { kind: "new-child" }],
];

test.each(ASKS)("%s on port 500 after 4500 is answered there; ESP in UDP stays", (_, ask) => {
  const { table, caller } = connected();
  goTo(caller, 500);
  table.effects.length = 0;
  caller.ask(ask);
  settleThrough(table, caller, OUTSIDE);
  const answers = table.effects.flatMap((e) => (e.kind === "send" ? [e.path] : []));
  expect(answers.map(({ remote }) => formatEndpoint(remote))[0]).toBe(`${OUTSIDE}:${MAPPED_500}`);
  expect(answers[0]?.local.port).toBe(500);
  expect(moves(table)).toEqual([]);
  expect(new Set(ports(table))).toEqual(new Set([`4500 ${MAPPED_4500}`]));
});

test("our requests go to 4500, whatever port the site last used", () => {
  const { table, caller } = connected();
  goTo(caller, 500);
  caller.ask({ kind: "liveness" });
  settleThrough(table, caller, OUTSIDE);
  table.effects.length = 0;
  table.feed({ kind: "rekey", peerId: "site-1", of: "children" });
  const asked = table.effects.find((effect) => effect.kind === "send");
  expect(asked?.kind === "send" ? formatEndpoint(asked.path.remote) : "").toBe(
    `${OUTSIDE}:${MAPPED_4500}`,
  );
});

test("an answer on port 500 moves nothing either", () => {
  const { table, caller } = connected();
  table.feed({ kind: "rekey", peerId: "site-1", of: "children" });
  goTo(caller, 500);
  settleThrough(table, caller, OUTSIDE);
  expect(moves(table)).toEqual([]);
  expect(new Set(ports(table))).toEqual(new Set([`4500 ${MAPPED_4500}`]));
});

test.each([OUTSIDE, V6])("behind a NAT (%s), on port 500 only: ESP in UDP has port 4500", (at) => {
  const { table, caller } = connected({ natPort: 500 }, at);
  expect(new Set(ports(table))).toEqual(new Set(["4500 4500"]));
  caller.ask({ kind: "liveness" });
  settleThrough(table, caller, at);
  expect(moves(table)).toEqual([]);
  // Its first packet shows the port to which the NAT maps 4500; from then on IKE goes there too.
  mapTo(table, at, 33_333);
  expect(new Set(ports(table))).toEqual(new Set(["4500 33333"]));
  table.effects.length = 0;
  table.feed({ kind: "rekey", peerId: "site-1", of: "children" });
  const asked = table.effects.find((effect) => effect.kind === "send");
  expect(asked?.kind === "send" ? asked.path : undefined).toMatchObject({
    local: { port: 4_500 },
    remote: { port: 33_333 },
  });
});

test("a site on port 500 that changes to 4500 later is followed", () => {
  const { table, caller } = connected({ natPort: 500 });
  goTo(caller, 4_500);
  caller.ask({ kind: "liveness" });
  settleThrough(table, caller, OUTSIDE);
  expect(new Set(ports(table))).toEqual(new Set([`4500 ${MAPPED_4500}`]));
});

test("MOBIKE: an update of addresses on port 500 leaves ESP in UDP on 4500", () => {
  const { table, caller } = connected({ mobike: true });
  goTo(caller, 500);
  const payloads = [notify(NotifyType.UPDATE_SA_ADDRESSES)];
  caller.ask({ kind: "say", exchangeType: ExchangeType.INFORMATIONAL, payloads });
  settleThrough(table, caller, OUTSIDE);
  expect(moves(table)).toEqual([]);
  expect(new Set(ports(table))).toEqual(new Set([`4500 ${MAPPED_4500}`]));
});

test("NAT keepalives keep the mapping of ESP in UDP, not that of IKE on port 500", () => {
  const table = layTable();
  putRow(table, 1);
  const caller = seat(table, settingsOf(1, { natPort: 500 }));
  caller.connect();
  for (let next = caller.outbox.shift(); next !== undefined; next = caller.outbox.shift()) {
    const { local, remote } = next.path;
    // The NAT is at our end: the site calls an address that is not ours.
    table.deliver(next.octets, { local: endpointOf("10.9.9.9", remote.port), remote: local });
    caller.hear();
  }
  expect(ports(table)).toEqual(["4500 4500", "4500 4500"]);
  table.effects.length = 0;
  table.advance(25_000);
  const kept = table.effects.flatMap((e) => (e.kind === "keepalive" ? [e.path] : []));
  expect(kept).toMatchObject([{ local: { port: 4_500 }, remote: { port: 4_500 } }]);
});

/** Site 1 behind a NAT, with a Child SA. */
function connected(
  changes: Partial<SiteSettings> = {},
  outside: string = OUTSIDE,
): { readonly table: Table; readonly caller: Caller } {
  const table = layTable();
  putRow(table, 1);
  const to = outside === V6 ? "2001:db8::1" : CONCENTRATOR;
  const inside = outside === V6 ? "fd00::1" : "172.16.0.1";
  const path = { local: endpointOf(inside, 500), remote: endpointOf(to, 500) };
  const caller = seat(table, settingsOf(1, { path, ...changes }));
  caller.connect();
  settleThrough(table, caller, outside);
  expect(table.kernel.states.size).toBe(2);
  return { table, caller };
}

/** From now on the site sends from and to this port. */
function goTo({ site }: Caller, port: number): void {
  const { local, remote } = site.path;
  site.path = { local: { ...local, port }, remote: { ...remote, port } };
}

function mapTo(table: Table, address: string, port: number): void {
  const inbound = [...table.kernel.states.values()].find(({ state }) => state.direction === "in");
  if (inbound === undefined) throw new Error("there is an inbound state");
  const { id, reqid } = inbound.state;
  table.feed({ kind: "mapping", mapping: { id, reqid, from: endpointOf(address, port) } });
}

function moves(table: Table): string[] {
  const ops = table.effects.flatMap((e) => (e.kind === "kernel" ? [e.op.op] : []));
  return ops.filter((op) => op === "move-state");
}

/** Our port and the site's, for each state of ESP in UDP. */
function ports(table: Table): string[] {
  return [...table.kernel.states.values()].map(({ state }) => {
    const { srcPort = 0, dstPort = 0 } = state.encapsulation ?? {};
    return state.direction === "in" ? `${dstPort} ${srcPort}` : `${srcPort} ${dstPort}`;
  });
}
