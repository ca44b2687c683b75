/** The figures of all runs side by side, and their ratio to erouted's. */

import type { Load } from "./generator.ts";

/** CPU time of the responder for each handshake: all its threads, and the kernel for it. */
export type Loaded = { readonly load: Load; readonly userUs: number; readonly kernelUs: number };

export type Figures = {
  readonly cold: Loaded;
  readonly single: Loaded;
  readonly steady: Loaded;
  readonly warm: Loaded;
  readonly emptyOctets: number;
  /** What the first storm has added, compiled code and a grown heap included. */
  readonly siteOctets: number;
  /** What all loads after it have added. */
  readonly furtherSiteOctets: number;
};

export type Run = {
  readonly name: string;
  /** The machine's load when it was over. */
  readonly load: number;
  readonly figures: Figures;
};

type Row = { readonly what: string; readonly of: (figures: Figures) => number };

const cpu = ({ userUs, kernelUs }: Loaded) => userUs + kernelUs;

const ROWS: readonly Row[] = [
  { what: "cold storm: CPU a handshake, µs", of: ({ cold }) => cpu(cold) },
  { what: "  of it in the kernel, µs", of: ({ cold }) => cold.kernelUs },
  { what: "  handshakes/s", of: ({ cold }) => cold.load.rate },
  { what: "  p50, ms", of: ({ cold }) => cold.load.p50 },
  { what: "  p99, ms", of: ({ cold }) => cold.load.p99 },
  { what: "  longest, ms", of: ({ cold }) => cold.load.max },
  { what: "warm storm: CPU a handshake, µs", of: ({ warm }) => cpu(warm) },
  { what: "  of it in the kernel, µs", of: ({ warm }) => warm.kernelUs },
  { what: "  handshakes/s", of: ({ warm }) => warm.load.rate },
  { what: "  p50, ms", of: ({ warm }) => warm.load.p50 },
  { what: "  p99, ms", of: ({ warm }) => warm.load.p99 },
  { what: "one at a time: CPU, µs", of: ({ single }) => cpu(single) },
  { what: "  p50, ms", of: ({ single }) => single.load.p50 },
  { what: "  p99, ms", of: ({ single }) => single.load.p99 },
  { what: "75 a second: CPU, µs", of: ({ steady }) => cpu(steady) },
  { what: "  p50, ms", of: ({ steady }) => steady.load.p50 },
  { what: "  p99, ms", of: ({ steady }) => steady.load.p99 },
  { what: "resident before the first call, MiB", of: ({ emptyOctets }) => emptyOctets / 2 ** 20 },
  { what: "resident a site, KiB", of: ({ siteOctets }) => siteOctets / 1024 },
  { what: "  of those after the first storm", of: (figures) => figures.furtherSiteOctets / 1024 },
  { what: "repeats", of: ({ cold, warm }) => cold.load.repeats + warm.load.repeats },
  { what: "not connected", of: (figures) => missed(figures) },
];

function missed({ cold, single, steady, warm }: Figures): number {
  return [cold, single, steady, warm].reduce((sum, { load }) => sum + load.bad + load.lost, 0);
}

/** A column for each: the median of its runs, their spread, the ratio of erouted to it. */
export function tableText(runs: readonly Run[]): string {
  const names = [...new Set(runs.map(({ name }) => name))];
  const [ours] = names;
  const lines = [`| | ${names.join(" | ")} |`, `| --- |${" --- |".repeat(names.length)}`];
  for (const { what, of } of ROWS) {
    const valuesOf = (name: string) =>
      runs.flatMap((run) => (run.name === name ? [of(run.figures)] : [])).sort((a, b) => a - b);
    const own = median(valuesOf(ours ?? ""));
    const cells = names.map((name) => {
      const values = valuesOf(name);
      const middle = median(values);
      const spread = values.length > 1 ? ` (${short(values[0])}–${short(values.at(-1))})` : "";
      const ratio = name === ours || middle === 0 ? "" : `; ${(own / middle).toFixed(2)}`;
      return `${short(middle)}${spread}${ratio}`;
    });
    lines.push(`| ${what} | ${cells.join(" | ")} |`);
  }
  return lines.join("\n");
}

function median(values: readonly number[]): number {
  const half = Math.floor(values.length / 2);
  const [upper = 0, lower = 0] = [values[half], values[half - 1]];
  return values.length % 2 === 1 ? upper : (upper + lower) / 2;
}

function short(value = 0): string {
  return value >= 100 ? value.toFixed(0) : value.toFixed(1);
}
