/** The clocks: monotonic for the engine, wall time for people, and one that processes share. */

import { readFileSync } from "node:fs";
import { asInstant, type Instant } from "../octets/instant.ts";

/** Monotonic milliseconds since the process started. */
export function now(): Instant {
  return asInstant(performance.now());
}

/** Milliseconds since 1970, according to the system clock. */
export function wallMs(): number {
  return Date.now();
}

/**
 * A clock of milliseconds since boot, which all processes of one boot share: it does not jump when
 * somebody sets the time of day. It is read from the kernel once, and then follows {@link now}.
 */
export function openBootClock(): () => number {
  const [seconds = ""] = readFileSync("/proc/uptime", "utf8").split(" ");
  const started = Number(seconds) * 1_000 - now();
  return () => started + now();
}
