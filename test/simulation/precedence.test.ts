/** Whose key exchange comes first, and what happens when there is no room for one. */

import { expect, test } from "bun:test";
import type { Precedence } from "../../src/concentrator/precedence.ts";
import { type KeyExchangeRequest, performKeyExchange } from "../../src/crypto/key-exchange.ts";
import { NotifyType } from "../../src/wire/v2/notify-type.ts";
import { putRow, seat, settingsOf } from "./caller.ts";
import { endpointOf } from "./plan.ts";
import { layTable, type Table } from "./table.ts";

const OVERLOADED = { ok: false, error: { kind: "overloaded", detail: "test" } } as const;

test("strangers, sites that were up before and IKE SAs that are up have ranks of their own", () => {
  const table = layTable();
  putRow(table, 1);
  const caller = seat(table, settingsOf(1));
  caller.connect();
  caller.settle();
  caller.ask({ kind: "rekey-ike" });
  caller.settle();
  expect(precedences(table)).toEqual(["stranger", "established"]);
  table.feed({ kind: "disconnect", peerId: "site-1" });
  caller.settle();
  caller.connect();
  caller.settle();
  expect(precedences(table)).toEqual(["stranger", "established", "known"]);
});

test("IPv6 addresses of one /64 share a rank: anybody can have many of them", () => {
  const table = layTable();
  for (const address of ["2001:db8::1", "2001:db8::2", "2001:db8:0:1::1"]) {
    const [local, remote] = [endpointOf(address, 500), endpointOf("2001:db8:ffff::1", 500)];
    const caller = seat(table, settingsOf(1, { path: { local, remote } }));
    caller.connect();
    caller.step();
  }
  const prefixes = exchanges(table).map(({ prefix }) => prefix);
  expect(prefixes[0]).toBe(prefixes[1] ?? "");
  expect(prefixes[2]).not.toBe(prefixes[0] ?? "");
});

for (const [name, ask] of [
  ["rekey of the IKE SA", { kind: "rekey-ike" }],
  ["new Child SA with PFS", { kind: "new-child", ke: 31 }],
] as const) {
  test(`no room for the ${name} of a site that is up: TEMPORARY_FAILURE, and it stays up`, () => {
    const exchange = switchable();
    const table = layTable({ keyExchange: exchange.perform });
    putRow(table, 1);
    const caller = seat(table, settingsOf(1));
    caller.connect();
    caller.settle();
    exchange.isFull = true;
    caller.ask(ask);
    caller.settle();
    const heard = caller.heard.at(-1);
    expect(heard?.kind === "refused" && heard.notify).toBe(NotifyType.TEMPORARY_FAILURE);
    expect(table.journal.map(({ reason }) => reason)).toContain("key-exchanges-waiting");
    expect(table.concentrator.snapshot().counters.key_exchanges_refused).toBe(1);
    exchange.isFull = false;
    caller.ask(ask);
    caller.settle();
    const kinds = caller.heard.slice(3).map(({ kind }) => kind);
    expect(kinds).toContain(ask.kind === "rekey-ike" ? "rekeyed" : "child-up");
  });
}

test("no room for a stranger: it gets no answer, and its repeat is a new request", () => {
  const exchange = switchable();
  exchange.isFull = true;
  const table = layTable({ keyExchange: exchange.perform });
  putRow(table, 1);
  const caller = seat(table, settingsOf(1));
  caller.connect();
  const request = caller.step() ?? new Uint8Array(0);
  expect(table.sent).toEqual([]);
  expect(table.concentrator.tableSizes()).toMatchObject({ ikeSas: 0, initRequests: 0 });
  exchange.isFull = false;
  const { local, remote } = caller.site.path;
  table.deliver(request, { local: remote, remote: local });
  caller.settle();
  expect(caller.heard.map(({ kind }) => kind)).toEqual(["established", "child-up"]);
});

test("a flood without room is one event in ten seconds, which says how many there were", () => {
  const table = layTable({ keyExchange: () => OVERLOADED });
  const flood = (from: number, count: number) => {
    for (let number = from; number < from + count; number++) {
      const caller = seat(table, settingsOf(number));
      caller.connect();
      caller.step();
    }
  };
  flood(1, 50);
  table.advance(10_000);
  flood(51, 1);
  const noted = table.journal.filter(({ reason }) => reason === "key-exchanges-waiting");
  expect(noted.map(({ detail }) => detail)).toEqual(["test", "test; and 49 more like it"]);
});

function switchable() {
  const exchange = {
    isFull: false,
    perform: (op: KeyExchangeRequest) => (exchange.isFull ? OVERLOADED : performKeyExchange(op)),
  };
  return exchange;
}

function exchanges(table: Table): readonly Precedence[] {
  return table.effects.flatMap((effect) =>
    effect.kind === "key-exchange" ? [effect.precedence] : [],
  );
}

function precedences(table: Table): readonly Precedence["rank"][] {
  return exchanges(table).map(({ rank }) => rank);
}
