/** Ranges to subnets and back. */

import { expect, test } from "bun:test";
import fc from "fast-check";
import { parseAddress } from "../../../src/inet/address.ts";
import { formatPrefix, parsePrefix, prefixRange } from "../../../src/inet/prefix.ts";
import { intersectRange, rangePrefixes } from "../../../src/inet/range.ts";

function rangeOf(first: string, last: string) {
  const a = parseAddress(first);
  const b = parseAddress(last);
  if (a === undefined || b === undefined) throw new Error("two addresses");
  return { family: a.family, first: a.value, last: b.value };
}

test("a range that is one subnet becomes that subnet, IPv4 and IPv6", () => {
  for (const text of ["0.0.0.0/0", "10.0.0.0/8", "192.0.2.1/32", "::/0", "2001:db8::/33"]) {
    const prefix = parsePrefix(text);
    if (prefix === undefined) throw new Error(text);
    expect(rangePrefixes(prefixRange(prefix)).map(formatPrefix)).toEqual([text]);
  }
});

test("an unaligned range becomes the fewest subnets", () => {
  const prefixes = rangePrefixes(rangeOf("192.0.2.1", "192.0.2.6")).map(formatPrefix);
  expect(prefixes).toEqual(["192.0.2.1/32", "192.0.2.2/31", "192.0.2.4/31", "192.0.2.6/32"]);
});

test("the subnets of any range follow each other and cover it exactly", () => {
  const ends = fc.tuple(
    fc.integer({ min: 0, max: 2 ** 32 - 1 }),
    fc.integer({ min: 0, max: 5000 }),
  );
  fc.assert(
    fc.property(ends, ([start, size]) => {
      const first = BigInt(start);
      const last = BigInt(Math.min(start + size, 2 ** 32 - 1));
      let at = first;
      for (const prefix of rangePrefixes({ family: 4, first, last })) {
        const range = prefixRange(prefix);
        expect(range.first).toBe(at);
        at = range.last + 1n;
      }
      expect(at).toBe(last + 1n);
    }),
  );
});

test("ranges of two families have nothing in common", () => {
  expect(intersectRange(rangeOf("0.0.0.0", "255.255.255.255"), rangeOf("::", "::1"))).toBe(
    undefined,
  );
});
