/**
 * What reading the counters of all states takes of this process, without the kernel: messages as
 * the kernel sends them, 32 KiB at a time. SIZES=1000,10000 measures others. Prints a Markdown
 * table: CPU time, and what waits for it.
 */

import { createCounted } from "../../src/daemon/state-uses.ts";
import { ok } from "../../src/octets/result.ts";
import { nextTurn } from "../../src/status/lists/turns.ts";
import { emitNetlink, parseNetlink } from "../../src/xfrm/netlink.ts";
import type { XfrmRequest } from "../../src/xfrm/request.ts";
import { parseStateCount, type StateCount } from "../../src/xfrm/state-count.ts";
import { emitState } from "../../src/xfrm/state-message.ts";
import { createCrowd } from "./crowd.ts";
import { cpuUs } from "./thread-time.ts";

const SIZES = (process.env.SIZES ?? "1000,10000,100000").split(",").map(Number);
const READINGS = 8;
const PIECE_OCTETS = 32_768;
const HEADER_OCTETS = 16;
/** In struct xfrm_usersa_info: id.daddr, id.spi, curlft.bytes. */
const AT = { daddr: 56, spi: 72, octets: 160 } as const;
/** Spreads SPIs as random ones are. */
const ODD = 0x9e37_79b1;
const MIB = 1_024 * 1_024;

const message = messageOfState();
console.log("| sites | reading, ms | a state, µs | longest turn, ms | memory, MiB |");
console.log("| --- | --- | --- | --- | --- |");
for (const sites of SIZES) await measure(sites);

async function measure(sites: number): Promise<void> {
  const states = 2 * sites;
  let clock = 0;
  const kernel = { stateCounts: (take: Take) => dump(states, take), perform: () => ok(undefined) };
  // Each reading comes later than the one before is fresh.
  const counted = createCounted(
    kernel,
    () => [],
    () => (clock += 10_000),
  );
  Bun.gc(true);
  const before = process.memoryUsage.rss();
  const each: number[] = [];
  const longest: number[] = [];
  for (let reading = 0; reading < READINGS; reading++) {
    const turns = watchTurns();
    const from = cpuUs();
    await counted.all();
    each.push(cpuUs() - from);
    longest.push(await turns.longest());
  }
  const ms = median(each) / 1_000;
  const memory = (process.memoryUsage.rss() - before) / MIB;
  const cells = [ms.toFixed(1), ((ms * 1_000) / states).toFixed(2)];
  const turn = (median(longest) / 1_000).toFixed(1);
  const name = sites.toLocaleString("en-US");
  console.log(`| ${name} | ${cells.join(" | ")} | ${turn} | ${memory.toFixed(0)} |`);
}

type Take = (count: StateCount) => void;

/** As `Kernel.stateCounts` reads, with the same turns. */
async function dump(states: number, take: Take) {
  const perPiece = Math.floor(PIECE_OCTETS / message.length);
  const piece = new Uint8Array(perPiece * message.length);
  let since = performance.now();
  for (let from = 0; from < states; from += perPiece) {
    fill(piece, from);
    const messages = parseNetlink(piece);
    if (!messages.ok) throw new Error(messages.error.detail);
    for (const { payload } of messages.value) {
      const count = parseStateCount(payload);
      if (count.ok) take(count.value);
    }
    if (performance.now() - since < 1) continue;
    await nextTurn();
    since = performance.now();
  }
  return ok(undefined);
}

function fill(piece: Uint8Array, from: number): void {
  const view = new DataView(piece.buffer);
  for (let at = 0; at < piece.length; at += message.length) {
    const number = from + at / message.length;
    piece.set(message, at);
    const payload = at + HEADER_OCTETS;
    view.setUint32(payload + AT.daddr, 0xac10_0000 + (number >> 1));
    view.setUint32(payload + AT.spi, Math.imul(number, ODD) >>> 0);
    view.setBigUint64(payload + AT.octets, BigInt(from), true);
  }
}

/** What the engine asks for a site. */
function messageOfState(): Uint8Array {
  let octets: Uint8Array | undefined;
  const onKernel = (request: XfrmRequest): void => {
    if (request.op !== "new-state") return;
    const head = { type: 0, flags: 0, sequence: 1 };
    octets ??= emitNetlink(head, (w) => emitState(w, request.state));
  };
  const crowd = createCrowd(1, { onKernel });
  crowd.driver.feed({ kind: "start" });
  crowd.connect(0);
  if (octets === undefined) throw new Error("no state");
  return octets;
}

/** CPU time of the turns of the event loop, in µs. */
function watchTurns() {
  let isOver = false;
  let most = 0;
  const watch = async (): Promise<void> => {
    for (let from = cpuUs(); !isOver; from = cpuUs()) {
      await nextTurn();
      most = Math.max(most, cpuUs() - from);
    }
  };
  const watched = watch();
  return {
    async longest(): Promise<number> {
      isOver = true;
      await watched;
      return most;
    },
  };
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;
}
