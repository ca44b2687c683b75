/** The kernel's counters: of all states in short turns, and of a few without the others. */

import { expect, test } from "bun:test";
import type { ChildSaView } from "../../../src/concentrator/snapshot.ts";
import { createCounted } from "../../../src/daemon/state-uses.ts";
import type { Kernel } from "../../../src/linux/xfrm-kernel.ts";
import { asInstant } from "../../../src/octets/instant.ts";
import { err, ok } from "../../../src/octets/result.ts";
import type { XfrmRequest } from "../../../src/xfrm/request.ts";
import { placeOf, type StateCount } from "../../../src/xfrm/state-count.ts";
import { addressOf } from "../../contract/xfrm-samples.ts";

const HERE = addressOf("192.0.2.1");
const THERE = addressOf("192.0.2.11");

const CHILD: ChildSaView = {
  ...{ spiIn: 0x1001, spiOut: 0x2001, localAddress: "192.0.2.1", remoteAddress: "192.0.2.11" },
  ...{ mode: "tunnel", udpEncapsulation: false, algorithms: "AES_GCM_16_128" },
  ...{ localSubnets: [], remoteSubnets: [], installedAt: asInstant(0) },
};

/** A kernel whose states a test changes. */
function counted() {
  const world = { states: [] as StateCount[], at: 0, readings: 0, isBroken: false };
  const asked: XfrmRequest[] = [];
  const kernel: Pick<Kernel, "stateCounts" | "perform"> = {
    async stateCounts(take) {
      world.readings++;
      await Bun.sleep(0);
      for (const count of world.states) take(count);
      if (!world.isBroken) return ok(undefined);
      const dump = { kind: "kernel", operation: "XFRM_MSG_GETSA", object: "dump" } as const;
      return err({ ...dump, errno: "ENOBUFS", detail: "the dump broke off" });
    },
    perform(request) {
      asked.push(request);
      if (request.op !== "query-state") throw new Error(request.op);
      const { dst, spi } = request.id;
      const found = world.states.find((one) => one.spi === spi && one.place === placeOf(dst));
      const dump = { kind: "kernel", operation: "XFRM_MSG_GETSA", object: `${spi}` } as const;
      if (found === undefined) return err({ ...dump, errno: "ESRCH", detail: "" });
      return ok({
        ...{ id: request.id, reqid: found.reqid, lastUsedSeconds: undefined },
        ...{ replayErrors: 0, integrityErrors: 0, encapsulation: undefined },
        ...{ octets: BigInt(found.octets), packets: BigInt(found.packets) },
      });
    },
  };
  return {
    world,
    asked,
    uses: createCounted(
      kernel,
      () => [HERE],
      () => world.at,
    ),
  };
}

function count(octets: number, spi: number = CHILD.spiIn, dst = HERE): StateCount {
  return { place: placeOf(dst), spi, reqid: 1, octets, packets: octets / 100 };
}

test("counters are at most a second old", async () => {
  const { world, uses } = counted();
  world.states = [count(700)];
  expect((await uses.all()).of("192.0.2.1", CHILD.spiIn)).toEqual({ octets: 700n, packets: 7n });
  world.states = [count(900)];
  world.at = 999;
  expect((await uses.all()).of("192.0.2.1", CHILD.spiIn)?.octets).toBe(700n);
  world.at = 1_000;
  expect((await uses.all()).of("192.0.2.1", CHILD.spiIn)?.octets).toBe(900n);
});

test("whoever asks during a reading waits for that one", async () => {
  const { world, uses } = counted();
  world.states = [count(700)];
  const first = uses.all();
  world.at = 5_000;
  const second = uses.all();
  await Promise.all([first, second]);
  expect(world.readings).toBe(1);
});

test("what was carried before the first reading does not count as carried since", async () => {
  const { world, uses } = counted();
  world.states = [count(5_000)];
  await uses.all();
  expect(uses.totals().octetsIn).toBe(0);
  world.states = [count(5_400), count(300, CHILD.spiOut, THERE)];
  world.at = 2_000;
  await uses.all();
  const octets = { octetsIn: 400, octetsOut: 300 };
  expect(uses.totals()).toEqual({ ...octets, packetsIn: 4, packetsOut: 3 });
});

test("a reading that breaks off takes no state away", async () => {
  const { world, uses } = counted();
  world.states = [count(700), count(300, CHILD.spiOut, THERE)];
  await uses.all();
  Object.assign(world, { states: [count(800)], isBroken: true, at: 2_000 });
  const all = await uses.all();
  expect(all.of("192.0.2.1", CHILD.spiIn)?.octets).toBe(800n);
  expect(all.of("192.0.2.11", CHILD.spiOut)?.octets).toBe(300n);
  Object.assign(world, { states: [count(800)], isBroken: false, at: 4_000 });
  expect((await uses.all()).of("192.0.2.11", CHILD.spiOut)).toBeUndefined();
});

test("a page asks for its own states alone, the outbound one with its mark", async () => {
  const { world, asked, uses } = counted();
  world.states = [count(700), count(300, CHILD.spiOut, THERE), count(1, 0x3001)];
  const mark = { value: 7, mask: 0xff };
  const found = await uses.of([{ childSas: [{ ...CHILD, mark }] }]);
  expect(world.readings).toBe(0);
  expect(asked).toMatchObject([
    { op: "query-state", id: { dst: HERE, spi: CHILD.spiIn } },
    { op: "query-state", id: { dst: THERE, spi: CHILD.spiOut }, mark },
  ]);
  expect(asked[0]).not.toHaveProperty("mark");
  expect(found.of("192.0.2.1", CHILD.spiIn)?.octets).toBe(700n);
  expect(found.of("192.0.2.11", CHILD.spiOut)?.octets).toBe(300n);
  expect(found.of("192.0.2.1", 0x3001)).toBeUndefined();
});

test("states that the kernel does not have are left out of a page", async () => {
  const { uses } = counted();
  const found = await uses.of([{ childSas: [CHILD] }]);
  expect(found.of("192.0.2.1", CHILD.spiIn)).toBeUndefined();
});

test("500 Child SAs are asked for in many turns", async () => {
  const { uses } = counted();
  let turns = 0;
  let isOver = false;
  const watch = () => {
    turns++;
    if (!isOver) setImmediate(watch);
  };
  setImmediate(watch);
  await uses.of(Array.from({ length: 500 }, () => ({ childSas: [CHILD] })));
  isOver = true;
  expect(turns).toBeGreaterThanOrEqual(24);
});
