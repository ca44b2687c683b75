/** `erouted connect|disconnect|reload` and `peers reload`: makes a running daemon do something. */

import { parseCallAddress } from "../eroute/call-address.ts";
import {
  type AskFault,
  type AskOptions,
  daemonOf,
  get,
  post,
  type RunningDaemon,
} from "./daemon-client.ts";
import { fieldAt, listAt, numberAt, textAt } from "./json-fields.ts";
import { EXIT, type ExitCode, failure, misuse, printable, type Terminal } from "./terminal.ts";

export type ControlOptions = AskOptions & { readonly json?: true };
export type PeerOptions = ControlOptions & { readonly peerid: string };
export type ConnectOptions = PeerOptions & {
  /** True or seconds as text. */
  readonly wait?: true | string;
};

/** Calls a site; with `wait`, it ends when the site is connected, or says why it is not. */
export async function connectPeer(options: ConnectOptions, terminal: Terminal): Promise<ExitCode> {
  const seconds = secondsOf(options.wait);
  if (Number.isNaN(seconds)) {
    return misuse(terminal, `--wait takes seconds, 1 to ${WAIT_SECONDS_MAX}`);
  }
  const daemon = daemonOf(options, terminal);
  if (!daemon.ok) return daemon.error;
  const asked = await post(daemon.value, peerPath(options, "/connect"));
  if (!asked.ok) return refused(asked.error, terminal);
  if (seconds === undefined || textAt(asked.value, "outcome") === "connected") {
    return said(asked.value, options, terminal);
  }
  const after = numberAt(asked.value, "after");
  return await waitFor(daemon.value, { ...options, after, seconds }, terminal);
}

/** Closes a site's IKE SAs. */
export function disconnectPeer(options: PeerOptions, terminal: Terminal): Promise<ExitCode> {
  return command(peerPath(options, "/disconnect"), options, terminal);
}

export type RekeyOptions = PeerOptions & { readonly ike?: boolean };

/** Rekeys a site's Child SAs, or its IKE SA. */
export function rekeyPeer(options: RekeyOptions, terminal: Terminal): Promise<ExitCode> {
  const action = options.ike === true ? "/rekey-ike" : "/rekey";
  return command(peerPath(options, action), options, terminal);
}

export type RedirectOptions = ControlOptions & {
  readonly peerid?: string;
  readonly to?: string;
  readonly all?: true;
  readonly stop?: true;
};

/** Redirects a site, or all of them, to another gateway; or ends the redirection. */
export function redirectPeers(
  options: RedirectOptions,
  terminal: Terminal,
): ExitCode | Promise<ExitCode> {
  const { peerid, to, all, stop } = options;
  const ways = [peerid, all, stop].filter((way) => way !== undefined).length;
  if (ways !== 1) return misuse(terminal, "give exactly one of a peer ID, --all, --stop");
  if (stop === true) {
    if (to !== undefined) return misuse(terminal, "--stop takes no --to");
    return command("/api/v1/redirect/stop", options, terminal);
  }
  if (to === undefined) return misuse(terminal, "--to is missing: the other gateway");
  const gateway = parseCallAddress(to);
  if (!gateway.ok) return misuse(terminal, printable(`--to ${to} ${gateway.error}`));
  const path =
    peerid === undefined ? "/api/v1/redirect" : peerPath({ ...options, peerid }, "/redirect");
  return command(`${path}?to=${encodeURIComponent(to)}`, options, terminal);
}

/** Reads a site's row again. */
export function reloadPeer(options: PeerOptions, terminal: Terminal): Promise<ExitCode> {
  return command(peerPath(options, "/reload"), options, terminal);
}

export type ReloadOptions = ControlOptions & {
  readonly force?: true;
  readonly dryRun?: true;
  /** A process on this machine, which gets SIGHUP instead. */
  readonly pid?: string;
};

/**
 * Reloads the configuration file; the exit code is that of a faulty configuration if it has faults.
 */
export async function reload(options: ReloadOptions, terminal: Terminal): Promise<ExitCode> {
  const { force, dryRun, pid } = options;
  if (pid !== undefined) {
    if (force === true || dryRun === true) {
      return misuse(terminal, "--pid sends a signal, which cannot carry --force or --dry-run");
    }
    const { reloadBySignal } = await import("./reload-by-signal.ts");
    return await reloadBySignal(pid, terminal);
  }
  const query = [...(force ? ["force=true"] : []), ...(dryRun ? ["dry_run=true"] : [])].join("&");
  return await command(`/api/v1/reload${query === "" ? "" : `?${query}`}`, options, terminal);
}

/** Makes the daemon do something, and prints the result. */
export async function command(
  path: string,
  options: ControlOptions,
  terminal: Terminal,
): Promise<ExitCode> {
  const daemon = daemonOf(options, terminal);
  if (!daemon.ok) return daemon.error;
  const asked = await post(daemon.value, path);
  return asked.ok ? said(asked.value, options, terminal) : refused(asked.error, terminal);
}

/** `/api/v1/peers/ID/WHAT`. */
export function peerPath({ peerid }: PeerOptions, what: string): string {
  return `/api/v1/peers/${encodeURIComponent(peerid)}${what}`;
}

function said(answer: unknown, { json }: ControlOptions, terminal: Terminal): ExitCode {
  if (json === true) {
    terminal.out(JSON.stringify(answer, undefined, 2));
    return EXIT.ok;
  }
  terminal.out(printable(textAt(answer, "detail") ?? "done"));
  for (const [key, word] of LISTS) {
    for (const line of listAt(answer, key)) terminal.out(`${word}${printable(String(line))}`);
  }
  return EXIT.ok;
}

/** What the answer to `reload` has beside its detail. */
const LISTS = [
  ["held", "would be refused without --force: "],
  ["gone", "gone: "],
  ["databases", ""],
  ["warnings", "warning: "],
  ["needs_restart", "needs a restart: "],
] as const;

function refused({ detail, said: words, faults, status }: AskFault, terminal: Terminal): ExitCode {
  for (const fault of faults) terminal.err(printable(fault));
  const code = failure(terminal, printable(words ?? detail));
  return status === 422 ? EXIT.configuration : code;
}

type Waiting = PeerOptions & { readonly after: number; readonly seconds: number };

/** Asks until the site is up, the call has ended, or time is over; then says why it is not up. */
async function waitFor(
  daemon: RunningDaemon,
  options: Waiting,
  terminal: Terminal,
): Promise<ExitCode> {
  const { peerid, seconds } = options;
  const until = performance.now() + seconds * 1000;
  let lastWord: string | undefined;
  let { after } = options;
  for (;;) {
    const site = await get(daemon, peerPath(options, ""));
    if (!site.ok) return failure(terminal, printable(site.error));
    if (fieldAt(site.value, "connected") === true) {
      const detail = `${peerid} is connected`;
      return said({ ...Object(site.value), outcome: "connected", detail }, options, terminal);
    }
    const events = await get(daemon, `/api/v1/events?after=${after}&limit=${EVENTS}`);
    if (!events.ok) return failure(terminal, printable(events.error));
    for (const event of listAt(events.value, "events")) {
      after = Math.max(after, numberAt(event, "sequence"));
      if (!isBadNews(event, peerid)) continue;
      lastWord = `${textAt(event, "reason")}: ${textAt(event, "detail")}`;
    }
    // Between the call and its Child SA the site has an eroute, and is neither.
    const isUnderWay = listAt(site.value, "eroutes").length > 0;
    if (fieldAt(site.value, "calling") === false && !isUnderWay) {
      const why =
        lastWord ?? "it is not being called: too many calls at once, or erouted is ending";
      return failure(terminal, printable(`${peerid} is not connected: ${why}`));
    }
    if (performance.now() > until) break;
    await Bun.sleep(POLL_MS);
  }
  const why = lastWord === undefined ? "it has not answered" : `the last message: ${lastWord}`;
  return failure(terminal, printable(`${peerid} is not connected after ${seconds} s: ${why}`));
}

function isBadNews(event: unknown, peerid: string): boolean {
  const site = textAt(event, "site");
  const outcome = textAt(event, "outcome");
  const isBad = outcome === "failed" || outcome === "refused";
  return isBad && site?.toLowerCase() === peerid.toLowerCase();
}

function secondsOf(wait: ConnectOptions["wait"]): number | undefined {
  if (wait === undefined) return undefined;
  if (wait === true) return WAIT_SECONDS;
  const seconds = /^\d{1,5}$/.test(wait) ? Number(wait) : Number.NaN;
  return seconds >= 1 && seconds <= WAIT_SECONDS_MAX ? seconds : Number.NaN;
}

const WAIT_SECONDS = 60;
const WAIT_SECONDS_MAX = 3_600;
const POLL_MS = 250;
const EVENTS = 1000;
