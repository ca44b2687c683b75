/** @jsxImportSource hono/jsx */
/** Small charts as SVG, made on the server: they need no script, and follow the page's colours. */

import type { FC } from "hono/jsx";
import type { SERIES_NAMES, Series, SeriesName } from "../series.ts";

const WIDTH = 320;
const HEIGHT = 80;

type ChartProps = {
  readonly title: string;
  readonly series: Series;
  /** One line for each, in two colours. */
  readonly names: readonly SeriesName[];
  /** A value in words: `12/s`, `3.4 ms`. */
  text(value: number): string;
};

/** Lines from the oldest sample to now, the latest and the highest value as text. */
export const Chart: FC<ChartProps> = ({ title, series, names, text }) => {
  const { samples, count } = series;
  const highest = Math.max(0, ...samples.flatMap((sample) => names.map((name) => sample[name])));
  const last = samples.at(-1);
  const now = names.map(
    (name) => `${last === undefined ? "-" : text(last[name])}${WAY[name] ?? ""}`,
  );
  const label = `${title}: now ${now.join(", ")}, at most ${text(highest)}`;
  return (
    <figure class="chart">
      <figcaption>
        {title} <strong>{now.join(", ")}</strong>
        <span class="dim">{last === undefined ? " no data yet" : ` at most ${text(highest)}`}</span>
      </figcaption>
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={label}>
        <line class="axis" x1="0" y1={HEIGHT - 1} x2={WIDTH} y2={HEIGHT - 1} />
        {names.map((name, i) => (
          <polyline class={`series-${i + 1}`} points={points(samples.map((s) => s[name]))} />
        ))}
      </svg>
    </figure>
  );

  function points(values: readonly number[]): string {
    const scale = highest === 0 ? 0 : (HEIGHT - 6) / highest;
    const first = count - values.length;
    return values
      .map((value, i) => {
        const x = ((first + i) * WIDTH) / Math.max(1, count - 1);
        return `${x.toFixed(1)},${(HEIGHT - 2 - value * scale).toFixed(1)}`;
      })
      .join(" ");
  }
};

const WAY: Readonly<Partial<Record<(typeof SERIES_NAMES)[number], string>>> = {
  octets_in: " in",
  octets_out: " out",
};
