/** What the run before was configured for, and what of it counts under the configuration now. */

import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Config } from "../../../../src/config/config.ts";
import {
  CONFIGURATION,
  configurationContent,
  type Former,
  openFormer,
} from "../../../../src/daemon/keep/former.ts";
import { takeOver } from "../../../../src/daemon/take-over.ts";
import { createFolder, type Folder } from "../../cli/folder.ts";
import { configIn } from "../reloadable.ts";

let folder: Folder;
let runtime: string;

beforeEach(() => {
  folder = createFolder();
  runtime = mkdtempSync(join(tmpdir(), "erouted-former-"));
});

afterEach(() => {
  folder.dispose();
  rmSync(runtime, { recursive: true });
});

/** A run with this configuration has kept something of a site, and a start with another follows. */
function startAfter(before: Config, now: Config): Former {
  const former = opened(before);
  former.slots.put(CONFIGURATION, configurationContent(before.sources));
  former.slots.put("site", new TextEncoder().encode("a site"));
  former.file.ready();
  return opened(now);
}

function opened(config: Config): Former {
  const former = openFormer(runtime, config);
  if (!former.ok) throw new Error(former.error);
  return former.value;
}

const withKind = (kind: Config["dataplane"]): Config =>
  configIn(folder, (text) => text.replace(/kind = "\w+"/, `kind = "${kind}"`));

test("an equal plan is not handed over", () => {
  const { plan, slots } = startAfter(withKind("none"), withKind("none"));
  expect([plan, slots.left]).toEqual([undefined, 1]);
});

test("another plan is", () => {
  const before = withKind("none");
  const now = configIn(folder, (text) => text.replace("fleet", "pumps"));
  const { plan, why, slots } = startAfter(before, now);
  expect(plan).toEqual(before.plan);
  expect([why, slots.left]).toEqual([undefined, 1]);
});

test("what another dataplane carried is not taken over", () => {
  const { plan, why, slots, dataplane } = startAfter(withKind("xfrm"), withKind("none"));
  expect([plan, dataplane, slots.left]).toEqual([undefined, "xfrm", 0]);
  expect(why).toBe("dataplane.kind is another one now");
});

test("neither is it where a reload had read that kind before, which needs a restart", () => {
  const { config } = takeOver(withKind("xfrm"), withKind("none"));
  const { why, slots, dataplane } = startAfter(config, withKind("none"));
  expect(why).toBe("dataplane.kind is another one now");
  expect([dataplane, slots.left]).toEqual(["xfrm", 0]);
});

const withPorts = (port: number): Config =>
  configIn(folder, (text) => text.replace(/^port = \d+$/m, `port = ${port}`));

test("sites that called another port are not taken over: nobody listens there any more", () => {
  const { plan, why, slots, dataplane } = startAfter(withPorts(10_500), withPorts(10_501));
  expect(why).toBe("ike.port or ike.nat_port is another one now");
  expect([plan, dataplane, slots.left]).toEqual([undefined, undefined, 0]);
});

test("neither are they where a reload had read that port before, which needs a restart", () => {
  const { config } = takeOver(withPorts(10_500), withPorts(10_501));
  const { why, slots } = startAfter(config, withPorts(10_501));
  expect([why, slots.left]).toEqual(["ike.port or ike.nat_port is another one now", 0]);
});

test("the port that a reload has read, and the next one no longer, is of no account", () => {
  const before = withPorts(10_500);
  const { config } = takeOver(before, withPorts(10_501));
  const { why, slots } = startAfter(config, before);
  expect([why, slots.left]).toEqual([undefined, 1]);
});

test("the kind that a reload has read, and the next one no longer, is of no account", () => {
  const xfrm = withKind("xfrm");
  const { config } = takeOver(takeOver(xfrm, withKind("none")).config, xfrm);
  expect(config.sources).toEqual(xfrm.sources);
  const first = takeOver(xfrm, withKind("none")).config;
  const { why, slots, dataplane } = startAfter(first, xfrm);
  expect([why, dataplane, slots.left]).toEqual([undefined, undefined, 1]);
});
