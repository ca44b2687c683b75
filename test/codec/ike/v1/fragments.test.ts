/** Fragments of IKEv1: put together in any order, and bounded. */

import { expect, test } from "bun:test";
import fc from "fast-check";
import { addFragment, fragmentsOf, type Reassembly } from "../../../../src/ike/v1/fragments.ts";
import { asInstant, later } from "../../../../src/octets/instant.ts";
import { ExchangeType } from "../../../../src/wire/v1/header.ts";
import type { FragmentPayload } from "../../../../src/wire/v1/message.ts";
import { readMessage } from "../../wire/v1/read-message.ts";
import { headerOf, SAMPLES } from "../../wire/v1/samples.ts";

const NOW = asInstant(5_000);
const HEADER = headerOf(ExchangeType.MAIN_MODE, 0);

test("a message comes whole out of its fragments, in any order and with repeats", () => {
  const messages = fc.uint8Array({ minLength: 1, maxLength: 3_000 });
  const sizes = fc.integer({ min: 100, max: 1_280 });
  fc.assert(
    fc.property(messages, sizes, fc.infiniteStream(fc.nat(0xffff)), (message, partOctets, draw) => {
      const parts = (fragmentsOf(message, HEADER, { id: 7, partOctets }) ?? []).map(fragmentIn);
      const repeated = [...parts, ...parts.slice(0, -1)];
      const order = repeated.map((part) => ({ part, key: draw.next().value ?? 0 }));
      const shuffled = order.toSorted((a, b) => a.key - b.key).map(({ part }) => part);
      const whole = wholesOf(shuffled);
      expect(whole[0]).toEqual(message);
    }),
    { numRuns: 200 },
  );
});

test("the whole message is read like any other", () => {
  const sample = SAMPLES.find(({ name }) => name === "Aggressive Mode 1");
  if (sample === undefined) throw new Error("no sample");
  const parts = fragmentsOf(sample.octets, HEADER, { id: 1, partOctets: 100 }) ?? [];
  expect(parts.length).toBeGreaterThan(2);
  const [whole] = wholesOf(parts.map(fragmentIn));
  expect(whole).toEqual(sample.octets);
  expect(readMessage(whole ?? new Uint8Array(0)).ok).toBe(true);
});

test("another message replaces one that is incomplete, also under the same ID", () => {
  const first = part(1, false, "old-1");
  const former = incomplete(undefined, first);
  const sameId = incomplete(former, part(1, false, "new-1"));
  expect(sameId.parts.size).toBe(1);
  expect(wholeOf(sameId, part(2, true, "new-2"))).toBe("new-1new-2");
  const otherId = incomplete(former, { ...part(2, true, "x"), id: 9 });
  expect([...otherId.parts.keys()]).toEqual([2]);
  const later2 = addFragment(former, headerOf(ExchangeType.MAIN_MODE, 5), part(2, true, "x"), NOW);
  expect(later2.kind).toBe("incomplete");
});

test("two different ends, or a part beyond the end, begin another message", () => {
  const former = incomplete(undefined, part(3, true, "end"));
  expect([...incomplete(former, part(4, false, "more")).parts.keys()]).toEqual([4]);
  expect([...incomplete(former, part(2, true, "end")).parts.keys()]).toEqual([2]);
  const open = incomplete(undefined, part(5, false, "late"));
  expect([...incomplete(open, part(3, true, "end")).parts.keys()]).toEqual([3]);
});

test("what is incomplete is forgotten after half a minute", () => {
  const former = incomplete(undefined, part(1, false, "a"));
  const second = part(2, true, "b");
  expect(addFragment(former, HEADER, second, later(NOW, 29_999)).kind).toBe("whole");
  expect(addFragment(former, HEADER, second, later(NOW, 30_000)).kind).toBe("incomplete");
});

test("too many fragments and too many octets are refused with both numbers", () => {
  const high = addFragment(undefined, HEADER, part(65, false, "x"), NOW);
  expect(high).toEqual({
    kind: "refused",
    why: "fragment number 65, at most 64 are accepted",
  });
  const data = new Uint8Array(16_000);
  let known: Reassembly | undefined;
  for (const number of [1, 2]) {
    known = incomplete(known, { kind: "FRAGMENT", id: 1, number, isLast: false, data });
  }
  const third = { kind: "FRAGMENT", id: 1, number: 3, isLast: false, data } as const;
  const refused = addFragment(known, HEADER, third, NOW);
  expect(refused).toEqual({
    kind: "refused",
    why: "fragments of 48000 octets, at most 32768 are accepted",
  });
  expect(fragmentsOf(new Uint8Array(6_500), HEADER, { id: 1, partOctets: 100 })).toBeUndefined();
});

test("the parts are copies: the datagram may be overwritten", () => {
  const data = Uint8Array.of(1, 2, 3);
  const known = incomplete(undefined, { kind: "FRAGMENT", id: 1, number: 1, isLast: false, data });
  data.fill(0);
  expect(known.parts.get(1)).toEqual(Uint8Array.of(1, 2, 3));
});

function part(number: number, isLast: boolean, text: string): FragmentPayload {
  return { kind: "FRAGMENT", id: 1, number, isLast, data: new TextEncoder().encode(text) };
}

function incomplete(former: Reassembly | undefined, fragment: FragmentPayload): Reassembly {
  const added = addFragment(former, HEADER, fragment, NOW);
  if (added.kind !== "incomplete") throw new Error(added.kind);
  return added.reassembly;
}

function wholeOf(former: Reassembly, fragment: FragmentPayload): string {
  const added = addFragment(former, HEADER, fragment, NOW);
  return added.kind === "whole" ? new TextDecoder().decode(added.octets) : added.kind;
}

function wholesOf(fragments: readonly FragmentPayload[]): readonly Uint8Array[] {
  const whole: Uint8Array[] = [];
  let known: Reassembly | undefined;
  for (const fragment of fragments) {
    const added = addFragment(known, HEADER, fragment, NOW);
    known = added.kind === "incomplete" ? added.reassembly : undefined;
    if (added.kind === "whole") whole.push(added.octets);
  }
  return whole;
}

function fragmentIn(octets: Uint8Array): FragmentPayload {
  const message = readMessage(octets);
  const [only] = message.ok ? message.value.payloads : [];
  if (only?.kind !== "FRAGMENT") throw new Error("no fragment");
  return only;
}
