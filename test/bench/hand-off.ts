/**
 * What a message to a worker and its answer cost, in CPU time of both threads: as messages that the
 * runtime copies (postMessage), and through rings in memory that both share. It decides whether
 * handshakes could be spread over cores.
 *
 *   bun test/bench/hand-off.ts
 */

import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { cpuUs } from "./thread-time.ts";

type Way = "postMessage" | "rings";
type Start = { readonly way: Way; readonly requests: Ring; readonly answers: Ring };
type Ring = { readonly counts: Int32Array; readonly octets: Uint8Array };

/** About that of IKE_AUTH, and of what a handshake has the owner do. */
const OCTETS = 400;
const MESSAGES = 20_000;
const SLOTS = 256;
const SLOT_OCTETS = 512;
const AT_ONCE = [1, 64];
const PORTIONS = 5;
/** Before it is measured: the compiler has threads of its own. */
const WARM_UP = 20_000;

if (isMainThread) await main();
else work(workerData as Start);

async function main(): Promise<void> {
  for (const way of ["postMessage", "rings"] as const) {
    for (const atOnce of AT_ONCE) {
      const start: Start = { way, requests: ring(), answers: ring() };
      const worker = new Worker(import.meta.path, { workerData: start });
      const exchange = exchangeBy(worker, start);
      await exchange(WARM_UP, atOnce);
      const costs: Cost[] = [];
      for (let i = 0; i < PORTIONS; i++) costs.push(await costOf(worker, start, atOnce));
      await worker.terminate();
      const middle = (part: keyof Cost) =>
        costs
          .map((cost) => cost[part])
          .sort((a, b) => a - b)
          [PORTIONS >> 1]?.toFixed(1);
      const parts = `µs of this thread ${middle("here")}, of the worker ${middle("there")}`;
      console.log(`${way}, ${atOnce} at once: message and answer, ${parts}`);
    }
  }
}

type Cost = { readonly here: number; readonly there: number };
type Exchange = (count: number, atOnce: number) => Promise<unknown>;

/** µs a message with its answer. */
async function costOf(worker: Worker, start: Start, atOnce: number): Promise<Cost> {
  const exchange = exchangeBy(worker, start);
  const there = await usedBy(worker);
  const here = cpuUs();
  await exchange(MESSAGES, atOnce);
  const until = cpuUs();
  return { here: (until - here) / MESSAGES, there: ((await usedBy(worker)) - there) / MESSAGES };
}

/** CPU of the worker so far: what it counts has to be asked while nothing is under way. */
async function usedBy(worker: Worker): Promise<number> {
  const answer = new Promise<number>((resolve) => worker.once("message", resolve));
  worker.postMessage("used");
  return await answer;
}

function exchangeBy(worker: Worker, start: Start): Exchange {
  return start.way === "rings" ? byRings(worker, start) : byMessages(worker);
}

function byMessages(worker: Worker): Exchange {
  return (count, atOnce) =>
    new Promise((resolve) => {
      let sent = 0;
      let received = 0;
      const send = () => {
        sent++;
        worker.postMessage({ number: sent, octets: new Uint8Array(OCTETS) });
      };
      const onMessage = () => {
        received++;
        if (sent < count) send();
        if (received < count) return;
        worker.off("message", onMessage);
        resolve(undefined);
      };
      worker.on("message", onMessage);
      while (sent < atOnce) send();
    });
}

/** Each turn takes all answers that are there, and puts as many requests. */
function byRings(worker: Worker, { requests, answers }: Start): Exchange {
  return async (count, atOnce) => {
    worker.postMessage({ ring: count });
    const message = new Uint8Array(OCTETS);
    let sent = 0;
    let received = 0;
    while (received < count) {
      for (; sent < count && sent - received < atOnce; sent++) put(requests, message);
      wake(requests);
      if (available(answers) === 0) {
        const { async, value } = Atomics.waitAsync(answers.counts, 0, baseOf(answers));
        if (async) await value;
      }
      for (let left = available(answers); left > 0; left--, received++) take(answers);
    }
    await new Promise((resolve) => worker.once("message", resolve));
  };
}

/** The worker's side: it answers with as many octets. */
function work({ way, requests, answers }: Start): void {
  parentPort?.on("message", (message: "used" | { ring: number } | { octets: Uint8Array }) => {
    if (message === "used") parentPort?.postMessage(cpuUs());
    else if ("ring" in message) {
      serveRing(message.ring, requests, answers);
      parentPort?.postMessage("done");
    } else if (way === "postMessage") {
      parentPort?.postMessage({ octets: new Uint8Array(message.octets) });
    }
  });
}

function serveRing(count: number, requests: Ring, answers: Ring): void {
  for (let done = 0; done < count; ) {
    if (available(requests) === 0) Atomics.wait(requests.counts, 0, baseOf(requests));
    for (let left = available(requests); left > 0; left--, done++) put(answers, take(requests));
    wake(answers);
  }
}

/** How many were put, and how many were taken. */
function ring(): Ring {
  return {
    counts: new Int32Array(new SharedArrayBuffer(8)),
    octets: new Uint8Array(new SharedArrayBuffer(SLOTS * SLOT_OCTETS)),
  };
}

function available({ counts }: Ring): number {
  return Atomics.load(counts, 0) - Atomics.load(counts, 1);
}

/** The count of what was put, if all of it has been taken. */
function baseOf({ counts }: Ring): number {
  return Atomics.load(counts, 1);
}

function put({ counts, octets }: Ring, message: Uint8Array): void {
  octets.set(message, (Atomics.load(counts, 0) % SLOTS) * SLOT_OCTETS);
  Atomics.add(counts, 0, 1);
}

function take({ counts, octets }: Ring): Uint8Array {
  const at = (Atomics.load(counts, 1) % SLOTS) * SLOT_OCTETS;
  const message = octets.slice(at, at + OCTETS);
  Atomics.add(counts, 1, 1);
  return message;
}

function wake({ counts }: Ring): void {
  Atomics.notify(counts, 0);
}
