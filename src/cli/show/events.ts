/** `erouted events`: what happened and what happens; for one site or all. */

import type { LogLevel } from "../../config/log-level.ts";
import { parseDuration } from "../../eroute/duration.ts";
import { ok, type Result } from "../../octets/result.ts";
import { type AskOptions, daemonOf, get, type RunningDaemon } from "../daemon-client.ts";
import { fieldAt, listAt, numberAt, textAt, timeAt } from "../json-fields.ts";
import { painted, type Style } from "../table.ts";
import { EXIT, type ExitCode, failure, misuse, printable, type Terminal } from "../terminal.ts";
import { follow } from "./follow.ts";

export type EventsOptions = AskOptions & {
  readonly follow?: true;
  readonly site?: string;
  /** This level and more serious ones. */
  readonly level?: LogLevel;
  /** `10m`, or an ISO time. */
  readonly since?: string;
  readonly json?: true;
};

/** Prints the last ones; with `follow`, also new ones, until it is interrupted. */
export async function events(options: EventsOptions, terminal: Terminal): Promise<ExitCode> {
  const sinceMs = sinceOf(options.since);
  if (Number.isNaN(sinceMs)) {
    return misuse(terminal, "--since takes 30s, 10m, 2h, 1d, or a time like 2030-01-31T08:00:00Z");
  }
  const daemon = daemonOf(options, terminal);
  if (!daemon.ok) return daemon.error;
  let printed = 0;
  const print = (event: unknown) => {
    if (sinceMs !== undefined && (timeAt(event, "time") ?? 0) < sinceMs) return;
    printed++;
    terminal.out(lineOf(event, options, terminal));
  };
  const query = queryOf(options);
  const read = await eventsSince(daemon.value, query, sinceMs);
  if (!read.ok) return failure(terminal, printable(read.error));
  const { found, keptSince } = read.value;
  for (const event of found) print(event);
  if (options.follow !== true) {
    if (printed === 0) terminal.err(printable(`erouted: ${noEvents(options, keptSince)}`));
    return EXIT.ok;
  }
  const say = (text: string) => terminal.err(`erouted: ${printable(text)}`);
  await follow(daemon.value, {
    // No event between the two requests is missed, if there was one to start from.
    after: found.length === 0 ? undefined : numberAt(found.at(-1), "sequence"),
    query,
    event: print,
    say,
    until: terminal.screen?.interrupted(),
  });
  return EXIT.ok;
}

/** The last ones; with a time, page by page until one is older, or the daemon has no more. */
async function eventsSince(
  daemon: RunningDaemon,
  query: string,
  sinceMs: number | undefined,
): Promise<Result<Found, string>> {
  const limit = sinceMs === undefined ? EVENTS_SHOWN : EVENTS_MAX;
  let found: readonly unknown[] = [];
  let keptSince: string | undefined;
  let before = "";
  for (let page = 0; page < PAGES_MAX; page++) {
    const answer = await get(daemon, `/api/v1/events?limit=${limit}${query}${before}`);
    if (!answer.ok) return answer;
    keptSince ??= textAt(answer.value, "kept_since");
    const events = listAt(answer.value, "events");
    // A daemon that does not know the parameter sends the same page again.
    const first = numberAt(events[0], "sequence");
    if (page > 0 && first >= numberAt(found[0], "sequence")) break;
    found = [...events, ...found];
    const isOlder = sinceMs === undefined || (timeAt(events[0], "time") ?? 0) < sinceMs;
    if (events.length < limit || isOlder) break;
    before = `&before=${first}`;
  }
  return ok({ found, keptSince });
}

type Found = {
  readonly found: readonly unknown[];
  /** The time of the oldest event that the daemon still has, from any site. */
  readonly keptSince: string | undefined;
};

/** An empty list means little if the daemon keeps only a short time. */
function noEvents({ site, since }: EventsOptions, keptSince: string | undefined): string {
  const what = `no events${site === undefined ? "" : ` of ${site}`}`;
  const when = since === undefined ? "" : ` since ${since}`;
  if (keptSince === undefined) return `${what}${when}`;
  const kept = keptSince.slice(0, 19).replace("T", " ");
  return `${what}${when}: erouted keeps the last ones of all sites, now since ${kept}Z`;
}

/** More than a daemon keeps. */
const PAGES_MAX = 100;

function queryOf({ site, level }: EventsOptions): string {
  const asked = Object.entries({ site, level }).filter(([, value]) => value !== undefined);
  return asked.map(([name, value]) => `&${name}=${encodeURIComponent(value ?? "")}`).join("");
}

/** `2030-01-31 08:00:00Z  warning  site-1  IKE_AUTH  wrong-psk: …`. */
function lineOf(event: unknown, options: EventsOptions, terminal: Terminal): string {
  if (options.json === true) return JSON.stringify(event);
  const text = (name: string) => textAt(event, name) ?? "-";
  const level = text("level");
  const time = text("time").slice(0, 19).replace("T", " ");
  const remote = fieldAt(event, "remote") === null ? "" : ` (${text("remote")})`;
  const style = STYLES[level] ?? (text("reason") === "established" ? "good" : undefined);
  const { screen } = terminal;
  const what = printable(`${text("reason")}: ${text("detail")}${remote}`);
  const where = printable(`${text("site")}  ${text("step")}`);
  return `${time}Z  ${painted(level.padEnd(7), style, screen)}  ${where}  ${what}`;
}

/** Milliseconds since 1970; NaN if it is neither a time nor a duration. */
function sinceOf(since: string | undefined): number | undefined {
  if (since === undefined) return undefined;
  const ago = parseDuration(since);
  if (ago !== undefined) return Date.now() - ago;
  return /^\d{4}-\d\d-\d\d/.test(since) ? Date.parse(since) : Number.NaN;
}

const STYLES: Readonly<Partial<Record<string, Style>>> = { error: "bad", warning: "changing" };
/** Without --since: as many as a person can take in. */
const EVENTS_SHOWN = 100;
const EVENTS_MAX = 1000;
