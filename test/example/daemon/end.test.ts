/** The end of a daemon with a whole fleet: all are told, and nothing is left in the kernel. */

import { expect, test } from "bun:test";
import { farewellOf, removeAll, whyFarewell } from "../../../src/daemon/end.ts";
import type { Leftovers } from "../../../src/linux/xfrm-kernel.ts";
import { err, ok, type Result } from "../../../src/octets/result.ts";
import type { XfrmRefusal } from "../../../src/xfrm/request.ts";
import { createFolder } from "../cli/folder.ts";
import { configIn } from "./reloadable.ts";

const NOTHING: Leftovers = { states: 0, policies: 0, routes: 0 };

type Notes = Parameters<Parameters<typeof removeAll>[2]>[0][];

test("a restart says goodbye only where the file has other ports", () => {
  const folder = createFolder();
  const running = configIn(folder, (text) => text);
  const next = (change: (text: string) => string) => () => ok(configIn(folder, change));
  expect(
    whyFarewell(
      running,
      next((text) => text),
    ),
  ).toBeUndefined();
  expect(
    whyFarewell(
      running,
      next((text) => text.replace("fleet", "pumps")),
    ),
  ).toBeUndefined();
  for (const key of ["port", "nat_port"]) {
    const other = next((text) => text.replace(new RegExp(`^${key} = \\d+$`, "m"), `${key} = 9`));
    expect(whyFarewell(running, other)).toBe("ike.port or ike.nat_port is another one now");
  }
  // A faulty file is a matter for the start; whoever is connected stays so.
  expect(whyFarewell(running, () => err(["line 3: no such key"]))).toBeUndefined();
  folder.dispose();
});

test("while sites are being told, the farewell goes on", () => {
  let told = false;
  const isOver = farewellOf({ hasTold: () => told, isIdle: () => false });
  for (const at of [0, 3_000, 15_000, 60_000]) expect(isOver(at)).toBe(false);
  told = true;
  expect(isOver(60_010)).toBe(false);
});

test("the last site that was told has as long to answer as the first one", () => {
  let told = false;
  const isOver = farewellOf({ hasTold: () => told, isIdle: () => false });
  expect(isOver(0)).toBe(false);
  told = true;
  expect([20_000, 22_999, 23_000].map(isOver)).toEqual([false, false, true]);
});

test("it is over as soon as all were told and have answered", () => {
  const isOver = farewellOf({ hasTold: () => true, isIdle: () => true });
  expect(isOver(5)).toBe(true);
});

test("answers of those who were told do not end it while others were not told", () => {
  const isOver = farewellOf({ hasTold: () => false, isIdle: () => true });
  expect(isOver(5)).toBe(false);
});

test("telling that never ends is given up", () => {
  const isOver = farewellOf({ hasTold: () => false, isIdle: () => false });
  expect([0, 119_999, 120_000].map(isOver)).toEqual([false, false, true]);
});

test("a removal that takes more than a second is waited for", async () => {
  const notes: Notes = [];
  let isRemoved = false;
  const kernel = {
    removeLeftovers: async (): Promise<Result<Leftovers, XfrmRefusal>> => {
      await Bun.sleep(1_200);
      isRemoved = true;
      return ok(NOTHING);
    },
  };
  expect(await removeAll(kernel, new Map(), (entry) => void notes.push(entry))).toBe(true);
  expect(isRemoved).toBe(true);
  expect(notes).toEqual([]);
});

test("what the kernel does not let go of is in the log", async () => {
  const notes: Notes = [];
  const refusal: XfrmRefusal = {
    ...{ kind: "kernel", operation: "XFRM_MSG_GETPOLICY", object: "dump" },
    ...{ errno: "EBUSY", detail: "the dump broke off" },
  };
  const kernel = { removeLeftovers: async () => err(refusal) };
  expect(await removeAll(kernel, new Map(), (entry) => void notes.push(entry))).toBe(false);
  expect(notes.map(({ level, reason }) => [level, reason])).toEqual([["warning", "not-removed"]]);
  expect(notes[0]?.detail).toContain("the dump broke off");
});
