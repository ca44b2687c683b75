/** What is worked out for an object is worked out once. */

import { expect, test } from "bun:test";
import { onceFor } from "../../../src/octets/once-for.ts";

test("the same object gives the same result, and is asked about once", () => {
  const asked: number[] = [];
  const doubled = onceFor(({ n }: { readonly n: number }) => {
    asked.push(n);
    return [2 * n];
  });
  const [one, equal] = [{ n: 1 }, { n: 1 }];
  expect(doubled(one)).toBe(doubled(one));
  expect(doubled(equal)).toEqual([2]);
  expect(doubled(equal)).not.toBe(doubled(one));
  expect(asked).toEqual([1, 1]);
});

test("nothing is a result, too", () => {
  let times = 0;
  const none = onceFor(() => {
    times++;
    return undefined;
  });
  const key = {};
  expect([none(key), none(key), times]).toEqual([undefined, undefined, 1]);
});

test("what fails is tried again", () => {
  let times = 0;
  const second = onceFor(() => {
    times++;
    if (times === 1) throw new Error("not yet");
    return times;
  });
  const key = {};
  expect(() => second(key)).toThrow("not yet");
  expect(second(key)).toBe(2);
});
