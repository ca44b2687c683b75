/** Sites that are traced: for how long, how many, and which lines this writes. */

import { expect, test } from "bun:test";
import { createDebugging } from "../../../src/daemon/debugging.ts";

function debugging() {
  const clock = { nowMs: 0 };
  const traced: string[][] = [];
  const made = createDebugging({
    nowMs: () => clock.nowMs,
    onChange: (sites) => void traced.push([...sites]),
  });
  return { clock, traced, made };
}

test("by ID in any case, by address in any notation; others are not traced", () => {
  const { traced, made } = debugging();
  made.on("Site-1", 60);
  made.on("2001:DB8:0::7", 60);
  expect(traced.at(-1)).toEqual(["site-1", "2001:db8::7"]);
  expect(made.wants("SITE-1", undefined)).toBe(true);
  expect(made.wants(undefined, "[2001:db8::7]:4500")).toBe(true);
  expect(made.wants("site-2", "192.0.2.7:500")).toBe(false);
  expect([made.off("SITE-1"), made.off("site-1")]).toEqual([true, false]);
  expect(made.wants("site-1", undefined)).toBe(false);
  made.stop();
});

test("it ends by itself, and the engine is informed", async () => {
  const { clock, traced, made } = debugging();
  made.on("site-1", 0.02);
  made.on("site-2", 60);
  clock.nowMs = 1_000;
  expect(made.list().find(({ asked }) => asked === "site-2")?.seconds).toBe(59);
  while (traced.at(-1)?.length !== 1) await Bun.sleep(5);
  expect(traced.at(-1)).toEqual(["site-2"]);
  made.stop();
});

test("sixteen at most; the same site again only gets a new end time", () => {
  const { made } = debugging();
  for (let n = 1; n <= 16; n++) expect(made.on(`site-${n}`, 60).ok).toBe(true);
  expect(made.on("site-17", 60).ok).toBe(false);
  expect(made.on("site-16", 600).ok).toBe(true);
  expect(made.list().length).toBe(16);
  made.stop();
});
