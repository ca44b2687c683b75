/** Valid messages damaged at random: nothing throws, nothing takes long, nothing stays. */

import { expect, test } from "bun:test";
import { emitMessage } from "../../../src/wire/v2/emit-message.ts";
import { PAYLOADS_MAX, type Payload } from "../../../src/wire/v2/message.ts";
import { damaged, type Random, randomOf } from "./damage.ts";
import { kindOf, readMessage } from "./read-message.ts";
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
