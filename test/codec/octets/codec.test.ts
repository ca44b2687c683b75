/** Codecs: the functions that are made for whole values, where lengths and branches vary. */

import { expect, test } from "bun:test";
import {
  byKind,
  byValue,
  type Codec,
  checked,
  constant,
  fraction,
  list,
  mapped,
  octets,
  omissible,
  oneOf,
  optional,
  record,
  text,
  u8,
  u16,
  u32,
  u48,
  u64,
  wallTime,
} from "../../../src/octets/codec.ts";
import { Draft } from "../../../src/octets/draft.ts";
import { decode } from "../../../src/octets/reader.ts";
import { shared } from "../../../src/octets/shared-codec.ts";

const ANCHOR = { now: 1_000, wallMs: 1_800_000_000_000 };

/** From the smallest draft: each run of fields has to ask for its room. */
function written<T>(codec: Codec<T>, value: T): Uint8Array {
  const w = new Draft(1);
  codec.write({ w, anchor: ANCHOR, shared: new Map() }, value);
  return w.taken();
}

function readFrom<T>(codec: Codec<T>, document: Uint8Array): T {
  const read = decode(document, "test", (r) => {
    const value = codec.read({ r, anchor: ANCHOR, shared: new Map() });
    r.end();
    return value;
  });
  if (!read.ok) throw new Error(JSON.stringify(read.error));
  return read.value;
}

type Inner = { readonly name: string; readonly numbers: readonly number[] };
type Shape =
  | { readonly kind: "circle"; readonly radius: number }
  | { readonly kind: "path"; readonly points: readonly Inner[] };
type Outer = {
  readonly first: number;
  readonly maybe: Inner | undefined;
  readonly left?: bigint;
  readonly shapes: readonly Shape[];
  readonly one: Inner;
  readonly other: Inner;
  readonly family: { readonly family: 4 | 6; readonly value: number };
  readonly at: number;
  readonly half: number;
  readonly last: number;
};

const inner = record<Inner>({ name: text(300), numbers: list(u16, 300) });
const sharedInner = shared(inner);
const outer = record<Outer>({
  first: u8,
  maybe: optional(inner),
  left: omissible(u64),
  shapes: list(
    byKind<Shape>({
      circle: record<Extract<Shape, { kind: "circle" }>>({
        kind: constant("circle"),
        radius: u48,
      }),
      path: record<Extract<Shape, { kind: "path" }>>({
        kind: constant("path"),
        points: list(inner, 9),
      }),
    }),
    9,
  ),
  one: sharedInner,
  other: sharedInner,
  family: byValue<Outer["family"], "family">("family", [
    [4, record<Outer["family"]>({ family: constant<4 | 6>(4), value: u8 })],
    [6, record<Outer["family"]>({ family: constant<4 | 6>(6), value: u32 })],
  ]),
  at: wallTime,
  half: fraction,
  last: u32,
});

function outerOf(n: number): Outer {
  const one = { name: "é".repeat(n), numbers: Array.from({ length: n * 7 }, (_, at) => at) };
  return {
    first: n,
    maybe: n % 2 === 0 ? undefined : one,
    ...(n % 3 === 0 ? {} : { left: 2n ** 64n - BigInt(n) }),
    shapes: Array.from({ length: n % 5 }, (_, at) =>
      at % 2 === 0
        ? { kind: "circle" as const, radius: 2 ** 48 - 1 - at }
        : { kind: "path" as const, points: [one, { name: "", numbers: [] }] },
    ),
    one,
    other: n % 2 === 0 ? one : { name: "other", numbers: [65_535] },
    family: { family: n % 2 === 0 ? 4 : 6, value: n },
    at: 123_456 + n,
    half: n / 8,
    last: 2 ** 32 - 1 - n,
  };
}

test("what is written is read again, whichever branches and lengths it takes", () => {
  for (let n = 0; n < 40; n++) {
    expect(readFrom(outer, written(outer, outerOf(n)))).toEqual(outerOf(n));
  }
});

test("a codec that is used alone writes as it does within another one", () => {
  const alone = written(inner, outerOf(3).one);
  const pair = record<{ a: number; b: Inner; c: number }>({ a: u8, b: inner, c: u8 });
  expect(written(pair, { a: 1, b: outerOf(3).one, c: 2 })).toEqual(
    Uint8Array.from([1, ...alone, 2]),
  );
});

test("the value that another one is written as is asked for once", () => {
  let asked = 0;
  const counted = mapped(u48, {
    to(value: number) {
      asked++;
      return value + 1;
    },
    from: (value) => value - 1,
  });
  expect(readFrom(counted, written(counted, 41))).toBe(41);
  expect(asked).toBe(1);
});

test("numbers, values and lengths that have no place end the writing", () => {
  const misfits: readonly (readonly [Codec<number>, readonly number[]])[] = [
    [u8, [-1, 256, 0.5, Number.NaN]],
    [u16, [-1, 65_536, 1.5]],
    [u32, [-1, 2 ** 32, 0.1, Number.POSITIVE_INFINITY]],
    [u48, [-1, 2 ** 48, 0.5, Number.NaN, Number.POSITIVE_INFINITY]],
  ];
  for (const [codec, values] of misfits) {
    for (const value of values) expect(() => written(codec, value)).toThrow("does not fit");
  }
  expect(() => written(oneOf<number>([1, 2]), 3)).toThrow("no place is known");
  expect(() => written(octets(3), new Uint8Array(4))).toThrow("4 of at most 3");
  expect(() => written(text(3), "four")).toThrow("4 of at most 3");
  expect(() => written(list(u8, 3), [1, 2, 3, 4])).toThrow("more than 3");
  const even = checked(u8, (value: number, fail) => (value % 2 === 0 ? value : fail("odd")));
  expect(() => readFrom(even, written(even, 3))).toThrow("odd");
});

test("a draft is wiped where it grows, where it is cleared, and when it is taken", () => {
  const draft = new Draft(4);
  draft.append(Uint8Array.of(1, 2, 3));
  const small = draft.octets;
  draft.append(Uint8Array.of(4, 5));
  expect([...small]).toEqual([0, 0, 0, 0]);
  const large = draft.octets;
  expect([...draft.taken()]).toEqual([1, 2, 3, 4, 5]);
  expect(large.every((octet) => octet === 0)).toBe(true);
  draft.number(0x01020304, 4);
  draft.clear();
  expect([draft.length, ...draft.octets]).toEqual([0, ...new Uint8Array(large.length)]);
});
