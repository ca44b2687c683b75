/** What an operator can do over HTTP. The daemon carries it out; this room only asks. */

import type { RekeyOf } from "../concentrator/event.ts";
import type { JournalEntry } from "../concentrator/journal/journal.ts";
import type { Instant } from "../octets/instant.ts";
import type { Result } from "../octets/result.ts";

export type LogLevel = JournalEntry["level"];

/** Done, or under way. Events after the sequence `after` say what comes of it. */
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
  | "held";

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

/** Each of them leaves a line in the journal that says who asked: `remote` is `192.0.2.1:50123`. */
export type Control = {
  /** The token that allows all of this; undefined: nothing is allowed. */
  readonly token: string | undefined;
  /** Has a site called. */
  connect(peerId: string, remote: string): ControlAnswer<"unknown-peer">;
  /** Closes a site's IKE SAs. */
  disconnect(peerId: string, remote: string): ControlAnswer<"not-connected">;
  /** Has the keys of a site's Child SAs, or of its IKE SA, replaced. */
  rekey(peerId: string, of: RekeyOf, remote: string): ControlAnswer<"not-connected">;
  /** Sends a site to another gateway (RFC 5685). */
  redirect(
    peerId: string,
    to: string,
    remote: string,
  ): ControlAnswer<"faulty" | "not-connected" | "impossible">;
  /** Sends all sites there: those that are connected, and those that call later. */
  redirectAll(to: string, remote: string): ControlAnswer<"faulty">;
  /** Sends no more sites to another gateway. */
  stopRedirects(remote: string): ControlAnswer<never>;
  /** Has a site's row read again. */
  reloadPeer(peerId: string, remote: string): ControlAnswer<"unknown-peer" | "impossible">;
  /** Logs each message of a site for so many seconds, 0 to stop. */
  debug(peerId: string, seconds: number, remote: string): ControlAnswer<"impossible">;
  /** As they come: a pcapng file of a site's IKE messages, or Wireshark's lines of their keys. */
  capture(
    peerId: string,
    what: "packets" | "keys",
    limits: { readonly seconds: number; readonly octets: number },
    remote: string,
  ): Result<ReadableStream<Uint8Array>, ControlRefusal<"not-allowed" | "impossible">>;
  /** The sites that are debugged, with the seconds that are left. */
  debugged(): readonly { readonly asked: string; readonly seconds: number }[];
  /** Sets the level of the log until the configuration is read again. */
  logLevel(level: LogLevel, remote: string): ControlAnswer<never>;
  /** Has the configuration file read again, or says what a reload would do. */
  reload(
    how: { readonly force: boolean; readonly dryRun: boolean },
    remote: string,
  ): ControlAnswer<"faulty" | "held">;
  /** Notes that a request without the right token has tried `what`. */
  onDenied(what: string, remote: string): void;
  now(): Instant;
};
