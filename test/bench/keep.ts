/**
 * What it costs to keep sites for the next start, and how long that takes to take them over: the
 * engine with the slots of the state file, in one process. Argument: the number of sites.
 */

import { createConcentrator } from "../../src/concentrator/concentrator.ts";
import { SEGMENT_OCTETS } from "../../src/daemon/keep/slab.ts";
import { Slots } from "../../src/daemon/keep/slots.ts";
import { asInstant } from "../../src/octets/instant.ts";
import { createCrowd } from "./crowd.ts";
import { cpuUs } from "./thread-time.ts";

const SITES = Number(process.argv[2] ?? 10_000);
const WALL_MS = 1_800_000_000_000;
/** Sites that connect before the time counts: the compilers are done by then. */
const WARM_UP = Math.min(1_000, SITES / 2);

const segments: Uint8Array[] = [];
const memory = {
  checksum: (octets: Uint8Array) => Bun.hash.crc32(octets),
  grow() {
    const segment = new Uint8Array(SEGMENT_OCTETS);
    segments.push(segment);
    return segment;
  },
};
const placeOf = (generation: number) => ({ anchor: { now: 0, wallMs: WALL_MS }, generation });

const crowd = createCrowd(SITES, { keeps: true });
const slots = new Slots(memory);
/** The quietest portion counts: on a busy machine the others wait for memory. */
const PORTION = 500;
let keptUs = 0;
let leastUs = Number.POSITIVE_INFINITY;
let portionUs = 0;
for (let number = 0; number < SITES; number++) {
  crowd.connect(number);
  const from = cpuUs();
  for (const { name, content } of crowd.concentrator.changes(placeOf(1)) ?? []) {
    if (content === undefined) slots.remove(name);
    else slots.put(name, content);
  }
  const us = cpuUs() - from;
  if (number >= WARM_UP) keptUs += us;
  portionUs += us;
  if (number % PORTION < PORTION - 1) continue;
  if (number >= WARM_UP) leastUs = Math.min(leastUs, portionUs / PORTION);
  portionUs = 0;
}
const { plan } = crowd;
const random = (count: number) => crypto.getRandomValues(new Uint8Array(count));
const next = createConcentrator({ plan, now: asInstant(0), random, keeps: true });
const [began, beganUs] = [performance.now(), cpuUs()];
const left = new Slots(memory, segments);
const successor = next.takeOver(placeOf(2));
for (const { number, content } of left.found()) {
  const read = successor.readKept(content);
  if (read.ok && read.value !== undefined) left.adopt(number, read.value);
}
successor.finish();
const [ms, cpuMs] = [performance.now() - began, (cpuUs() - beganUs) / 1_000];
const each = (keptUs / (SITES - WARM_UP)).toFixed(1);
const octets = Math.round(slots.octets / SITES);
const inFile = Math.round((segments.length * SEGMENT_OCTETS) / SITES);
const { erouteCount } = next.snapshot();
console.log(
  `${each} µs a handshake (${leastUs.toFixed(1)} in the quietest portion), ` +
    `${octets} octets a site (${inFile} of the file); ` +
    `${erouteCount} sites taken over in ${ms.toFixed(0)} ms (${cpuMs.toFixed(0)} of CPU)`,
);
