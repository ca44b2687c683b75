/**
 * uniqueness = "keep": second calls of a connected site, from elsewhere and from its own address.
 */

import { expect, test } from "bun:test";
import { type Caller, putRow, seat, settingsOf } from "./caller.ts";
import { BASE_EROUTE, CONCENTRATOR, endpointOf, planOf } from "./plan.ts";
import { layTable, type Table } from "./table.ts";

test("R6: from elsewhere it gets no answer; the standing IKE SA is checked, and stays", () => {
  const { table, home, abroad } = connected();
  abroad.connect();
  abroad.settle();
  expect([heardBy(abroad), reasonsOf(table)]).toEqual([[], ["already-connected"]]);
  // The site at its own address answers.
  table.advance(1_500);
  repeat(table, abroad, 1);
  home.settle();
  repeat(table, abroad, 2);
  table.advance(30_000);
  expect(heardBy(abroad)).toEqual([]);
  expect(viewsOf(table)).toEqual([[1, 1]]);
  expect(reasonsOf(table)).toEqual(["already-connected", "unanswered"]);
  expect(table.concentrator.snapshot().counters.authentication_failures).toBe(0);
});

test("R6: if the standing IKE SA is dead, the site comes back by itself", () => {
  const { table, abroad } = connected();
  abroad.connect();
  abroad.settle();
  // Its old address no longer answers, and the site goes on calling as sites do.
  for (let minute = 0; minute < 4 && heardBy(abroad).length === 0; minute++) {
    repeat(table, abroad, 3);
    table.advance(60_000);
    abroad.connect();
    abroad.settle();
  }
  expect(heardBy(abroad)).toEqual(["established", "child-up"]);
  expect(viewsOf(table)).toEqual([[1, 1]]);
  expect(table.journal.map(({ reason }) => reason)).toContain("peer-silent");
});

test("R6: a call from its own address and port is the site itself, which has restarted", () => {
  const { table } = connected();
  const again = seat(table, settingsOf(1, { initialContact: true }));
  again.connect();
  again.settle();
  expect(heardBy(again)).toEqual(["established", "child-up"]);
  expect(viewsOf(table)).toEqual([[1, 1]]);
});

test("R6: a caller with a wrong key gets the same answer as one with an unknown ID", () => {
  const answers = [1, 9].map((number) => {
    const { table } = connected();
    table.sent.length = 0;
    const path = elsewhere();
    const psk = new TextEncoder().encode("wrong");
    const stranger = seat(table, settingsOf(number, { psk, path }));
    const askedAt = table.now();
    stranger.connect();
    stranger.settle();
    table.advance(5_000);
    return table.sent.map(({ octets, at }) => `${octets.length} octets after ${at - askedAt} ms`);
  });
  // The standing IKE SA is not checked because of a stranger either.
  expect(answers[0]).toHaveLength(1);
  expect(answers[0]?.map((text) => text.replace("site-9", "site-1"))).toEqual(answers[1] ?? []);
});

test("calls that are held back are not guesses: the site is not slowed down for them", () => {
  const { table, home, abroad } = connected();
  for (let calls = 0; calls < 10; calls++) {
    abroad.connect();
    abroad.settle();
    repeat(table, abroad, 2);
    home.settle();
    table.advance(1_000);
    home.settle();
  }
  expect(table.concentrator.snapshot().counters.guesses_slowed).toBe(0);
  expect(viewsOf(table)).toEqual([[1, 1]]);
});

function connected() {
  const life = { ...BASE_EROUTE.life, uniqueness: "keep" } as const;
  const table = layTable({ plan: planOf({}, { eroutes: [{ ...BASE_EROUTE, life }] }) });
  putRow(table, 1);
  const home = seat(table, settingsOf(1));
  home.connect();
  home.settle();
  const abroad = seat(table, settingsOf(1, { path: elsewhere() }));
  return { table, home, abroad };
}

function elsewhere() {
  return { local: endpointOf("198.51.100.7", 500), remote: endpointOf(CONCENTRATOR, 500) };
}

function repeat(table: Table, caller: Caller, times: number): void {
  for (let i = 0; i < times; i++) {
    const due = caller.site.negotiation?.flight.retransmitAt ?? 0;
    table.advance(Math.max(0, due - table.now()));
    caller.tick();
    caller.settle();
  }
}

const heardBy = (caller: Caller) => caller.heard.map(({ kind }) => kind);

function reasonsOf(table: Table): readonly string[] {
  const isOfCall = ({ outcome, step }: Table["journal"][number]) =>
    step === "IKE_AUTH" && outcome !== "ok";
  return table.journal.filter(isOfCall).map(({ reason }) => reason);
}

/** How many IKE SAs and Child SAs each eroute has. */
function viewsOf(table: Table): readonly (readonly number[])[] {
  const views = table.concentrator.snapshot().eroutes(0, 9);
  return views.map(({ ikeSas, childSas }) => [ikeSas.length, childSas.length]);
}
