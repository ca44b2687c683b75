/** Figures over time: what the charts and `GET /api/v1/series` show. */

export const SERIES_NAMES = [
  "tunnels",
  "handshakes",
  "failures",
  "lookup_ms",
  "octets_in",
  "octets_out",
] as const;

export type SeriesName = (typeof SERIES_NAMES)[number];

export const RANGES = ["hour", "days"] as const;

/** One sample: `tunnels` is a number, `lookup_ms` a mean, the others are rates in a second. */
export type Sample = { readonly wallMs: number } & Readonly<Record<SeriesName, number>>;

export type Series = {
  /** The time from one sample to the next, and how many are kept. */
  readonly stepMs: number;
  readonly count: number;
  /** The oldest first. */
  readonly samples: readonly Sample[];
};

/** As the API shows them: times, and a list for each name. */
export function seriesJson({ stepMs, samples }: Series) {
  const list = (name: SeriesName) => samples.map((sample) => sample[name]);
  return {
    step_seconds: stepMs / 1000,
    times: samples.map(({ wallMs }) => new Date(wallMs).toISOString()),
    tunnels: list("tunnels"),
    handshakes: list("handshakes"),
    failures: list("failures"),
    lookup_ms: list("lookup_ms"),
    octets_in: list("octets_in"),
    octets_out: list("octets_out"),
  };
}
