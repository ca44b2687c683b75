/** Figures of the last hours, in ring buffers of fixed size: the data of the charts. */

import type { Concentrator } from "../concentrator/concentrator.ts";
import type { PeerRepository } from "../peers/repository.ts";
import { type Sample, SERIES_NAMES, type Series, type SeriesName } from "../status/series.ts";
import type { StateUses, TrafficTotals } from "../status/source.ts";

/** The fine ring: every 10 s for an hour. The coarse one: every 5 min for two days. */
const FINE_MS = 10_000;
const FINE_COUNT = 360;
const COARSE_EVERY = 30;
const COARSE_COUNT = 576;

export type Sampled = {
  readonly concentrator: Pick<Concentrator, "snapshot">;
  readonly peers: ReadonlyMap<string, Pick<PeerRepository, "statistics">>;
  /** The kernel's counters for each state. */
  uses(): Promise<StateUses>;
  /** Our addresses as text: states to one of them are inbound. */
  ours(): ReadonlySet<string>;
  wallMs(): number;
};

export type Samples = {
  /** Takes a sample now: the shell calls it every {@link SAMPLE_MS}. */
  take(): Promise<void>;
  /** From the oldest on; `coarse` selects the long ring. */
  series(range: "hour" | "days"): Series;
  /** All traffic seen since the start, including that of states that are gone. */
  traffic(): TrafficTotals;
};

export const SAMPLE_MS = FINE_MS;

/** Sums since the start, from which rates are calculated. */
type Totals = Readonly<Record<"handshakes" | "failures" | "lookups" | "lookupSeconds", number>> & {
  readonly uses: StateUses;
};

const TRAFFIC_NAMES = ["octetsIn", "octetsOut", "packetsIn", "packetsOut"] as const;

/** Empty rings. */
export function createSamples(sampled: Sampled): Samples {
  const fine = ring(FINE_COUNT);
  const coarse = ring(COARSE_COUNT);
  let before: { readonly totals: Totals; readonly wallMs: number } | undefined;
  let pending: Sample[] = [];
  let isBusy = false;
  const carried = { octetsIn: 0, octetsOut: 0, packetsIn: 0, packetsOut: 0 };
  return {
    async take() {
      if (isBusy) return;
      isBusy = true;
      try {
        await takeOne();
      } finally {
        isBusy = false;
      }
    },
    series: (range) => ({
      stepMs: range === "hour" ? FINE_MS : FINE_MS * COARSE_EVERY,
      count: range === "hour" ? FINE_COUNT : COARSE_COUNT,
      samples: (range === "hour" ? fine : coarse).all(),
    }),
    traffic: () => ({ ...carried }),
  };

  async function takeOne(): Promise<void> {
    const totals = await totalsOf(sampled);
    const wallMs = sampled.wallMs();
    const seconds = before === undefined ? 0 : (wallMs - before.wallMs) / 1000;
    const { dynamicEroutes, normalEroutesUp } = sampled.concentrator.snapshot().gauges;
    // The clock was set back, or this is the first sample: there is nothing to compare with.
    if (before !== undefined && seconds > 0) {
      const traffic = await trafficOf(sampled, before.totals.uses, totals.uses);
      for (const name of TRAFFIC_NAMES) carried[name] += traffic[name];
      const rates = ratesOf(before.totals, totals, { seconds, ...traffic });
      const sample = { wallMs, tunnels: dynamicEroutes + normalEroutesUp, ...rates };
      fine.add(sample);
      pending.push(sample);
    }
    if (pending.length >= COARSE_EVERY) {
      coarse.add(average(pending));
      pending = [];
    }
    before = { totals, wallMs };
  }
}

async function totalsOf({ concentrator, peers, uses }: Sampled): Promise<Totals> {
  const { counters } = concentrator.snapshot();
  let lookups = 0;
  let lookupSeconds = 0;
  for (const repository of peers.values()) {
    const statistics = repository.statistics();
    lookups += statistics.lookups - statistics.waiting;
    lookupSeconds += statistics.secondsSum;
  }
  return {
    handshakes: counters.ike_sas_established,
    failures: counters.negotiations_failed,
    lookups,
    lookupSeconds,
    uses: await uses(),
  };
}

/** States that are processed in one turn of the event loop. */
const STATES_PER_TURN = 1_000;

/** The traffic since the last sample, on present states, whether new or not. */
async function trafficOf(
  sampled: Sampled,
  before: StateUses,
  after: StateUses,
): Promise<TrafficTotals> {
  const ours = sampled.ours();
  const sum = { octetsIn: 0, octetsOut: 0, packetsIn: 0, packetsOut: 0 };
  let looked = 0;
  for (const [key, { octets, packets }] of after) {
    if (++looked % STATES_PER_TURN === 0) await Bun.sleep(0);
    const then = before.get(key);
    const more = Number(octets - (then?.octets ?? 0n));
    if (more <= 0) continue;
    const morePackets = Number(packets - (then?.packets ?? 0n));
    const isInbound = ours.has(key.slice(0, key.indexOf(" ")));
    sum[isInbound ? "octetsIn" : "octetsOut"] += more;
    sum[isInbound ? "packetsIn" : "packetsOut"] += morePackets;
  }
  return sum;
}

function ratesOf(
  before: Totals,
  after: Totals,
  { seconds, octetsIn, octetsOut }: TrafficTotals & { readonly seconds: number },
): Omit<Sample, "wallMs" | "tunnels"> {
  const lookups = after.lookups - before.lookups;
  const lookupSeconds = after.lookupSeconds - before.lookupSeconds;
  return {
    handshakes: (after.handshakes - before.handshakes) / seconds,
    failures: (after.failures - before.failures) / seconds,
    lookup_ms: lookups <= 0 ? 0 : Math.max(0, (1000 * lookupSeconds) / lookups),
    octets_in: octetsIn / seconds,
    octets_out: octetsOut / seconds,
  };
}

function average(samples: readonly Sample[]): Sample {
  const mean = (name: SeriesName) =>
    samples.reduce((sum, sample) => sum + sample[name], 0) / samples.length;
  const entries = SERIES_NAMES.map((name) => [name, mean(name)] as const);
  const means = Object.fromEntries(entries) as Record<SeriesName, number>;
  return { wallMs: samples.at(-1)?.wallMs ?? 0, ...means };
}

function ring(count: number): { add(sample: Sample): void; all(): readonly Sample[] } {
  const kept: Sample[] = [];
  return {
    add(sample) {
      kept.push(sample);
      if (kept.length > count) kept.shift();
    },
    all: () => [...kept],
  };
}
