/**
 * The process is killed after it has kept what it asks of the kernel, and before it has heard the
 * answer: whether the kernel has carried it out or not, the next process has the state.
 */

import { expect, test } from "bun:test";
import { formatAddress } from "../../src/inet/address.ts";
import type { XfrmRequest } from "../../src/xfrm/request.ts";
import { settleThrough } from "./behind-nat.ts";
import { type Caller, putRow, seat, settingsOf } from "./caller.ts";
import { stateKey } from "./kernel.ts";
import { namesOf } from "./neighbours.ts";
import { endpointOf } from "./plan.ts";
import type { SiteSettings } from "./site-state.ts";
import { layTable, type Table } from "./table.ts";

const [BEFORE, AFTER] = ["203.0.113.5", "203.0.113.77"];

/** When the process is killed: `lost` before the kernel gets the request, else after that. */
const MOMENTS = ["lost", "carried out"] as const;

type Scene = {
  readonly table: Table;
  readonly caller: Caller;
  /** The keys of outbound states that were asked for from then on. */
  readonly keys: Uint8Array[];
  /** From now on the kernel owes the answers to these requests. */
  owe(which: (op: XfrmRequest) => boolean): void;
  /** The next process gets this errno for each outbound state. */
  crash(errno?: number): void;
};

/** Site 1 behind a NAT, with a Child SA. */
function connected(moment: (typeof MOMENTS)[number], changes: Partial<SiteSettings> = {}): Scene {
  let refusal: number | undefined;
  let isOwed: (op: XfrmRequest) => boolean = () => false;
  let holds = false;
  const keys: Uint8Array[] = [];
  const table = layTable({
    keeps: true,
    kernelFaults(op) {
      if (refusal !== undefined && isOutbound(op)) return refusal;
      if (!isOwed(op)) return undefined;
      holds = true;
      if (op.op === "new-state" && op.state.protection.kind === "aead") {
        keys.push(op.state.protection.aead.key.slice());
      }
      return moment === "lost" ? "lost" : undefined;
    },
    holdsKernelAnswers: () => holds,
  });
  putRow(table, 1);
  const caller = seat(table, settingsOf(1, changes));
  caller.connect();
  settleThrough(table, caller, BEFORE);
  return {
    ...{ table, caller, keys },
    owe(which) {
      isOwed = which;
    },
    crash(errno) {
      expect(table.kernelAnswers.length).toBeGreaterThan(0);
      [holds, isOwed] = [false, () => false];
      table.sent.length = 0;
      refusal = errno;
      table.crash();
      refusal = undefined;
    },
  };
}

/** The Child SA has both states, the site is asked for nothing, and nothing was refused. */
function expectWhole({ table, caller }: Scene): void {
  table.advance(1_000);
  expect(table.sent).toEqual([]);
  expect(namesOf(table)).toEqual(["fleet/site-1"]);
  const { children } = caller.session();
  expect(children).toHaveLength(1);
  const spis = children.flatMap(({ spiIn, spiOut }) => [spiIn, spiOut]);
  const found = [...table.kernel.states.values()].map(({ state }) => state.id.spi);
  expect(found).toEqual(expect.arrayContaining(spis));
  const { counters } = table.concentrator.snapshot();
  expect([counters.kernel_refusals, counters.states_removed_by_others]).toEqual([0, 0]);
}

const isOutbound = (op: XfrmRequest) => op.op === "new-state" && op.state.direction === "out";

test.each(MOMENTS)("the outbound state of a rekeyed Child SA: %s", (moment) => {
  const scene = connected(moment);
  const { table, caller, keys } = scene;
  scene.owe(isOutbound);
  const [child] = caller.session().children;
  if (child === undefined) throw new Error("there is a Child SA");
  caller.ask({ kind: "rekey-child", spiIn: child.spiIn });
  settleThrough(table, caller, BEFORE);
  scene.crash();
  expectWhole(scene);
  const outbound = [...table.kernel.states.values()].filter(({ state }) => {
    return state.direction === "out";
  });
  expect(outbound.map((one) => one.keys[0])).toEqual(keys);
  expect(keys[0]?.some((octet) => octet !== 0)).toBe(true);
  // Nobody needs them any more.
  for (const content of table.kept().values()) {
    for (const key of keys) expect(Buffer.from(content).includes(key)).toBe(false);
  }
  caller.ask({ kind: "delete-ike" });
  settleThrough(table, caller, BEFORE);
  table.advance(120_000);
  expect(table.kernel.states.size).toBe(0);
});

test.each(MOMENTS)("a move of both states: %s", (moment) => {
  const scene = connected(moment);
  const { table } = scene;
  scene.owe(({ op }) => op === "move-state");
  rebind(table);
  scene.crash();
  expectWhole(scene);
  const places = [...table.kernel.states.values()].map(({ state }) => {
    const { src, dst } = state.id;
    return [formatAddress(src), formatAddress(dst)].filter((one) => one === AFTER).length;
  });
  expect(places).toEqual([1, 1]);
});

test.each(MOMENTS)("a move of the outbound state alone: %s", (moment) => {
  const scene = connected(moment);
  const { table } = scene;
  scene.owe((op) => op.op === "move-state" && formatAddress(op.to.dst) === AFTER);
  rebind(table);
  scene.crash();
  expectWhole(scene);
});

test("a state that was lost altogether: the site is asked for new keys, once", () => {
  const scene = connected("lost");
  const { table } = scene;
  scene.owe(({ op }) => op === "move-state");
  rebind(table);
  const [, outbound] = [...table.kernel.states.values()];
  if (outbound === undefined) throw new Error("there is a state");
  table.kernel.tables.states.delete(stateKey(outbound.state.id));
  scene.crash();
  table.advance(100);
  expect(table.sent).toHaveLength(1);
  expect(namesOf(table)).toEqual(["fleet/site-1"]);
});

test("the message that makes an outbound state necessary comes from another address", () => {
  const { table, caller } = connected("carried out", { deletesReplaced: false });
  const [child] = caller.session().children;
  if (child === undefined) throw new Error("there is a Child SA");
  caller.ask({ kind: "rekey-child", spiIn: child.spiIn });
  settleThrough(table, caller, BEFORE);
  caller.ask({ kind: "delete-child", spiIn: child.spiIn });
  settleThrough(table, caller, AFTER);
  const places = [...table.kernel.states.values()].map(({ state }) => {
    const { src, dst } = state.id;
    return [state.direction, [formatAddress(src), formatAddress(dst)].includes(AFTER)];
  });
  expect(places).toContainEqual(["out", true]);
  expect(places.filter(([direction, isMoved]) => direction === "out" && !isMoved)).toEqual([]);
  caller.ask({ kind: "delete-ike" });
  settleThrough(table, caller, AFTER);
  table.advance(120_000);
  expect(table.kernel.states.size).toBe(0);
});

test("the kernel refuses what it has done already: nothing is left", () => {
  const scene = connected("carried out");
  const { table, caller } = scene;
  scene.owe(isOutbound);
  const [child] = caller.session().children;
  if (child === undefined) throw new Error("there is a Child SA");
  caller.ask({ kind: "rekey-child", spiIn: child.spiIn });
  settleThrough(table, caller, BEFORE);
  scene.crash(ENOMEM);
  settleThrough(table, caller, BEFORE);
  table.advance(120_000);
  const ours = caller.session().children.flatMap(({ spiIn, spiOut }): number[] => [spiIn, spiOut]);
  const left = [...table.kernel.states.values()].map(({ state }): number => state.id.spi);
  expect(left.filter((spi) => !ours.includes(spi))).toEqual([]);
});

const ENOMEM = 12;

function rebind(table: Table): void {
  table.effects.length = 0;
  const inbound = [...table.kernel.states.values()].find(({ state }) => state.direction === "in");
  if (inbound === undefined) throw new Error("there is an inbound state");
  const { id, reqid } = inbound.state;
  table.feed({ kind: "mapping", mapping: { id, reqid, from: endpointOf(AFTER, 61_000) } });
}
