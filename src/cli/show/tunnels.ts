/** `erouted tunnels`: the eroutes in use, filtered and sorted; once, or repeatedly. */

import { ok, type Result } from "../../octets/result.ts";
import { type AskOptions, daemonOf, get, type RunningDaemon } from "../daemon-client.ts";
import { numberAt, textAt } from "../json-fields.ts";
import { cutTo, painted } from "../table.ts";
import { EXIT, type ExitCode, failure, misuse, printable, type Terminal } from "../terminal.ts";
import { wrapped } from "../wrap.ts";
import { allEroutes, daemonMs } from "./eroutes-in-use.ts";
import { pause } from "./follow.ts";
import { addressOf, ageSeconds, octetsOf, totalLine, tunnelLines } from "./tunnel-lines.ts";

export type TunnelsOptions = AskOptions & {
  /** Text in its peer ID, name, addresses or subnets, ignoring case. */
  readonly text?: string;
  readonly eroute?: string;
  readonly state?: string;
  /** An algorithm, or a family of them. */
  readonly with?: string;
  readonly without?: string;
  readonly sort?: SortKey;
  readonly reverse?: true;
  /** True or seconds as text. */
  readonly watch?: true | string;
  readonly json?: true;
};

/** The values of `--sort`. */
export type SortKey = "peerid" | "eroute" | "state" | "age" | "address" | "received" | "sent";

/** Prints them; with `watch`, until Ctrl-C. 1 if the daemon does not answer. */
export async function tunnels(options: TunnelsOptions, terminal: Terminal): Promise<ExitCode> {
  const seconds = watchSeconds(options.watch);
  if (Number.isNaN(seconds)) {
    return misuse(terminal, `--watch takes seconds, ${WATCH_MIN} to ${WATCH_MAX}`);
  }
  const daemon = daemonOf(options, terminal);
  if (!daemon.ok) return daemon.error;
  const first = await look(daemon.value, options);
  if (!first.ok) return failure(terminal, printable(first.error));
  if (seconds === undefined) {
    const { rows, totals } = linesOf(first.value, options, terminal);
    for (const line of [...rows, ...totals]) terminal.out(line);
    return EXIT.ok;
  }
  return await watch(first, { ...options, daemon: daemon.value, seconds }, terminal);
}

type Seen = {
  readonly shown: readonly unknown[];
  readonly total: number;
  readonly nowMs: number | undefined;
};

async function look(daemon: RunningDaemon, options: TunnelsOptions): Promise<Result<Seen, string>> {
  const state = await get(daemon, "/api/v1/status");
  if (!state.ok) return state;
  const { text: q, eroute, state: wanted, with: having, without } = options;
  const query = { q, eroute, state: wanted, with: having, without };
  const all = await allEroutes(daemon, "all", query);
  if (!all.ok) return all;
  const nowMs = daemonMs(state.value);
  const gauge = (name: string) => numberAt(state.value, "gauges", name);
  const total = Math.max(all.value.total, gauge("dynamic_eroutes") + gauge("normal_eroutes_up"));
  return ok({ shown: sorted(all.value.eroutes, options, nowMs), total, nowMs });
}

/** In the daemon's order, which is that of creation, unless another is requested. */
function sorted(
  eroutes: readonly unknown[],
  { sort, reverse }: TunnelsOptions,
  nowMs: number | undefined,
): readonly unknown[] {
  const keyed = eroutes.map((eroute) => ({ eroute, key: sortKeyOf(eroute, sort, nowMs) }));
  if (sort !== undefined) keyed.sort(({ key: a }, { key: b }) => compare(a, b));
  if (reverse === true) keyed.reverse();
  return keyed.map(({ eroute }) => eroute);
}

function sortKeyOf(
  eroute: unknown,
  sort: SortKey | undefined,
  nowMs: number | undefined,
): string | number {
  switch (sort) {
    case "age":
      return ageSeconds(eroute, nowMs) ?? 0;
    case "received":
      return octetsOf(eroute, "bytes_in") ?? 0;
    case "sent":
      return octetsOf(eroute, "bytes_out") ?? 0;
    case "address":
      return addressOf(eroute);
    case "eroute":
      return textAt(eroute, "base_eroute") ?? "";
    case "state":
      return textAt(eroute, "state") ?? "";
    default:
      return textAt(eroute, "peer_id") ?? "";
  }
}

/** Numbers in texts are sorted by value: site-2 comes before site-10. */
function compare(a: string | number, b: string | number): number {
  return typeof a === "number" && typeof b === "number"
    ? a - b
    : COLLATOR.compare(String(a), String(b));
}

/** Totals stay visible if there is no room for all rows. */
type Lines = { readonly rows: readonly string[]; readonly totals: readonly string[] };

function linesOf(seen: Seen, options: TunnelsOptions, terminal: Terminal): Lines {
  const { shown, total, nowMs } = seen;
  if (options.json === true) {
    const isWatched = options.watch !== undefined;
    const text = JSON.stringify({ total, eroutes: shown }, undefined, isWatched ? undefined : 2);
    return { rows: [text], totals: [] };
  }
  if (shown.length === 0) {
    return { rows: [], totals: [total === 0 ? "no tunnels" : `none of ${total} tunnels`] };
  }
  const { columns: width, screen } = terminal;
  const totals = wrapped(totalLine(shown, total), 2, width);
  return { rows: tunnelLines(shown, { nowMs, width, screen }), totals };
}

type Watched = TunnelsOptions & { readonly daemon: RunningDaemon; readonly seconds: number };

async function watch(
  first: Result<Seen, string>,
  options: Watched,
  terminal: Terminal,
): Promise<ExitCode> {
  const interrupted = terminal.screen?.interrupted();
  const isOver = () => interrupted?.aborted ?? false;
  let seen = first;
  let lines: Lines = { rows: [], totals: [] };
  try {
    while (!isOver()) {
      if (seen.ok) lines = linesOf(seen.value, options, terminal);
      show(lines, seen.ok ? undefined : printable(seen.error), terminal);
      await pause(options.seconds * 1000, interrupted);
      if (!isOver()) seen = await look(options.daemon, options);
    }
  } finally {
    terminal.screen?.write("\x1b[?25h");
  }
  return EXIT.ok;
}

/** Redrawn in place on a terminal, with the totals last, below as many rows as fit. */
function show({ rows, totals }: Lines, fault: string | undefined, terminal: Terminal): void {
  const { screen, columns = 80 } = terminal;
  if (screen === undefined) {
    if (fault !== undefined) terminal.err(`erouted: ${fault}`);
    else for (const line of [...rows, ...totals]) terminal.out(line);
    return;
  }
  const taken = totals.length + (fault === undefined ? 1 : 2);
  const body = [...rows.slice(0, Math.max(1, screen.rows - taken)), ...totals];
  const warning = fault === undefined ? [] : [painted(cutTo(fault, columns), "bad", screen)];
  const text = [...warning, ...body].map((line) => `${line}\x1b[K\r\n`).join("");
  // Hides the cursor, goes to the first line, and clears what was below the last one.
  screen.write(`\x1b[?25l\x1b[H${text}\x1b[J`);
}

function watchSeconds(watched: TunnelsOptions["watch"]): number | undefined {
  if (watched === undefined) return undefined;
  if (watched === true) return WATCH_SECONDS;
  const seconds = /^\d{1,4}(\.\d)?$/.test(watched) ? Number(watched) : Number.NaN;
  return seconds >= WATCH_MIN && seconds <= WATCH_MAX ? seconds : Number.NaN;
}

const COLLATOR = new Intl.Collator("en", { numeric: true });
const WATCH_SECONDS = 2;
const WATCH_MIN = 0.2;
const WATCH_MAX = 3600;
