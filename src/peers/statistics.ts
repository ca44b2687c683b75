/** How look-ups went: counts, and a cumulative histogram of their times. */

import type { LookupFault } from "../eroute/row.ts";
import type { PeerStatistics } from "./repository.ts";

export type Statistics = {
  /** A look-up was answered, or failed, after `ms`. */
  settled(ms: number, fault: LookupFault | undefined): void;
  /** The database was used without a look-up: only whether it answers is recorded. */
  checked(fault: LookupFault | undefined): void;
  read(waiting: number): PeerStatistics;
};

export function createStatistics(): Statistics {
  const counts = new Array<number>(BUCKET_SECONDS.length).fill(0);
  let lookups = 0;
  let failures = 0;
  let secondsSum = 0;
  let lastFault: string | undefined;
  return {
    settled(ms, fault) {
      const seconds = ms / 1000;
      lookups++;
      secondsSum += seconds;
      if (fault !== undefined) failures++;
      lastFault = fault?.detail;
      const bucket = BUCKET_SECONDS.findIndex((upTo) => seconds <= upTo);
      if (bucket >= 0) counts[bucket] = (counts[bucket] ?? 0) + 1;
    },
    checked(fault) {
      lastFault = fault?.detail;
    },
    read(waiting) {
      let count = 0;
      const seconds = BUCKET_SECONDS.map((upTo, i) => {
        count += counts[i] ?? 0;
        return { upTo, count };
      });
      return { lookups, failures, waiting, lastFault, seconds, secondsSum };
    },
  };
}

/** From a local socket's half millisecond to the usual deadline. */
const BUCKET_SECONDS = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5,
] as const;
