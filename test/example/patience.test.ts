/** How long tests wait for events: longer on a busy machine. */

import { afterEach, expect, test } from "bun:test";
import {
  endsWithin,
  lookUntil,
  patient,
  SLOWNESS_MAX,
  SLOWNESS_VARIABLE,
  slowness,
} from "../patience.ts";

const before = process.env[SLOWNESS_VARIABLE];

afterEach(() => {
  if (before === undefined) delete process.env[SLOWNESS_VARIABLE];
  else process.env[SLOWNESS_VARIABLE] = before;
});

test.each([
  ["3.5", 3.5],
  ["0.2", 1],
  ["1000", SLOWNESS_MAX],
  ["much", 1],
])("a machine that is %s times slower has limits that are %d times as long", (told, factor) => {
  process.env[SLOWNESS_VARIABLE] = told;
  expect(slowness()).toBe(factor);
  expect(patient(1_000)).toBe(1_000 * factor);
});

test("a condition ends the wait; the fault names one that never holds", async () => {
  let looks = 0;
  await lookUntil("three looks", () => ++looks === 3, 10_000);
  expect(looks).toBe(3);
  const never = lookUntil("the moon is made of cheese", () => false, 300);
  expect(never).rejects.toThrow(/^not in \d+ looks within .* s \(.* behind\): the moon is made of/);
  await never.catch(() => {});
});

test("work that ends with a timer of its own is in time, however late the loop is", async () => {
  const work = Bun.sleep(5).then(() => "done");
  const ended = endsWithin(10, work);
  // The loop is stuck until both timers are due.
  Bun.sleepSync(40);
  expect(await ended).toBe("done");
  expect(endsWithin(5, new Promise(() => undefined))).rejects.toThrow("not within 5 ms");
});
