/**
 * Of several Child SAs of a site for the same packets, those that replace another one wait with
 * their outbound state. When the last one that sends goes, the next one does.
 */

import { expect, test } from "bun:test";
import { installedOf } from "../../src/concentrator/dataplane/child-sas.ts";
import { start } from "../../src/concentrator/drive.ts";
import { perform } from "../../src/concentrator/ike-effects.ts";
import { entryAt } from "../../src/concentrator/negotiation/ike-sas.ts";
import { eroutesOf } from "../../src/concentrator/sites/eroutes.ts";
import type { IkeEffect } from "../../src/ike/ike-sa.ts";
import type { Ticket } from "../../src/ike/ticket.ts";
import { asEspSpi } from "../../src/inet/esp-spi.ts";
import { assert } from "../../src/octets/assert.ts";
import { connectAll } from "./neighbours.ts";
import { layTable } from "./table.ts";

const FIRST = 0x5001;
const SECOND = 0x5002;

/** A site with one Child SA that sends; others are added by hand, whatever IKE SA has made them. */
function withOne() {
  const table = layTable();
  connectAll(table, 1);
  const [eroute] = eroutesOf(table.engine, "site-1");
  const [spi] = eroute?.ikeSas ?? [];
  const entry = spi === undefined ? undefined : entryAt(table.engine, spi);
  const [child] = [...installedOf(table.engine)].map((one) => one.child);
  assert(entry !== undefined && child !== undefined, "a site that is up");
  const happen = (...effects: IkeEffect[]): void => {
    perform(table.engine, entry, effects, start);
    table.feed({ kind: "deadline" });
  };
  const add = (number: number, inboundOnly: boolean): void => {
    const direction = () => ({
      encryption: new Uint8Array(36).fill(number),
      integrity: new Uint8Array(0),
    });
    const [spiIn, spiOut] = [asEspSpi(number), asEspSpi(number + 0x1000)];
    happen({
      kind: "child-up",
      ticket: number as Ticket,
      child: { ...child, spiIn, spiOut, replaces: inboundOnly ? child.spiIn : undefined },
      keys: { in: direction(), out: direction() },
      inboundOnly,
      isOurs: false,
    });
  };
  const sending = (): readonly number[] =>
    [...table.kernel.states.values()].flatMap(({ state }) =>
      state.direction === "out" ? [Number(state.id.spi)] : [],
    );
  return { table, child, happen, add, sending };
}

const outOf = (number: number) => number + 0x1000;

test("the only one that sends goes: the one that waits sends", () => {
  const { child, happen, add, sending } = withOne();
  add(FIRST, true);
  expect(sending()).toEqual([child.spiOut]);
  happen({ kind: "child-down", spiIn: child.spiIn, why: "peer-deleted" });
  expect(sending()).toEqual([outOf(FIRST)]);
});

test("two wait: one of them sends", () => {
  const { child, happen, add, sending } = withOne();
  add(FIRST, true);
  add(SECOND, true);
  happen({ kind: "child-down", spiIn: child.spiIn, why: "peer-deleted" });
  expect(sending()).toEqual([outOf(FIRST)]);
  happen({ kind: "child-down", spiIn: asEspSpi(FIRST), why: "peer-deleted" });
  expect(sending()).toEqual([outOf(SECOND)]);
});

test("another one sends as well: what waits goes on waiting", () => {
  const { child, happen, add, sending } = withOne();
  add(FIRST, true);
  add(SECOND, false);
  happen({ kind: "child-down", spiIn: child.spiIn, why: "peer-deleted" });
  expect(sending()).toEqual([outOf(SECOND)]);
});

test("the IKE SA ends with all of them: nothing is installed for that", () => {
  const { table, child, happen, add, sending } = withOne();
  add(FIRST, true);
  const before = table.effects.length;
  happen(
    { kind: "child-down", spiIn: child.spiIn, why: "peer-deleted" },
    { kind: "child-down", spiIn: asEspSpi(FIRST), why: "peer-deleted" },
    { kind: "ended", reason: { kind: "peer-deleted" } },
  );
  expect(sending()).toEqual([]);
  const asked = table.effects
    .slice(before)
    .flatMap((effect) => (effect.kind === "kernel" ? [effect.op.op] : []));
  expect(asked).not.toContain("new-state");
});
