/** `erouted debug PEER on|off` and `erouted log-level`: what a running daemon logs. */

import { parseDuration } from "../eroute/duration.ts";
import { type ControlOptions, command, peerPath } from "./control.ts";
import { type ExitCode, misuse, type Terminal } from "./terminal.ts";

export type DebugOptions = ControlOptions & {
  readonly peerid: string;
  readonly state: "on" | "off";
  /** `30m`. */
  readonly for?: string;
};

const SECONDS_MAX = 86_400;

/** Writes each message of a site to the log for a while, or stops doing so. */
export async function debug(options: DebugOptions, terminal: Terminal): Promise<ExitCode> {
  const { state } = options;
  const ms = parseDuration(options.for ?? "30m");
  const seconds = state === "off" ? 0 : Math.round((ms ?? Number.NaN) / 1_000);
  if (state === "on" && !(seconds >= 1 && seconds <= SECONDS_MAX)) {
    return misuse(terminal, '--for takes a time from 1s to 24h, such as "30m"');
  }
  return await command(`${peerPath(options, "/debug")}?seconds=${seconds}`, options, terminal);
}

export type LogLevelOptions = ControlOptions & { readonly level: string };

/** Sets the level of the log until the configuration is read again. */
export async function logLevel(options: LogLevelOptions, terminal: Terminal): Promise<ExitCode> {
  return await command(`/api/v1/log-level?level=${options.level}`, options, terminal);
}
