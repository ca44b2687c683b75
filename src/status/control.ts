/** What an operator can do over HTTP: the daemon hands it in, nothing here can do it by itself. */

import type { RekeyOf } from "../concentrator/sites/rekey.ts";
import type { Instant } from "../octets/instant.ts";
import type { Result } from "../octets/result.ts";
import type { EVENT_LEVELS } from "./lists/events.ts";

export type LogLevel = (typeof EVENT_LEVELS)[number];

/** Done, or under way. `after`: events from here on are what came of it. */
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
  /** What else is to be said, by its name in the answer. */
  readonly more?: Readonly<Record<string, readonly string[] | string | number>>;
};

/** Not done, and why. */
export type ControlRefusal = {
  readonly kind:
    | "unknown-peer"
    | "not-connected"
    | "not-allowed"
    | "impossible"
    | "faulty"
    | "held";
  readonly detail: string;
  /** Of a configuration file: each of them. */
  readonly faults?: readonly string[];
};

export type ControlAnswer = Result<ControlDone, ControlRefusal>;

/** Each of them leaves a line in the journal that says who asked: `remote` is `192.0.2.1:50123`. */
export type Control = {
  /** Who shows it may do all of this; undefined: nobody may. */
  readonly token: string | undefined;
  /** Has a site called. */
  connect(peerId: string, remote: string): ControlAnswer;
  /** Closes a site's IKE SAs. */
  disconnect(peerId: string, remote: string): ControlAnswer;
  /** Has the keys of a site's Child SAs, or of its IKE SA, replaced. */
  rekey(peerId: string, of: RekeyOf, remote: string): ControlAnswer;
  /** Sends a site to another gateway (RFC 5685); undefined: all, those that call as well. */
  redirect(peerId: string | undefined, to: string, remote: string): ControlAnswer;
  /** Nobody is sent any more. */
  stopRedirects(remote: string): ControlAnswer;
  /** Has a site's row read anew. */
  reloadPeer(peerId: string, remote: string): ControlAnswer;
  /** Looks at a site closely for so many seconds, 0 to stop. */
  debug(peerId: string, seconds: number, remote: string): ControlAnswer;
  /** As they come: a pcapng file of a site's IKE messages, or Wireshark's lines of their keys. */
  capture(
    peerId: string,
    what: "packets" | "keys",
    limits: { readonly seconds: number; readonly octets: number },
    remote: string,
  ): Result<ReadableStream<Uint8Array>, ControlRefusal>;
  /** The sites that are looked at, with the seconds that are left. */
  debugged(): readonly { readonly asked: string; readonly seconds: number }[];
  /** The level of the log from now on, until the configuration is read again. */
  logLevel(level: LogLevel, remote: string): ControlAnswer;
  /** Has the configuration file read anew, or says what would come of it. */
  reload(how: { readonly force: boolean; readonly dryRun: boolean }, remote: string): ControlAnswer;
  /** Somebody without the right token has tried `what`. */
  onDenied(what: string, remote: string): void;
  now(): Instant;
};
