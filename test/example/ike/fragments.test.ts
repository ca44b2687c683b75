/** Fragments put together: totals that change, doubles, other messages, time (RFC 7383 §2.6). */

import { expect, test } from "bun:test";
import {
  type Added,
  addFragment,
  afterAuth,
  FRAGMENTS_OFF,
  type Fragments,
  NO_FRAGMENTS,
  NO_FRAGMENTS_BEFORE_AUTH,
} from "../../../src/ike/v2/fragments.ts";
import { asInstant } from "../../../src/octets/instant.ts";
import { asIkeSpi, type IkeHeader } from "../../../src/wire/header.ts";

const SECOND = 1_000;

test("X-01: in any order, with doubles, fragments give the original message", () => {
  const whole = put([
    [3, 3],
    [1, 3],
    [1, 3],
    [3, 3],
    [2, 3],
  ]);
  expect(whole.at(-1)).toEqual({ kind: "whole", inner: "123", firstInner: 41 });
  expect(whole.slice(0, -1).map(({ kind }) => kind)).toEqual(Array(4).fill("incomplete"));
});

test("X-01: only the first fragment says what the first payload is", () => {
  const lying = put([
    [2, 2, { firstInner: 33 }],
    [1, 2],
  ]);
  expect(lying.at(-1)).toMatchObject({ kind: "whole", firstInner: 41 });
});

test("X-01: a smaller total is ignored, a larger one starts again", () => {
  const smaller = put([
    [1, 3],
    [1, 2],
    [2, 2],
    [2, 3],
    [3, 3],
  ]);
  expect(smaller.map(({ kind }) => kind)).toEqual([...Array(4).fill("incomplete"), "whole"]);
  const larger = put([
    [1, 2],
    [1, 3],
    [2, 3],
    [2, 2],
    [3, 3],
  ]);
  expect(larger.map(({ kind }) => kind)).toEqual([...Array(4).fill("incomplete"), "whole"]);
});

test("X-01: one reassembly for each direction: another message ID or exchange starts again", () => {
  const other = put([
    [1, 2],
    [2, 2, { messageId: 8 }],
    [2, 2],
    [1, 2],
  ]);
  expect(other.map(({ kind }) => kind)).toEqual([...Array(3).fill("incomplete"), "whole"]);
  const exchange = put([
    [1, 2],
    [2, 2, { exchangeType: 36 }],
  ]);
  expect(exchange.at(-1)?.kind).toBe("incomplete");
  const ways = put([
    [1, 2],
    [1, 2, { response: true }],
    [2, 2],
    [2, 2, { response: true }],
  ]);
  expect(ways.map(({ kind }) => kind)).toEqual(["incomplete", "incomplete", "whole", "whole"]);
});

test("X-01: fragments of a message that stays incomplete are dropped in time", () => {
  const late = put([
    [1, 2],
    [2, 2, { at: 61 * SECOND }],
    [1, 2, { at: 62 * SECOND }],
  ]);
  expect(late.map(({ kind }) => kind)).toEqual(["incomplete", "incomplete", "whole"]);
});

test("X-01: more than 128 fragments, or 65,536 octets, are refused", () => {
  expect(put([[1, 129]])).toEqual([{ kind: "refused", inner: "", firstInner: 0 }]);
  let fragments: Fragments = NO_FRAGMENTS;
  for (let number = 1; number <= 100; number++) {
    const added = add(fragments, [number, 101], new Uint8Array(700));
    fragments = added.fragments;
    expect(fragments.request?.octets ?? 0).toBeLessThanOrEqual(65_536);
  }
});

test("an unauthenticated peer may send fewer, and without an agreement none", () => {
  const before = NO_FRAGMENTS_BEFORE_AUTH;
  expect(add(before, [1, 65], new Uint8Array(1))).toMatchObject({
    ...{ kind: "refused", isFirst: true },
    fragments: { refused: "it sends 65 fragments, more than 64" },
  });
  const most = Array.from({ length: 40 }, (_, i) => i + 1).reduce(
    ({ fragments, kept }, number) => {
      const added = add(fragments, [number, 64], new Uint8Array(1_200));
      return { fragments: added.fragments, kept: Math.max(kept, octetsOf(added.fragments)) };
    },
    { fragments: before, kept: 0 },
  );
  expect(most.kept).toBeLessThanOrEqual(32_768);
  expect(most.kept).toBeGreaterThan(30_000);
  expect(most.fragments.refused).toContain("more than 32768 octets");
  const off = add(FRAGMENTS_OFF, [1, 2], new Uint8Array(1));
  expect(off).toMatchObject({ kind: "refused", isFirst: true });
  expect(add(off.fragments, [2, 2], new Uint8Array(1))).toMatchObject({ isFirst: false });
  expect(afterAuth(FRAGMENTS_OFF)).toBe(FRAGMENTS_OFF);
  expect(afterAuth(before)).toBe(NO_FRAGMENTS);
});

function octetsOf({ request }: Fragments): number {
  return request?.octets ?? 0;
}

type One = readonly [
  number: number,
  total: number,
  changes?: {
    readonly firstInner?: number;
    readonly messageId?: number;
    readonly exchangeType?: number;
    readonly response?: boolean;
    readonly at?: number;
  },
];

/** The result of each of these fragments, one after another. */
function put(all: readonly One[]) {
  let fragments: Fragments = NO_FRAGMENTS;
  return all.map((one) => {
    const added = add(fragments, one, new TextEncoder().encode(String(one[0])));
    fragments = added.fragments;
    const isWhole = added.kind === "whole";
    return {
      kind: added.kind,
      inner: isWhole ? new TextDecoder().decode(added.inner) : "",
      firstInner: isWhole ? added.firstInner : 0,
    };
  });
}

function add(fragments: Fragments, [number, total, of = {}]: One, plaintext: Uint8Array): Added {
  const firstInner = of.firstInner ?? (number === 1 ? 41 : 0);
  const header: IkeHeader = {
    ...{ spiI: asIkeSpi(1n), spiR: asIkeSpi(2n), nextPayload: 53, length: 100 },
    ...{ version: { major: 2, minor: 0 }, exchangeType: of.exchangeType ?? 37 },
    flags: { initiator: true, version: false, response: of.response ?? false },
    messageId: of.messageId ?? 7,
  };
  const head = new Uint8Array(0);
  const part = { fragment: { number, total }, firstInner, head, plaintext };
  return addFragment(fragments, header, part, asInstant(of.at ?? 0));
}
