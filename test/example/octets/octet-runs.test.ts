/** Runs of octets of any length: they stay as they are until they are freed. */

import { expect, test } from "bun:test";
import fc from "fast-check";
import { OctetRuns, type RunPlace } from "../../../src/octets/octet-runs.ts";

const run = fc.oneof(
  fc.uint8Array({ maxLength: 300 }),
  fc.constantFrom(0, 64, 8_192, 8_193, 70_000).map((length) => new Uint8Array(length).fill(7)),
);
const steps = fc.array(fc.tuple(fc.nat(), fc.option(run)), { maxLength: 60 });

test("whatever is put and freed, what is there is what was put", () => {
  fc.assert(
    fc.property(steps, (all) => {
      const runs = new OctetRuns();
      const there: [RunPlace, Uint8Array][] = [];
      for (const [at, octets] of all) {
        if (octets !== null) there.push([runs.put(octets), octets]);
        else for (const [place] of there.splice(at % (there.length + 1), 1)) runs.free(place);
        expect(runs.size).toBe(there.length);
        for (const [place, octets] of there) expect(runs.view(place)).toEqual(octets);
      }
    }),
  );
});

test("a run is a copy", () => {
  const runs = new OctetRuns();
  for (const length of [3, 10_000]) {
    const octets = new Uint8Array(length).fill(1);
    const place = runs.put(octets);
    octets.fill(2);
    expect(runs.view(place)).toEqual(new Uint8Array(length).fill(1));
  }
});

test("a place that is free is not looked at", () => {
  const runs = new OctetRuns();
  for (const length of [3, 10_000]) {
    const place = runs.put(new Uint8Array(length));
    runs.free(place);
    expect(() => runs.view(place)).toThrow();
  }
});
