/** Policies that stand without an SA, when the kernel refuses one of them (R14). */

import { expect, test } from "bun:test";
import { layTable } from "./table.ts";

test("R14: a trap that the kernel refuses is reported, and put again until it stands", () => {
  let refusals = 2;
  const table = layTable({
    kernelFaults: ({ op }) => (op === "put-policy" && refusals-- > 0 ? 12 : undefined),
  });
  table.feed({ kind: "start" });
  expect(table.journal.at(-1)).toMatchObject({ level: "error", reason: "kernel-out-of-memory" });
  const wanted = 2;
  expect(table.kernel.policies.size).toBeLessThan(wanted);
  table.advance(6_000);
  expect(table.kernel.policies.size).toBe(wanted);
  expect(table.concentrator.snapshot().gauges.standingPolicies).toBe(wanted);
  const told = table.journal.length;
  table.advance(60_000);
  expect(table.journal.length).toBe(told);
});
