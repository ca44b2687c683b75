/** Large configurations: no check compares each with each, and lists of warnings are bounded. */

import { expect, test } from "bun:test";
import { overlapsOf } from "../../../src/config/subnet-checks.ts";
import { containsPrefix, type Prefix, prefixOf } from "../../../src/inet/prefix.ts";
import { createPrng } from "../../simulation/prng.ts";
import { FLEET, told, warned } from "./read.ts";

const EGROUP = FLEET.slice(0, FLEET.indexOf("[[eroute]]"));

test("R12: a thousand equal subnets cause a handful of warnings, each with a number", () => {
  const all = warned(EGROUP + bases(1_000, (n) => `site-${n}-*`));
  expect(all).toHaveLength(21);
  expect(all[0]).toBe(
    "eroute[1].remote_subnet overlaps that of eroute e0: 172.16.0.0/16 and 172.16.0.0/16",
  );
  expect(all[19]).toBe(
    "eroute[20].remote_subnet overlaps that of eroute e0: 172.16.0.0/16 and 172.16.0.0/16, " +
      "and 19 more pairs of subnets overlap",
  );
  expect(all[20]).toMatch(
    /^ has 979 more warnings like these; the next one: eroute\[21\]\.remote_subnet in line \d+$/,
  );
});

test("R11: a thousand patterns that all match one ID cause a hundred faults, and no more", () => {
  const all = told(EGROUP + bases(1_000, (n) => `*${n}*`));
  expect(all).toHaveLength(101);
  expect(all[0]).toContain('it matches the ID "01" (R11)');
  expect(all[100]).toContain("only the first 100 such pairs are named");
});

test("R12: overlaps are those that a walk over all pairs finds", () => {
  const prng = createPrng(5);
  const subnet = (): Prefix => {
    const family = prng.chance(0.7) ? 4 : 6;
    const bits = family === 4 ? 32 : 128;
    const value = BigInt(prng.u32() & 0xf) << BigInt(bits - 4);
    return prefixOf({ family, value }, prng.u32() % 5);
  };
  const lists = Array.from({ length: 60 }, () =>
    Array.from({ length: prng.u32() % 3 }, () => subnet()),
  );
  const walked = lists.flatMap((subnets, place) => {
    const pairs = lists
      .slice(0, place)
      .flatMap((others, at) =>
        others.flatMap((other) => subnets.flatMap((own) => (touch(own, other) ? [{ at }] : []))),
      );
    const [first] = pairs;
    return first === undefined ? [] : [{ place, first: first.at, pairs: pairs.length }];
  });
  const found = overlapsOf(lists);
  expect(found.map(({ place, first, pairs }) => ({ place, first: first.place, pairs }))).toEqual(
    walked,
  );
  expect(found.every(({ first: { own, subnet: other } }) => touch(own, other))).toBe(true);
  expect(found.length).toBeGreaterThan(10);
});

function bases(count: number, peerid: (n: number) => string): string {
  return Array.from(
    { length: count },
    (_, n) => `[[eroute]]
name = "e${n}"
egroup = "sites"
peerid = "${peerid(n)}"
local_subnet = "10.0.0.0/16"
remote_subnet = "172.16.0.0/16"
`,
  ).join("");
}

function touch(a: Prefix, b: Prefix): boolean {
  return containsPrefix(a, b) || containsPrefix(b, a);
}
