/** IKEv1 messages cut short and damaged: nothing throws, nothing takes long, nothing stays. */

import { expect, test } from "bun:test";
import { PAYLOADS_MAX } from "../../../../src/wire/v1/message.ts";
import { emitMessage, parsePayloads } from "../../../../src/wire/v1/payload-chain.ts";
import recorded from "../../vectors/ikev1_first_messages.json";
import { damaged, type Random, randomOf } from "../damage.ts";
import { withTrueLength } from "../read-message.ts";
import { readMessage, withoutBodies } from "./read-message.ts";
import { SAMPLES as OWN } from "./samples.ts";

const OF_OTHERS = recorded.messages.map(({ title, octets }) => {
  return { name: title, octets: Uint8Array.fromHex(octets) };
});
const SAMPLES = [...OWN, ...OF_OTHERS];

const MUTATIONS = 100_000;
const MS_MAX = 60_000;
const HEAP_OCTETS_SLACK = 8 << 20;

/** `WIRE_SEED=…` repeats a run; otherwise each run is a new one. */
const SEED = Number(process.env.WIRE_SEED ?? Date.now() % 0x7fffffff);

for (const { name, octets } of SAMPLES) {
  test(`${name}: it is read as a whole, and malformed if cut anywhere`, () => {
    expect(faultsOf(octets)).toEqual([]);
    for (let length = 0; length < octets.length; length++) {
      const cut = octets.slice(0, length);
      expect(faultsOf(cut).join()).toMatch(/\d/);
      // With the header's Length corrected, the fault is found in the payloads.
      expect(faultsOf(withTrueLength(cut)).join()).toMatch(/\d/);
    }
  });
}

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

test("what decrypts to nonsense is read or refused, whatever payload is to be the first", () => {
  const random = randomOf(SEED);
  const count = { read: 0, refused: 0 };
  for (let i = 0; i < 30_000; i++) {
    const octets = Uint8Array.from({ length: 8 * random(40) }, () => random(256));
    // Short lengths, so that the chain goes on for a while.
    if (octets.length > 3 && random(2) === 0) octets.set([0, 4 + random(8)], 2);
    const chain = parsePayloads(random(256), octets, "nonsense");
    count[chain.ok ? "read" : "refused"]++;
    if (!chain.ok) continue;
    const { payloads, afterFirst, trailing } = chain.value;
    const covered = payloads.reduce((sum, { body }) => sum + 4 + body.length, 0);
    expect(covered + trailing).toBe(octets.length);
    expect(afterFirst.length).toBeLessThanOrEqual(octets.length);
  }
  expect({ seed: SEED, both: count.read > 50 && count.refused > 1_000 }).toEqual({
    seed: SEED,
    both: true,
  });
});

function damage(random: Random, count: number, sizes: { read: number; refused: number }): void {
  for (let i = 0; i < count; i++) {
    const sample = SAMPLES[random(SAMPLES.length)];
    if (sample === undefined) continue;
    const octets = damaged(sample.octets, random);
    try {
      if (readsOrRefuses(octets)) sizes.read++;
      else sizes.refused++;
    } catch (cause) {
      const what = `seed ${SEED}, mutation ${i} of ${sample.name}: ${octets.toHex()}`;
      throw new Error(what, { cause });
    }
  }
}

/** Whatever is read can be written, and is then read as the same; a fault says where. */
function readsOrRefuses(octets: Uint8Array): boolean {
  const message = readMessage(octets);
  if (!message.ok) {
    const { where, detail } = message.error;
    if (!/\d/.test(detail)) throw new Error(`a fault without numbers: ${where}: ${detail}`);
    return false;
  }
  const { header, payloads } = message.value;
  if (payloads.length > PAYLOADS_MAX) throw new Error(`${payloads.length} payloads`);
  const again = readMessage(emitMessage(header, payloads));
  if (!again.ok) throw new Error("written, then refused");
  if (!Bun.deepEquals(withoutBodies(again.value.payloads), withoutBodies(payloads))) {
    throw new Error("read differently the second time");
  }
  return true;
}

/** Of the message as a whole, and of single payloads. */
function faultsOf(octets: Uint8Array): readonly string[] {
  const message = readMessage(octets);
  if (!message.ok) return [`${message.error.where}: ${message.error.detail}`];
  return message.value.payloads.flatMap((payload) =>
    payload.kind === "UNREADABLE" ? [`${payload.fault.where}: ${payload.fault.detail}`] : [],
  );
}
