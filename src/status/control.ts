/** What an operator can do over HTTP. The daemon carries it out; this room only asks. */

import type { RekeyOf } from "../concentrator/event.ts";
import type { JournalEntry } from "../concentrator/journal/journal.ts";
import type { Instant } from "../octets/instant.ts";
import type { Result } from "../octets/result.ts";

export type LogLevel = JournalEntry["level"];

/** Done, or under way. Events after the sequence `after` show the result. */
export type ControlDone = {
  readonly outcome:
    | "debugging"
    | "set"
    | "calling"
    | "connected"
    | "closing"
    | "rekeying"
    | "redirecting"
    | "checking"
    | "tried"
    | "reloaded";
  readonly after: number;
  /** In words. */
  readonly detail: string;
  /** More members of the answer. */
  readonly more?: Readonly<Record<string, readonly string[] | string | number>>;
};

export type RefusalKind =
  | "unknown-peer"
  | "not-connected"
  | "not-allowed"
  | "impossible"
  | "faulty"
  | "held"
  | "busy";

/** Not done, and why. */
export type ControlRefusal<K extends RefusalKind = RefusalKind> = {
  readonly kind: K;
  readonly detail: string;
  /** Each fault of a configuration file. */
  readonly faults?: readonly string[];
};

export type ControlAnswer<K extends RefusalKind = RefusalKind> = Result<
  ControlDone,
  ControlRefusal<K>
>;

/**
 * Each action leaves a line in the journal that names its caller: `remote` is `192.0.2.1:50123`.
 */
export type Control = {
  /** The token that allows all of this; undefined: nothing is allowed. */
  readonly token: string | undefined;
  /** Calls a site. */
  connect(peerId: string, remote: string): ControlAnswer<"unknown-peer">;
  /** Closes a site's IKE SAs. */
  disconnect(peerId: string, remote: string): ControlAnswer<"not-connected">;
  /** Rekeys a site's Child SAs, or its IKE SA. */
  rekey(peerId: string, of: RekeyOf, remote: string): ControlAnswer<"not-connected">;
  /** Redirects a site to another gateway (RFC 5685). */
  redirect(
    peerId: string,
    to: string,
    remote: string,
  ): ControlAnswer<"faulty" | "not-connected" | "impossible">;
  /** Redirects all sites: those that are connected, and those that call later. */
  redirectAll(to: string, remote: string): Promise<ControlAnswer<"faulty">>;
  /** Stops redirecting sites. */
  stopRedirects(remote: string): ControlAnswer<never>;
  /** Reads a site's row again. */
  reloadPeer(peerId: string, remote: string): ControlAnswer<"unknown-peer" | "impossible">;
  /** Logs each message of a site for this many seconds, 0 to stop. */
  debug(peerId: string, seconds: number, remote: string): ControlAnswer<"impossible">;
  /** Streams a pcapng file of a site's IKE messages, or Wireshark's lines with their keys. */
  capture(
    peerId: string,
    what: "packets" | "keys",
    limits: { readonly seconds: number; readonly octets: number },
    remote: string,
  ): Result<ReadableStream<Uint8Array>, ControlRefusal<"not-allowed" | "impossible">>;
  /** The sites that are debugged, with the seconds left for each. */
  debugged(): readonly { readonly asked: string; readonly seconds: number }[];
  /** Sets the level of the log until the configuration is read again. */
  logLevel(level: LogLevel, remote: string): ControlAnswer<never>;
  /** Reads the configuration file again, or says what a reload would do. */
  reload(
    how: { readonly force: boolean; readonly dryRun: boolean },
    remote: string,
  ): Promise<ControlAnswer<"faulty" | "held" | "busy">>;
  /** Records that a request without the right token tried `what`. */
  onDenied(what: string, remote: string): void;
  now(): Instant;
};
