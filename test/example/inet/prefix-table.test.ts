/** Values by subnet, compared with a walk over all of them. */

import { expect, test } from "bun:test";
import { familyBits } from "../../../src/inet/address.ts";
import {
  containsPrefix,
  equalPrefix,
  formatPrefix,
  type Prefix,
  prefixOf,
} from "../../../src/inet/prefix.ts";
import {
  countValues,
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

test("a walk reads the values of those subnets only that are asked for them", () => {
  const known = createTextPrefixTable();
  let reads = 0;
  const counting = (kept: number) => {
    reads++;
    return known.keeper.valueOf(kept);
  };
  const table = Object.assign({}, known, {
    keeper: Object.assign({}, known.keeper, { valueOf: counting }),
  });
  for (const family of [4, 6] as const) {
    for (let n = 0; n < 100; n++) {
      const value = BigInt(n) << BigInt(familyBits(family) - 8);
      putAt(table, prefixOf({ family, value }, 8), `site-${n}`);
    }
  }
  const read = [...subnetsOf(table)].flatMap((found) =>
    found.subnet.value === 0n ? found.values : [],
  );
  expect([read, reads]).toEqual([["site-0", "site-0"], 2]);
});

test("values that are there several times, and texts: each is taken by itself", () => {
  const prng = createPrng(9);
  const [numbers, texts] = [createPrefixTable<number>(), createTextPrefixTable()];
  const model = new Map<string, { readonly subnet: Prefix; values: number[] }>();
  for (let step = 0; step < 4_000; step++) {
    const family = prng.chance(0.5) ? 4 : 6;
    const value = BigInt(prng.below(4)) << BigInt(familyBits(family) - 2);
    const subnet = prefixOf({ family, value }, 2 + prng.below(2));
    const one = prng.below(3);
    const key = formatPrefix(subnet);
    const at = model.get(key) ?? { subnet, values: [] };
    model.set(key, at);
    if (prng.chance(0.55)) {
      at.values.push(one);
      putAt(numbers, subnet, one);
      putAt(texts, subnet, textOf(one));
    } else {
      const index = at.values.indexOf(one);
      if (index >= 0) at.values.splice(index, 1);
      takeFrom(numbers, subnet, one);
      takeFrom(texts, subnet, textOf(one));
    }
    expect(valuesAt(numbers, subnet)).toEqual(at.values);
    expect(valuesAt(texts, subnet)).toEqual(at.values.map(textOf));
    expect(texts.texts.size).toBe(countValues(texts));
  }
  for (const { subnet, values } of model.values()) {
    for (const one of values) takeFrom(numbers, subnet, one);
    for (const one of values) takeFrom(texts, subnet, textOf(one));
  }
  for (const { v4, v6, lengths } of [numbers, texts]) {
    expect([v4.size, v6.size, lengths[4].size, lengths[6].size]).toEqual([0, 0, 0, 0]);
  }
});

function textOf(n: number): string {
  return ["", "site-1\u0000Zürich", "site-2"][n] ?? "";
}
