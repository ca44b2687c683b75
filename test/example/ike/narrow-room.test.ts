/** Narrowing of many subnets and ranges: those with room are agreed on, the rest is reported. */

import { expect, test } from "bun:test";
import { childSelectors } from "../../../src/concentrator/dataplane/child-selectors.ts";
import { isInside } from "../../../src/ike/inside.ts";
import { selectorTexts } from "../../../src/ike/selector-text.ts";
import { narrow } from "../../../src/ike/v2/narrow.ts";
import { parseAddress } from "../../../src/inet/address.ts";
import { parsePrefix, prefixRange } from "../../../src/inet/prefix.ts";
import { SUBNET_PAIRS_MAX, SUBNETS_MAX } from "../../../src/inet/subnet-pairs.ts";
import type { TrafficSelector } from "../../../src/wire/traffic-selector.ts";
import { childPlace } from "../concentrator/child-place.ts";

const HERE = [subnet("10.0.0.0/8")];
const SITE = [subnet("192.168.0.0/16")];

test("a range of addresses is agreed on as it was offered; the kernel gets its subnets", () => {
  const offered = [range("192.168.1.1", "192.168.1.254")];
  const { remote, leftOut, pairs } = narrowed(HERE, offered);
  expect(remote).toEqual(["192.168.1.1-192.168.1.254"]);
  expect(leftOut).toBe(undefined);
  expect(pairs).toBe(14);
});

test("twelve subnets on each side are all agreed on", () => {
  const { local, remote, leftOut, pairs } = narrowed(subnets("10.1", 12), subnets("192.168", 12));
  expect([local.length, remote.length, leftOut, pairs]).toEqual([9, 9, undefined, 144]);
});

test("two ranges of 14 subnets each have room", () => {
  const here = [range("10.0.0.1", "10.0.0.254")];
  const { leftOut, pairs } = narrowed(here, [range("192.168.1.1", "192.168.1.254")]);
  expect([leftOut, pairs]).toEqual([undefined, 196]);
});

test("subnets above the limit of pairs are left out, and reported", () => {
  const { pairs, leftOut } = narrowed(subnets("10.1", 40), subnets("192.168", 40));
  expect(pairs).toBe(SUBNET_PAIRS_MAX);
  expect(leftOut).toContain("10.1.16.0/24, 10.1.17.0/24");
  expect(leftOut).toContain("and 16 more here");
  expect(leftOut).toContain("and 16 more of the site");
});

test("subnets above the limit of one side are left out, and reported", () => {
  const { taken, leftOut } = narrowed(HERE, subnets("192.168", 100));
  expect(taken.remote).toHaveLength(SUBNETS_MAX);
  expect(leftOut).toContain("and 28 more of the site");
});

test("if ranges have no room, their widest subnets are agreed on, and this is reported", () => {
  const here = [range("10.0.0.1", "10.127.255.254")];
  const { pairs, taken, leftOut } = narrowed(here, [range("192.168.0.1", "192.168.255.254")]);
  expect(pairs).toBeGreaterThan(200);
  expect(pairs).toBeLessThanOrEqual(SUBNET_PAIRS_MAX);
  expect(isInside(taken.local, here)).toBe(true);
  expect(leftOut).toBeDefined();
});

test("both families have room beside each other", () => {
  const here = [...subnets("10.1", 8), ...subnets6("fd00:1", 8)];
  const there = [...subnets("192.168", 8), ...subnets6("fd00:2", 8)];
  const result = narrow({ local: here, remote: there }, { local: here, remote: there });
  if (!result.ok) throw new Error(result.error.kind);
  expect(result.value.leftOut).toBe(undefined);
  expect(pairsOf(result.value)).toBe(128);
});

test("a refusal shows some of many selectors, and what they have in common", () => {
  const many = Array.from({ length: 200 }, (_, i) => subnet(`172.16.${i}.0/24`));
  const offered = { local: [...many, subnet("10.0.0.0/24")], remote: many };
  const result = narrow(offered, { local: HERE, remote: SITE });
  if (result.ok || result.error.kind !== "ts-unacceptable") throw new Error("not refused");
  const [text = ""] = result.error.offered;
  expect(text).toStartWith("10.0.0.0/24,172.16.0.0/24,");
  expect(text).toEndWith("and 192 more");
  expect(text.length).toBeLessThan(400);
});

test("several selectors together cover one that lies across them", () => {
  const halves = [subnet("10.0.128.0/17"), subnet("10.0.0.0/17")];
  expect(isInside([subnet("10.0.0.0/16")], halves)).toBe(true);
  expect(isInside([range("10.0.0.0", "10.1.0.0")], halves)).toBe(false);
  expect(isInside([range("10.0.127.0", "10.0.128.255")], halves.toReversed())).toBe(true);
});

function narrowed(local: readonly TrafficSelector[], remote: readonly TrafficSelector[]) {
  const result = narrow({ local, remote }, { local: HERE, remote: SITE });
  if (!result.ok) throw new Error(result.error.kind);
  const { leftOut, ...taken } = result.value;
  const texts = { local: selectorTexts(taken.local), remote: selectorTexts(taken.remote) };
  return { ...texts, taken, leftOut, pairs: pairsOf(taken) };
}

function pairsOf(taken: { local: readonly TrafficSelector[]; remote: readonly TrafficSelector[] }) {
  return childSelectors({ ...childPlace().child, ...taken }).length;
}

/** `10.1.0.0/24`, `10.1.1.0/24`, … */
function subnets(start: string, count: number): readonly TrafficSelector[] {
  return Array.from({ length: count }, (_, i) => subnet(`${start}.${i}.0/24`));
}

function subnets6(start: string, count: number): readonly TrafficSelector[] {
  return Array.from({ length: count }, (_, i) => subnet(`${start}:${i}::/48`));
}

function subnet(text: string): TrafficSelector {
  const prefix = parsePrefix(text);
  if (prefix === undefined) throw new Error(`not a subnet: ${text}`);
  return { protocol: 0, startPort: 0, endPort: 65_535, range: prefixRange(prefix) };
}

function range(first: string, last: string): TrafficSelector {
  const [from, to] = [parseAddress(first), parseAddress(last)];
  if (from === undefined || to === undefined) throw new Error("not two addresses");
  const ends = { family: from.family, first: from.value, last: to.value };
  return { protocol: 0, startPort: 0, endPort: 65_535, range: ends };
}
