/** The store of octets against a plain map, with thousands of random deeds. */

import { expect, test } from "bun:test";
import { OctetStore, type Place } from "../../../src/octets/octet-store.ts";
import { createPrng } from "../../simulation/prng.ts";

test("what is put in comes out, and each place is free again once it is given back", () => {
  const prng = createPrng(7);
  const store = new OctetStore();
  const kept = new Map<Place, Uint8Array>();
  for (let deed = 0; deed < 20_000; deed++) {
    const isFull = kept.size > 600;
    if (prng.chance(isFull ? 0.2 : 0.6)) {
      const octets = prng.octets(prng.chance(0.05) ? prng.below(8_193) : prng.below(900));
      const place = store.put(octets);
      if (place === undefined) throw new Error("there is room for it");
      expect(kept.has(place)).toBe(false);
      kept.set(place, octets);
    } else {
      const places = [...kept.keys()];
      const place = places[prng.below(places.length)];
      if (place === undefined) continue;
      expect(Bun.deepEquals(store.view(place), kept.get(place))).toBe(true);
      store.free(place);
      kept.delete(place);
    }
    expect(store.size).toBe(kept.size);
  }
  for (const [place, octets] of kept) {
    expect(Bun.deepEquals(store.view(place), octets)).toBe(true);
    store.free(place);
  }
  expect(store.size).toBe(0);
});

test("memory is given back with what was in it, and takes little more than that", () => {
  const store = new OctetStore();
  const places = Array.from({ length: 1_000 }, () => store.put(new Uint8Array(800)));
  expect(store.octets).toBeLessThan(1_000 * 800 * 1.2);
  for (const place of places) if (place !== undefined) store.free(place);
  expect(store.octets).toBe(0);
});

test("what was there is wiped", () => {
  const store = new OctetStore();
  const other = store.put(new Uint8Array(10));
  const place = store.put(new Uint8Array([1, 2, 3]));
  if (place === undefined || other === undefined) throw new Error("there is room");
  const view = store.view(place);
  store.free(place);
  expect([...view]).toEqual([0, 0, 0]);
});

test("what is too long is not taken", () => {
  const store = new OctetStore();
  expect(store.put(new Uint8Array(8_193))).toBeUndefined();
  expect(store.size).toBe(0);
});
