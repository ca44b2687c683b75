/** What is on the wire: pings that carry a mark, and a capture that looks for the mark. */

import { patient } from "../../patience.ts";
import { type Host, run, start, until } from "./hosts.ts";

/** Sixteen octets that each ping carries: if seen on the wire, they were not encrypted. */
const MARK = "clear-text-seen!";

export type PingResult = { readonly sent: number; readonly received: number };

export type PingOptions = {
  readonly from?: string;
  readonly count?: number;
  readonly intervalSeconds?: number;
  readonly octets?: number;
  /** For the last answer; two seconds and more on a slow machine, if it is not said. */
  readonly waitSeconds?: number;
};

/** Pings, with {@link MARK} as payload; never throws for lost ones. */
export async function ping(
  host: Host | undefined,
  to: string,
  options: PingOptions = {},
): Promise<PingResult> {
  const from = options.from === undefined ? [] : ["-I", options.from];
  const ended = await run(host, [
    "ping",
    "-n",
    "-q",
    ...["-c", String(options.count ?? 3)],
    ...["-i", String(options.intervalSeconds ?? 0.2)],
    ...["-W", String(options.waitSeconds ?? Math.ceil(patient(2_000) / 1_000))],
    ...["-s", String(options.octets ?? 96)],
    ...["-p", Buffer.from(MARK).toString("hex")],
    ...from,
    to,
  ]);
  const found = /(\d+) packets transmitted, (\d+) received/.exec(ended.out);
  if (found === null) throw new Error(`ping ${to}: ${ended.out}${ended.err}`);
  return { sent: Number(found[1]), received: Number(found[2]) };
}

/**
 * Whether a ping is answered. A second after the last of them it is said that none is, however slow
 * the machine may be: this is one look of several, or no answer is expected.
 */
export async function isAnswered(
  host: Host | undefined,
  to: string,
  options: PingOptions = {},
): Promise<boolean> {
  const pings = await ping(host, to, { waitSeconds: 1, ...options });
  return pings.received > 0;
}

export type Pinging = {
  /** Ends it; `lost` holds the sequence numbers that were never answered, the first being 1. */
  stop(): Promise<{
    readonly sent: number;
    readonly lost: readonly number[];
    /** When each of them was sent, as far as the answers around it tell. */
    readonly gaps: string;
  }>;
};

/** Pings ten times a second, if nothing else is said, until it is stopped. */
export async function startPinging(
  host: Host,
  to: string,
  from?: string,
  intervalSeconds = 0.1,
): Promise<Pinging> {
  const source = from === undefined ? [] : ["-I", from];
  const pattern = Buffer.from(MARK).toString("hex");
  const pinging = start(host, [
    "ping",
    "-n",
    "-D", // the time of each answer
    "-i",
    String(intervalSeconds),
    "-s",
    "96",
    "-p",
    pattern,
    ...source,
    to,
  ]);
  return {
    stop: async () => {
      process.kill(pinging.pid, "SIGINT"); // upon which it writes its summary
      await pinging.exited;
      const text = await pinging.output();
      const sent = Number(/(\d+) packets transmitted/.exec(text)?.[1]);
      if (Number.isNaN(sent)) throw new Error(`ping ${to}: ${text}`);
      const answered = new Set([...text.matchAll(/icmp_seq=(\d+) ttl/g)].map((m) => Number(m[1])));
      // Those of the last second may still have been on their way.
      const count = Math.max(0, sent - Math.ceil(1 / intervalSeconds));
      const awaited = Array.from({ length: count }, (_, i) => i + 1);
      const lost = awaited.filter((sequence) => !answered.has(sequence));
      return { sent, lost, gaps: gapsIn(text, lost) };
    },
  };
}

function gapsIn(text: string, lost: readonly number[]): string {
  const times = new Map(
    [...text.matchAll(/^\[([\d.]+)\].*icmp_seq=(\d+) ttl/gm)].map((m) => [
      Number(m[2]),
      Number(m[1]),
    ]),
  );
  const clock = (sequence: number) => {
    const seconds = times.get(sequence);
    return seconds === undefined ? "?" : new Date(seconds * 1_000).toISOString().slice(11, 23);
  };
  const said = lost.flatMap((sequence, at) => {
    if (lost[at - 1] === sequence - 1) return [];
    let last = sequence;
    while (lost.includes(last + 1)) last++;
    return [`${sequence} to ${last}, ${clock(sequence - 1)} to ${clock(last + 1)}`];
  });
  return said.join("; ");
}

/** What a capture saw. */
export type Captured = {
  /** Packets that carry the pings' mark in clear. */
  readonly clearText: boolean;
  /** Pings in clear, requests and answers, as tcpdump writes them. */
  readonly pings: readonly string[];
  readonly esp: number;
  /** UDP port 4500: IKE and ESP in UDP. */
  readonly udp4500: number;
  readonly all: number;
};

const PINGS = "icmp[icmptype] == icmp-echo or icmp[icmptype] == icmp-echoreply";

export type Capture = { stop(): Promise<Captured> };

/** Captures everything that passes an interface; use one in the middle of the path. */
export async function capture(host: Host, device: string): Promise<Capture> {
  const file = `/run/capture-${host.name}-${crypto.randomUUID().slice(0, 8)}.pcap`;
  const dump = start(host, ["tcpdump", "-n", "-U", "--immediate-mode", "-i", device, "-w", file]);
  await until("tcpdump listens", async () => (await dump.output()).includes("listening on"));
  return {
    stop: async () => {
      await Bun.sleep(patient(300)); // the last packets may still be on their way into the file
      await dump.stop();
      const octets = Buffer.from(await Bun.file(file).arrayBuffer());
      return {
        clearText: octets.includes(MARK),
        pings: await lines(file, PINGS),
        esp: await count(file, "esp"),
        udp4500: await count(file, "udp port 4500"),
        all: await count(file, ""),
      };
    },
  };
}

/** An ESP packet, as it was on the wire. */
export type EspSeen = { readonly atMs: number; readonly dst: string; readonly spi: number };

/** Notes each ESP packet (not in UDP) that passes an interface, with the time of day. */
export async function watchEsp(
  host: Host,
  device: string,
): Promise<{ stop(): Promise<readonly EspSeen[]> }> {
  const file = `/run/esp-${host.name}-${crypto.randomUUID().slice(0, 8)}.pcap`;
  const listen = ["tcpdump", "-n", "-U", "--immediate-mode", "-i", device, "-w", file, "esp"];
  const dump = start(host, listen);
  await until("tcpdump listens", async () => (await dump.output()).includes("listening on"));
  return {
    stop: async () => {
      await dump.stop();
      const shown = await run(undefined, ["tcpdump", "-n", "-tt", "-r", file]);
      const packets = shown.out.matchAll(/^([\d.]+) IP6? \S+ > (\S+): ESP\(spi=(0x[0-9a-f]+)/gm);
      return [...packets].map(([, at, dst = "", spi]) => {
        return { atMs: Number(at) * 1_000, dst, spi: Number(spi) };
      });
    },
  };
}

async function count(file: string, filter: string): Promise<number> {
  return (await lines(file, filter)).length;
}

async function lines(file: string, filter: string): Promise<readonly string[]> {
  const shown = await run(undefined, ["tcpdump", "-n", "-r", file, filter]);
  return shown.out.split("\n").filter((line) => line !== "");
}
