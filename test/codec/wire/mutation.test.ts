/** Valid messages damaged at random: nothing throws, nothing takes long, nothing stays. */

import { expect, test } from "bun:test";
import { emitMessage } from "../../../src/wire/v2/emit-message.ts";
import { PAYLOADS_MAX, type Payload } from "../../../src/wire/v2/message.ts";
import { kindOf, readMessage, withTrueLength } from "./read-message.ts";
import { SAMPLES } from "./samples.ts";

const MUTATIONS = 100_000;
const MS_MAX = 30_000;
const HEAP_OCTETS_SLACK = 8 << 20;

/** `WIRE_SEED=…` repeats a run; otherwise each run is a new one. */
const SEED = Number(process.env.WIRE_SEED ?? Date.now() % 0x7fffffff);

test(
  `${MUTATIONS} damaged messages: each is a value or a fault, and memory does not grow`,
  () => {
    const random = randomOf(SEED);
    const sizes = { read: 0, refused: 0 };
    damage(random, MUTATIONS / 20, sizes); // warm up: code is compiled, shapes are known
    Bun.gc(true);
    const heapBefore = process.memoryUsage().heapUsed;
    damage(random, MUTATIONS, sizes);
    Bun.gc(true);
    const grown = process.memoryUsage().heapUsed - heapBefore;
    expect({ seed: SEED, grown: grown < HEAP_OCTETS_SLACK }).toEqual({ seed: SEED, grown: true });
    // Neither side of the codec may go untested.
    expect({ seed: SEED, read: sizes.read > MUTATIONS / 100 }).toEqual({ seed: SEED, read: true });
    expect({ seed: SEED, refused: sizes.refused > MUTATIONS / 4 }).toEqual({
      seed: SEED,
      refused: true,
    });
  },
  MS_MAX,
);

type Random = (below: number) => number;

function damage(random: Random, count: number, sizes: { read: number; refused: number }): void {
  for (let i = 0; i < count; i++) {
    const sample = SAMPLES[random(SAMPLES.length)];
    if (sample === undefined) continue;
    const octets = damaged(sample.octets, random);
    try {
      if (readsOrRefuses(octets, kindOf(sample.octets))) sizes.read++;
      else sizes.refused++;
    } catch (cause) {
      const what = `seed ${SEED}, mutation ${i} of ${sample.name}: ${octets.toHex()}`;
      throw new Error(what, { cause });
    }
  }
}

/** Whatever is read can be written, and is then read as the same; a fault says where. */
function readsOrRefuses(octets: Uint8Array, kind: ReturnType<typeof kindOf>): boolean {
  const message = readMessage(octets, kind);
  if (!message.ok) {
    // Numbers, or addresses, which may be all letters.
    if (message.error.kind === "malformed" && !/\d|::/.test(message.error.detail)) {
      throw new Error(`a fault without numbers: ${message.error.detail}`);
    }
    return false;
  }
  if (message.value.kind !== "plain") return true;
  const { header, payloads } = message.value;
  if (payloads.length > PAYLOADS_MAX) throw new Error(`${payloads.length} payloads`);
  const again = readMessage(emitMessage(header, payloads), "plain");
  if (!again.ok || again.value.kind !== "plain") throw new Error("written, then refused");
  if (!Bun.deepEquals(again.value.payloads, payloads.map(withoutUnknown))) {
    throw new Error("read differently the second time");
  }
  return true;
}

/** Unknown parts, which are not written. */
function withoutUnknown(payload: Payload): Payload {
  if (payload.kind === "TSi" || payload.kind === "TSr") return { ...payload, unknown: 0 };
  if (payload.kind !== "SA") return payload;
  const proposals = payload.proposals.map((proposal) => ({
    ...proposal,
    transforms: proposal.transforms.map(({ type, id, keyBits }) => {
      return { type, id, keyBits, hasUnknownAttribute: false };
    }),
  }));
  return { kind: "SA", proposals };
}

/** One to four damages; mostly the header's Length is corrected, so that they reach further in. */
function damaged(octets: Uint8Array, random: Random): Uint8Array {
  let result: Uint8Array = octets.slice();
  for (let i = random(4); i >= 0; i--) result = damagedOnce(result, random);
  return random(8) === 0 ? result : withTrueLength(result);
}

function damagedOnce(octets: Uint8Array, random: Random): Uint8Array {
  if (octets.length === 0) return new Uint8Array(random(64));
  const at = random(octets.length);
  switch (random(6)) {
    case 0: // a bit
      return octets.with(at, (octets[at] ?? 0) ^ (1 << random(8)));
    case 1: // an octet
      return octets.with(at, random(256));
    case 2: // something that may be a length, slightly off
      return octets.with(at, ((octets[at] ?? 0) + random(9) - 4) & 0xff);
    case 3: // 16 bits at their edges
      return withU16(octets, at, [0, 1, 4, 8, 0x7fff, 0x8000, 0xffff][random(7)] ?? 0);
    case 4: {
      // octets more
      const more = Uint8Array.from({ length: 1 + random(32) }, () => random(256));
      const result = new Uint8Array(octets.length + more.length);
      result.set(octets.subarray(0, at));
      result.set(more, at);
      result.set(octets.subarray(at), at + more.length);
      return result;
    }
    default: {
      // octets fewer
      const result = new Uint8Array(octets.length - Math.min(1 + random(32), octets.length - at));
      result.set(octets.subarray(0, at));
      result.set(octets.subarray(octets.length - (result.length - at)), at);
      return result;
    }
  }
}

function withU16(octets: Uint8Array, at: number, value: number): Uint8Array {
  const result = octets.with(at, value >>> 8);
  return at + 1 < result.length ? result.with(at + 1, value & 0xff) : result;
}

/** Mulberry32: small, and the same everywhere. */
function randomOf(seed: number): Random {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}
