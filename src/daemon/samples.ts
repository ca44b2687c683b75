/** Figures of the last hours, in ring buffers of fixed size: the data of the charts. */

import type { Concentrator } from "../concentrator/concentrator.ts";
import type { PeerRepository } from "../peers/repository.ts";
import { type Sample, SERIES_NAMES, type Series, type SeriesName } from "../status/series.ts";
import type { TrafficTotals } from "../status/source.ts";

/** The fine ring: every 10 s for an hour. The coarse one: every 5 min for two days. */
const FINE_MS = 10_000;
const FINE_COUNT = 360;
const COARSE_EVERY = 30;
const COARSE_COUNT = 576;

export type Sampled = {
  readonly concentrator: Pick<Concentrator, "snapshot">;
  readonly peers: ReadonlyMap<string, Pick<PeerRepository, "statistics">>;
  /** What all states have carried since the start, read now. */
  traffic(): Promise<TrafficTotals>;
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
  readonly traffic: TrafficTotals;
};

/** Empty rings. */
export function createSamples(sampled: Sampled): Samples {
  const fine = ring(FINE_COUNT);
  const coarse = ring(COARSE_COUNT);
  let before: { readonly totals: Totals; readonly wallMs: number } | undefined;
  let pending: Sample[] = [];
  let isBusy = false;
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
    traffic: () => before?.totals.traffic ?? NO_TRAFFIC,
  };

  async function takeOne(): Promise<void> {
    const totals = await totalsOf(sampled);
    const wallMs = sampled.wallMs();
    const seconds = before === undefined ? 0 : (wallMs - before.wallMs) / 1000;
    const { dynamicEroutes, normalEroutesUp } = sampled.concentrator.snapshot().gauges;
    // The clock was set back, or this is the first sample: there is nothing to compare with.
    if (before !== undefined && seconds > 0) {
      const rates = ratesOf(before.totals, totals, seconds);
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

const NO_TRAFFIC: TrafficTotals = { octetsIn: 0, octetsOut: 0, packetsIn: 0, packetsOut: 0 };

async function totalsOf({ concentrator, peers, traffic }: Sampled): Promise<Totals> {
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
    traffic: await traffic(),
  };
}

function ratesOf(
  before: Totals,
  after: Totals,
  seconds: number,
): Omit<Sample, "wallMs" | "tunnels"> {
  const lookups = after.lookups - before.lookups;
  const lookupSeconds = after.lookupSeconds - before.lookupSeconds;
  return {
    handshakes: (after.handshakes - before.handshakes) / seconds,
    failures: (after.failures - before.failures) / seconds,
    lookup_ms: lookups <= 0 ? 0 : Math.max(0, (1000 * lookupSeconds) / lookups),
    octets_in: (after.traffic.octetsIn - before.traffic.octetsIn) / seconds,
    octets_out: (after.traffic.octetsOut - before.traffic.octetsOut) / seconds,
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
