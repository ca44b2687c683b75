/**
 * A load generator: many sites connect over real UDP from one process, a given number at the same
 * time. Arguments: one JSON object ({@link SwarmOrder}); result: one JSON object ({@link
 * SwarmResult}).
 */

import { performKeyExchange } from "../../src/crypto/key-exchange.ts";
import { asInstant } from "../../src/octets/instant.ts";
import { connect, createSite, receive, siteDeadline, tick } from "../simulation/initiator.ts";
import { endpointOf } from "../simulation/plan.ts";
import type { Site, SiteOutput } from "../simulation/site-state.ts";
import { settingsOfSite } from "./fleet.ts";

export type SwarmOrder = {
  /** Of the concentrator, on 127.0.0.1. */
  readonly port: number;
  readonly first: number;
  readonly count: number;
  readonly concurrency: number;
  readonly ke: number;
  readonly msMax: number;
};

export type SwarmResult = {
  readonly connected: number;
  readonly failed: number;
  readonly retransmissions: number;
  readonly ms: number;
  /** From the IKE_SA_INIT request to the IKE_AUTH response, including the site's own work. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly longestMs: number;
};

type Call = { readonly site: Site; readonly startedMs: number };

const TICK_MS = 50;

const [argument] = process.argv.slice(2);
if (import.meta.main && argument !== undefined) {
  const result = await swarm(JSON.parse(argument) as SwarmOrder);
  process.stdout.write(`${JSON.stringify(result)}\n`);
}

/** Connects all sites of the order, or stops when its time is over. */
export async function swarm(order: SwarmOrder): Promise<SwarmResult> {
  const calls = new Map<bigint, Call>();
  const latencies: number[] = [];
  const remote = endpointOf("127.0.0.1", order.port);
  let next = order.first;
  let failed = 0;
  let retransmissions = 0;
  const now = () => asInstant(performance.now());

  const socket = await Bun.udpSocket({
    hostname: "127.0.0.1",
    binaryType: "uint8array",
    socket: { data: (_, octets) => onDatagram(octets) },
  });
  const local = endpointOf("127.0.0.1", socket.port);
  const sources = {
    random: (count: number) => crypto.getRandomValues(new Uint8Array(count)),
    keyExchange: performKeyExchange,
  };
  const startMore = (): void => {
    while (calls.size < order.concurrency && next < order.first + order.count) {
      const site = createSite(settingsOfSite(next++, order.ke, { local, remote }), sources);
      const startedMs = performance.now();
      const outputs = connect(site, now());
      const { negotiation } = site;
      if (negotiation?.phase !== "initiating") continue;
      calls.set(negotiation.spiI, { site, startedMs });
      take(negotiation.spiI, outputs);
    }
  };
  const take = (spiI: bigint, outputs: readonly SiteOutput[]): void => {
    for (const output of outputs) {
      if (output.kind === "send") socket.send(output.octets, order.port, "127.0.0.1");
      // Of some 100 runs one has two sites with one SPI: all sites have the same address here.
      const isWithoutChild = output.kind === "refused" && output.asked === "first Child SA";
      if (output.kind === "ended" || isWithoutChild) {
        failed++;
        calls.delete(spiI);
      }
      if (output.kind === "child-up") {
        latencies.push(performance.now() - (calls.get(spiI)?.startedMs ?? 0));
        calls.delete(spiI);
      }
    }
  };
  const onDatagram = (octets: Uint8Array): void => {
    if (octets.length < 28) return;
    const spiI = new DataView(octets.buffer, octets.byteOffset, 8).getBigUint64(0);
    const call = calls.get(spiI);
    if (call === undefined) return;
    take(spiI, receive(call.site, octets, now()));
    startMore();
  };

  const started = performance.now();
  startMore();
  while (calls.size > 0 && performance.now() - started < order.msMax) {
    await Bun.sleep(TICK_MS);
    for (const [spiI, { site }] of [...calls]) {
      if ((siteDeadline(site) ?? Number.POSITIVE_INFINITY) > now()) continue;
      retransmissions++;
      take(spiI, tick(site, now()));
    }
    startMore();
  }
  // The last answer came somewhere within the last sleep.
  const ms = performance.now() - started - (calls.size === 0 ? TICK_MS / 2 : 0);
  socket.close();
  const counts = { connected: latencies.length, failed: failed + calls.size, retransmissions };
  return { ...counts, ms, ...quantilesOf(latencies) };
}

/** Median, 99th percentile and largest. */
export function quantilesOf(
  values: readonly number[],
): Pick<SwarmResult, "p50Ms" | "p99Ms" | "longestMs"> {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number) => sorted[Math.floor((sorted.length - 1) * share)] ?? 0;
  return { p50Ms: at(0.5), p99Ms: at(0.99), longestMs: at(1) };
}
