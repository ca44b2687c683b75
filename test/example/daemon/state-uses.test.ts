/** The kernel's counters of many states: other work gets its turn while they are entered. */

import { expect, test } from "bun:test";
import { readUses } from "../../../src/daemon/state-uses.ts";
import { asEspSpi } from "../../../src/inet/esp-spi.ts";
import { ok } from "../../../src/octets/result.ts";
import { stateKey } from "../../../src/status/source.ts";
import { addressOf } from "../../contract/xfrm-samples.ts";

test("20,000 states are entered in 40 turns", async () => {
  const [src, dst] = [addressOf("192.0.2.11"), addressOf("192.0.2.1")];
  const states = Array.from({ length: 20_000 }, (_, number) => ({
    id: { src, dst, spi: asEspSpi(0x1000 + number) },
    reqid: 1,
    lastUsedSeconds: undefined,
    replayErrors: 0,
    integrityErrors: 0,
    encapsulation: undefined,
    octets: BigInt(number),
    packets: 1n,
  }));
  let turns = 0;
  let isOver = false;
  const watch = () => {
    turns++;
    if (!isOver) setImmediate(watch);
  };
  setImmediate(watch);
  const uses = await readUses({ stateUses: async () => ok(states) });
  isOver = true;
  expect(uses.size).toBe(20_000);
  expect(uses.get(stateKey("192.0.2.1", 0x1007))).toEqual({ octets: 7n, packets: 1n });
  expect(turns).toBeGreaterThanOrEqual(39);
});
