/** Values by subnet, compared with a walk over all of them. */

import { expect, test } from "bun:test";
import { containsPrefix, equalPrefix, type Prefix, prefixOf } from "../../../src/inet/prefix.ts";
import {
  createPrefixTable,
  createTextPrefixTable,
  putAt,
  subnetsOf,
  takeFrom,
  valuesAround,
  valuesAt,
} from "../../../src/inet/prefix-table.ts";
import { createPrng } from "../../simulation/prng.ts";

test("a thousand subnets: those around each are the same as a walk finds", () => {
  const prng = createPrng(7);
  const drawn = (): Prefix => {
    const family = prng.chance(0.5) ? 4 : 6;
    const bits = family === 4 ? 32 : 128;
    const value = BigInt(prng.u32() & 0xff) << BigInt(bits - 8);
    return prefixOf({ family, value }, prng.u32() % 10);
  };
  const table = createPrefixTable<number>();
  const all = new Map<number, Prefix>();
  for (let n = 0; n < 1_000; n++) {
    const subnet = drawn();
    all.set(n, subnet);
    putAt(table, subnet, n);
    if (!prng.chance(0.3)) continue;
    const [gone, its] = [...all][prng.u32() % all.size] ?? [n, subnet];
    all.delete(gone);
    takeFrom(table, its, gone);
  }
  const listed = [...subnetsOf(table)].flatMap(({ subnet, values }) =>
    values.map((value) => [value, subnet] as const),
  );
  expect(listed.sort(([a], [b]) => a - b)).toEqual([...all].sort(([a], [b]) => a - b));
  for (let n = 0; n < 100; n++) {
    const asked = drawn();
    const walk = (is: (subnet: Prefix) => boolean) =>
      [...all].filter(([, subnet]) => is(subnet)).map(([value]) => value);
    expect(valuesAt(table, asked)).toEqual(walk((subnet) => equalPrefix(subnet, asked)));
    const around = [...valuesAround(table, asked)];
    const found = around.flatMap(({ values }) => values).sort((a, b) => a - b);
    expect(found).toEqual(walk((subnet) => containsPrefix(subnet, asked)));
    const lengths = around.map(({ subnet }) => subnet.length);
    expect(lengths).toEqual(lengths.toSorted((a, b) => b - a));
  }
});

test("an empty table keeps nothing", () => {
  const table = createTextPrefixTable();
  const subnet = prefixOf({ family: 4, value: 0n }, 8);
  putAt(table, subnet, "a");
  takeFrom(table, subnet, "b");
  takeFrom(table, subnet, "a");
  expect([table.v4.size, table.lengths[4].size]).toEqual([0, 0]);
});
