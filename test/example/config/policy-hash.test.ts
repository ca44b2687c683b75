/** From which prefix lengths on the kernel finds policies by hash: set, or after the egroups. */

import { expect, test } from "bun:test";
import { config, FLEET } from "./read.ts";

test("set, or left to the kernel", () => {
  const text = `${FLEET}\n[dataplane]\npolicy_hash = false\npolicy_hash6 = 56\n`;
  expect(config(text).policyHash).toEqual({ 4: undefined, 6: 56 });
});

test("unless set, the egroup's masks say how long the subnets of sites are", () => {
  const hash = (masks: string) =>
    config(FLEET.replace("[[eroute]]", `${masks}\n[[eroute]]`)).policyHash;
  expect(hash("")).toEqual({ 4: 24, 6: 64 });
  expect(hash("remote_mask = 22\nremote_mask6 = 56")).toEqual({ 4: 22, 6: 56 });
});

test("whole addresses, and very wide subnets, are bounded", () => {
  const hash = (masks: string) =>
    config(FLEET.replace("[[eroute]]", `${masks}\n[[eroute]]`)).policyHash;
  expect(hash("remote_mask = 32\nremote_mask6 = 128")).toEqual({ 4: 24, 6: 64 });
  expect(hash("remote_mask = 8\nremote_mask6 = 32")).toEqual({ 4: 16, 6: 48 });
});

test("what is set comes before the masks", () => {
  const text = FLEET.replace("[[eroute]]", "remote_mask6 = 56\n[[eroute]]");
  expect(config(`${text}\n[dataplane]\npolicy_hash6 = 60\n`).policyHash[6]).toBe(60);
});

test("of several egroups the longest mask counts: the wider subnets stay in trees", () => {
  const first = FLEET.replace("[[eroute]]", "remote_mask = 20\n[[eroute]]");
  const second = FLEET.slice(FLEET.indexOf("[[egroup]]"), FLEET.indexOf("[[eroute]]"));
  const other = `${second.replace('"sites"', '"others"')}\nremote_mask = 22\n`;
  expect(config(`${first}\n${other}`).policyHash[4]).toBe(22);
});
