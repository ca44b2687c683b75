/**
 * The process is killed before each of its effects in turn, while a site and the concentrator do
 * something. The next process goes on, and nothing is lost: the Child SA keeps the states that it
 * has, no state is left over, and nobody is asked for new keys because of it.
 */

import { expect, test } from "bun:test";
import type { Effect } from "../../src/concentrator/effect.ts";
import { settleThrough } from "./behind-nat.ts";
import { type Caller, putRow, seat, settingsOf } from "./caller.ts";
import { KILLED } from "./driver.ts";
import { endpointOf } from "./plan.ts";
import { layTable, type Table } from "./table.ts";

const [OUTSIDE, MOVED] = ["203.0.113.5", "203.0.113.77"];

type Scene = { readonly table: Table; readonly caller: Caller };

type Deed = (scene: Scene) => void;

/** The site never deletes what it has replaced. */
const KEEPS_OLD = "the Child SA that sends expires, and another one waits";

/** What happens, in one go; it may be killed anywhere. */
const DEEDS: Readonly<Record<string, Deed>> = {
  "the site rekeys its Child SA": ({ table, caller }) => {
    caller.ask({ kind: "rekey-child", spiIn: childOf(caller).spiIn });
    settleThrough(table, caller, OUTSIDE);
  },
  "the site rekeys its IKE SA": ({ table, caller }) => {
    caller.ask({ kind: "rekey-ike" });
    settleThrough(table, caller, OUTSIDE);
  },
  "the NAT of the site rebinds": ({ table }) => {
    const inbound = [...table.kernel.states.values()].find(({ state }) => state.direction === "in");
    if (inbound === undefined) throw new Error("there is an inbound state");
    const { id, reqid } = inbound.state;
    table.feed({ kind: "mapping", mapping: { id, reqid, from: endpointOf(MOVED, 61_000) } });
  },
  [KEEPS_OLD]: ({ table, caller }) => {
    caller.ask({ kind: "rekey-child", spiIn: childOf(caller).spiIn });
    settleThrough(table, caller, OUTSIDE);
    expire(table, true);
    settleThrough(table, caller, OUTSIDE);
  },
  "the site asks for another Child SA": ({ table, caller }) => {
    caller.ask({ kind: "new-child" });
    settleThrough(table, caller, OUTSIDE);
  },
};

/** Effects of one deed; beyond that it has ended. */
const EFFECTS_MAX = 200;

for (const savesLate of [false, true]) {
  const kept = savesLate ? "as the daemon does" : "after each event";
  for (const what of Object.keys(DEEDS)) {
    test(`${what}, killed before each effect; kept ${kept}`, () => {
      let moments = 0;
      while (moments < EFFECTS_MAX && isKilledAt(moments, what, savesLate)) moments++;
      expect(moments).toBeGreaterThan(1);
      expect(moments).toBeLessThan(EFFECTS_MAX);
    });
  }
}

/** Whether there was such an effect; all has to be well afterwards. */
function isKilledAt(moment: number, what: string, savesLate: boolean): boolean {
  let left = Number.POSITIVE_INFINITY;
  let killedBefore: Effect | undefined;
  const dies = (effect: Effect) => {
    if (effect.kind === "journal" || left-- > 0) return false;
    killedBefore = effect;
    left = Number.POSITIVE_INFINITY;
    return true;
  };
  const table = layTable({ keeps: true, dies, savesLate });
  putRow(table, 1);
  const caller = seat(table, settingsOf(1, { deletesReplaced: what !== KEEPS_OLD }));
  caller.connect();
  settleThrough(table, caller, OUTSIDE);
  left = moment;
  try {
    DEEDS[what]?.({ table, caller });
  } catch (error) {
    if (error !== KILLED) throw error;
  }
  left = Number.POSITIVE_INFINITY;
  if (killedBefore === undefined) return false;
  table.goOn(100);
  for (let seconds = 0; seconds < 60; seconds++) {
    settleThrough(table, caller, OUTSIDE);
    table.advance(1_000);
    caller.tick();
  }
  const where = `before effect ${moment}: ${killedBefore.kind}`;
  expectWhole({ table, caller }, where);
  expect([where, table.kernel.madeAgain()]).toEqual([where, 0]);
  return true;
}

function expectWhole({ table, caller }: Scene, where: string): void {
  const spis = caller.session().children.flatMap(({ spiIn, spiOut }): number[] => [spiIn, spiOut]);
  const found = [...table.kernel.states.values()].map(({ state }): number => state.id.spi);
  expect([where, [...found].sort()]).toEqual([where, [...spis].sort()]);
  const { counters } = table.concentrator.snapshot();
  const { kernel_refusals: refused, states_removed_by_others: lost, internal_errors } = counters;
  expect([where, refused, lost, internal_errors]).toEqual([where, 0, 0, 0]);
}

function childOf(caller: Caller) {
  const [child] = caller.session().children;
  if (child === undefined) throw new Error("there is a Child SA");
  return child;
}

/** Our outbound state reaches a limit. */
function expire(table: Table, hard: boolean): void {
  const outbound = [...table.kernel.states.values()].find(({ state }) => state.direction === "out");
  if (outbound === undefined) throw new Error("there is an outbound state");
  const { id, reqid } = outbound.state;
  table.feed({ kind: "expire", expire: { id, reqid, hard } });
}
