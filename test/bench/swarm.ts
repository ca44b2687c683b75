/**
 * A load generator: many sites connect over real UDP from one process, a given number at the same
 * time. Arguments: one JSON object ({@link SwarmOrder}); result: one JSON object ({@link
 * SwarmResult}).
 */

import { performKeyExchange } from "../../src/crypto/key-exchange.ts";
import { formatAddress } from "../../src/inet/address.ts";
import { asInstant } from "../../src/octets/instant.ts";
import {
  connectIkev1,
  createIkev1Site,
  ikev1Deadline,
  receiveIkev1,
  tickIkev1,
} from "../simulation/ikev1-site.ts";
import { connect, createSite, receive, siteDeadline, tick } from "../simulation/initiator.ts";
import { endpointOf } from "../simulation/plan.ts";
import { createPrng } from "../simulation/prng.ts";
import type { SiteOutput } from "../simulation/site-state.ts";
import { ikev1SettingsOfSite, settingsOfSite } from "./fleet.ts";

export type SwarmOrder = {
  /** Of the concentrator, on 127.0.0.1. */
  readonly port: number;
  readonly first: number;
  readonly count: number;
  readonly concurrency: number;
  readonly ke: number;
  /** With IKEv1 in Aggressive Mode, from many addresses: each of them is limited. */
  readonly version?: 1 | 2;
  /** Each site has an address of its own, counted from this one; 127.0.0.1 for all otherwise. */
  readonly from?: string;
  /** Where the concentrator listens; 127.0.0.1 otherwise. */
  readonly to?: string;
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

/** A site of either version. */
type Caller = {
  readonly spiI: bigint;
  receive(octets: Uint8Array): readonly SiteOutput[];
  tick(): readonly SiteOutput[];
  deadline(): number | undefined;
};

type Call = { readonly site: Caller; readonly socket: Socket; readonly startedMs: number };
type Socket = Bun.udp.Socket<"uint8array">;

const TICK_MS = 50;
const ADDRESSES = 64;

/** Connects all sites of the order, or stops when its time is over. */
export async function swarm(order: SwarmOrder): Promise<SwarmResult> {
  const calls = new Map<bigint, Call>();
  const latencies: number[] = [];
  const { from, to = "127.0.0.1" } = order;
  const remote = endpointOf(to, order.port);
  let next = order.first;
  let failed = 0;
  let retransmissions = 0;
  const sockets: Socket[] = [];
  const openAt = async (hostname: string): Promise<Socket> =>
    await Bun.udpSocket({
      hostname,
      binaryType: "uint8array",
      socket: { data: (_, octets) => onDatagram(octets) },
    });
  for (let at = 0; at < (order.version === 1 ? ADDRESSES : 1); at++) {
    sockets.push(await openAt(order.version === 1 ? `127.1.0.${at + 1}` : "127.0.0.1"));
  }
  let opening = 0;
  const startMore = (): void => {
    while (calls.size + opening < order.concurrency && next < order.first + order.count) {
      const number = next++;
      const socket = sockets[number % sockets.length];
      if (from === undefined && socket !== undefined) begin(number, socket);
      if (from === undefined) continue;
      opening++;
      void openAt(addressAfter(from, number)).then((own) => {
        opening--;
        begin(number, own);
      });
    }
  };
  const begin = (number: number, socket: Socket): void => {
    const local = endpointOf(socket.hostname, socket.port);
    const beginOne = order.version === 1 ? beginIkev1 : beginIkev2;
    const { site, outputs } = beginOne(number, order.ke, { local, remote });
    calls.set(site.spiI, { site, socket, startedMs: performance.now() });
    take(site.spiI, outputs);
  };
  const end = (spiI: bigint): void => {
    if (from !== undefined) calls.get(spiI)?.socket.close();
    calls.delete(spiI);
  };
  const take = (spiI: bigint, outputs: readonly SiteOutput[]): void => {
    const call = calls.get(spiI);
    for (const output of outputs) {
      if (output.kind === "send") call?.socket.send(output.octets, order.port, to);
      // Of some 100 runs one has two sites with one SPI: all sites have the same address here.
      const isWithoutChild = output.kind === "refused" && output.asked === "first Child SA";
      if (output.kind === "ended" || isWithoutChild) {
        failed++;
        end(spiI);
      }
      if (output.kind === "child-up") {
        latencies.push(performance.now() - (call?.startedMs ?? 0));
        end(spiI);
      }
    }
  };
  const onDatagram = (octets: Uint8Array): void => {
    if (octets.length < 28) return;
    const spiI = new DataView(octets.buffer, octets.byteOffset, 8).getBigUint64(0);
    const call = calls.get(spiI);
    if (call === undefined) return;
    take(spiI, call.site.receive(octets));
    startMore();
  };

  const started = performance.now();
  startMore();
  while (calls.size + opening > 0 && performance.now() - started < order.msMax) {
    await Bun.sleep(TICK_MS);
    for (const [spiI, { site }] of [...calls]) {
      if ((site.deadline() ?? Number.POSITIVE_INFINITY) > now()) continue;
      retransmissions++;
      take(spiI, site.tick());
    }
    startMore();
  }
  // The last answer came somewhere within the last sleep.
  const ms = performance.now() - started - (calls.size === 0 ? TICK_MS / 2 : 0);
  for (const socket of sockets) socket.close();
  const counts = { connected: latencies.length, failed: failed + calls.size, retransmissions };
  return { ...counts, ms, ...quantilesOf(latencies) };
}

type Path = Parameters<typeof settingsOfSite>[2];
type Begun = { readonly site: Caller; readonly outputs: readonly SiteOutput[] };

function beginIkev2(number: number, ke: number, path: Path): Begun {
  const site = createSite(settingsOfSite(number, ke, path), SOURCES);
  const outputs = connect(site, now());
  const { negotiation } = site;
  if (negotiation?.phase !== "initiating") throw new Error("a site does not call");
  return {
    outputs,
    site: {
      spiI: negotiation.spiI,
      receive: (octets) => receive(site, octets, now()),
      tick: () => tick(site, now()),
      deadline: () => siteDeadline(site),
    },
  };
}

function beginIkev1(number: number, ke: number, path: Path): Begun {
  const site = createIkev1Site(ikev1SettingsOfSite(number, ke, path), createPrng(now() * 1_000));
  const outputs = connectIkev1(site, now());
  const spiI = site.negotiation?.caller.spiI;
  if (spiI === undefined) throw new Error("a site does not call");
  return {
    outputs,
    site: {
      spiI,
      receive: (octets) => receiveIkev1(site, octets, now()),
      tick: () => tickIkev1(site, now()),
      deadline: () => ikev1Deadline(site),
    },
  };
}

const SOURCES = {
  random: (count: number) => crypto.getRandomValues(new Uint8Array(count)),
  keyExchange: performKeyExchange,
};

function now() {
  return asInstant(performance.now());
}

function addressAfter(first: string, count: number): string {
  const { family, value } = endpointOf(first, 0).address;
  return formatAddress({ family, value: value + BigInt(count) });
}

/** Median, 99th percentile and largest. */
export function quantilesOf(
  values: readonly number[],
): Pick<SwarmResult, "p50Ms" | "p99Ms" | "longestMs"> {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number) => sorted[Math.floor((sorted.length - 1) * share)] ?? 0;
  return { p50Ms: at(0.5), p99Ms: at(0.99), longestMs: at(1) };
}

const [argument] = process.argv.slice(2);
if (import.meta.main && argument !== undefined) {
  const result = await swarm(JSON.parse(argument) as SwarmOrder);
  process.stdout.write(`${JSON.stringify(result)}\n`);
}
