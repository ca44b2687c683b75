/** What many states have carried: read from a dump, kept in flat tables, summed up. */

import { expect, test } from "bun:test";
import { asEspSpi } from "../../../src/inet/esp-spi.ts";
import { wipe } from "../../../src/octets/secret.ts";
import { HostWriter } from "../../../src/xfrm/host-order.ts";
import { emitNetlink, parseNetlink } from "../../../src/xfrm/netlink.ts";
import { parseStateCount, placeOf, type StateCount } from "../../../src/xfrm/state-count.ts";
import { StateCounts } from "../../../src/xfrm/state-counts.ts";
import { emitState, parseStateUse } from "../../../src/xfrm/state-message.ts";
import { addressOf, OUR_REQID, stateLike } from "../../contract/xfrm-samples.ts";
import { createPrng } from "../../simulation/prng.ts";

/** Where struct xfrm_lifetime_cur begins in struct xfrm_usersa_info. */
const COUNTERS_AT = 160;
const HERE = placeOf(addressOf("192.0.2.1"));
const THERE = placeOf(addressOf("2001:db8::7"));

function message(dst: string, octets: bigint, packets: bigint): Uint8Array {
  const spi = asEspSpi(0xc0ff_ee01);
  const src = addressOf(dst.includes(":") ? "2001:db8::1" : "192.0.2.1");
  const w = new HostWriter();
  emitState(w, stateLike({ id: { src, dst: addressOf(dst), spi } }));
  const payload = w.done();
  const view = new DataView(payload.buffer, payload.byteOffset);
  view.setBigUint64(COUNTERS_AT, octets, true);
  view.setBigUint64(COUNTERS_AT + 8, packets, true);
  return payload;
}

for (const dst of ["198.51.100.7", "2001:db8::7"]) {
  test(`a count says the same as the whole message (${dst})`, () => {
    const payload = message(dst, 0x0001_2345_6789_abcdn, 4_294_967_297n);
    const use = parseStateUse(payload);
    expect(use).toMatchObject({
      value: { octets: 0x0001_2345_6789_abcdn, packets: 4_294_967_297n },
    });
    const { octets, packets } = { octets: 0x0001_2345_6789_abcd, packets: 4_294_967_297 };
    const place = placeOf(addressOf(dst));
    const value = { place, spi: 0xc0ff_ee01, reqid: OUR_REQID, octets, packets };
    expect(parseStateCount(payload)).toEqual({ ok: true, value });
  });
}

test("a message that is cut short is refused, not read beyond its end", () => {
  const payload = message("198.51.100.7", 1n, 1n);
  for (const length of [0, 56, 175, 213]) {
    expect(parseStateCount(payload.slice(0, length)).ok).toBe(false);
  }
  expect(parseStateCount(payload.slice(0, 214)).ok).toBe(true);
});

test("places differ between addresses, also those that differ in one bit", () => {
  const texts = ["192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8::2", "2001:db8:1::1", "::1"];
  expect(new Set(texts.map((text) => placeOf(addressOf(text)))).size).toBe(texts.length);
});

test("messages of a dump are views: their keys are wiped with the buffer", () => {
  const buffer = emitNetlink({ type: 16, flags: 0, sequence: 1 }, (w) =>
    w.octets(message("198.51.100.7", 5n, 1n)),
  );
  const messages = parseNetlink(buffer);
  if (!messages.ok) throw new Error(messages.error.detail);
  const [first] = messages.value;
  expect(first?.payload.some((octet) => octet !== 0)).toBe(true);
  wipe(buffer);
  expect(first?.payload.every((octet) => octet === 0)).toBe(true);
});

function count(spi: number, octets: number, place = HERE): StateCount {
  return { place, spi, reqid: OUR_REQID, octets, packets: octets / 10 };
}

function read(counts: StateCounts, found: readonly StateCount[]): void {
  counts.begin(new Set([HERE]));
  for (const one of found) counts.note(one);
  counts.end();
}

test("removed states take nothing with them: what they carried stays counted", () => {
  const counts = new StateCounts();
  read(counts, [count(1, 1_000), count(2, 5_000, THERE)]);
  read(counts, [count(1, 3_000), count(2, 5_000, THERE)]);
  // Rekeyed: other states, with their own counts.
  read(counts, [count(3, 400)]);
  const nothingOut = { octetsOut: 0, packetsOut: 0 };
  expect(counts.totals).toEqual({ octetsIn: 2_400, packetsIn: 240, ...nothingOut });
  expect(counts.of(HERE, 1)).toBeUndefined();
  expect(counts.of(HERE, 3)).toEqual({ octets: 400, packets: 40 });
});

test("one SPI at two places are two states", () => {
  const counts = new StateCounts();
  read(counts, [count(1, 10), count(1, 20, THERE)]);
  read(counts, [count(1, 110), count(1, 220, THERE)]);
  expect(counts.totals).toMatchObject({ octetsIn: 100, octetsOut: 200 });
});

test("a state that has carried less than before is another one of that name", () => {
  const counts = new StateCounts();
  read(counts, [count(1, 1_000)]);
  read(counts, [count(1, 70)]);
  expect(counts.totals).toMatchObject({ octetsIn: 70, packetsIn: 7 });
});

test("a name that comes back after its state has gone is a new state", () => {
  const counts = new StateCounts();
  read(counts, [count(1, 1_000)]);
  read(counts, []);
  read(counts, [count(1, 1_500)]);
  expect(counts.totals.octetsIn).toBe(1_500);
});

test("states that come and go by the thousand: as a map would have it", () => {
  const prng = createPrng(7);
  const counts = new StateCounts();
  let states = new Map<number, number>();
  let sum = 0;
  for (let round = 0; round < 40; round++) {
    const next = new Map<number, number>();
    for (const [spi, octets] of states) {
      if (prng.chance(0.3)) continue;
      const more = prng.below(1_000);
      next.set(spi, octets + more);
      sum += more;
    }
    // Numbers that lie close together, and far apart.
    const first = prng.chance(0.5) ? prng.below(2 ** 32) : 0x1000;
    for (let n = 0; n < prng.below(4_000); n++) {
      const spi = (first + n * 127) >>> 0;
      if (states.has(spi) || next.has(spi)) continue;
      next.set(spi, n);
      if (round > 0) sum += n;
    }
    read(
      counts,
      [...next].map(([spi, octets]) => count(spi, octets)),
    );
    states = next;
  }
  expect(counts.totals.octetsIn).toBe(sum);
  for (const [spi, octets] of states) expect(counts.of(HERE, spi)?.octets).toBe(octets);
});
