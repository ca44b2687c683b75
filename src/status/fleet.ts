/** How many sites are expected, connected, gone, or were never seen. */

import type { NotConnectedCounts } from "./lists/not-connected.ts";
import type { ExpectedSites, StatusSource } from "./source.ts";

export type Fleet = {
  /** Rows that are not disabled, of all egroups that could be counted. */
  readonly expected: number;
  readonly connected: number;
  /** Seen since start, and not connected now. */
  readonly seen: number;
  /** Not seen since start. */
  readonly neverSeen: number;
  readonly disabled: number;
};

/**
 * Undefined until a table has been counted. Rows are counted once a minute, connected sites at each
 * call: the numbers may differ by those that came or went meanwhile.
 */
export function fleetOf(
  source: Pick<StatusSource, "snapshot" | "expected">,
  counts: NotConnectedCounts,
): Fleet | undefined {
  const tables = [...source.expected().values()];
  if (tables.length === 0) return undefined;
  const sum = (of: (table: ExpectedSites) => number) =>
    tables.reduce((total, table) => total + of(table), 0);
  const disabled = sum((table) => table.disabled);
  const expected = sum((table) => table.rows) - disabled;
  const connected = Math.max(0, source.snapshot().gauges.dynamicEroutes - counts.childless);
  const seen = Math.min(counts.failed + counts.ended, Math.max(0, expected - connected));
  const neverSeen = Math.max(0, expected - connected - seen);
  return { expected, connected, seen, neverSeen, disabled };
}

/** `connected 9,312 of 10,000 sites; 14 never seen since start; 674 seen and not connected`. */
export function fleetText({ expected, connected, seen, neverSeen }: Fleet): string {
  const number = (value: number) => value.toLocaleString("en-US");
  return (
    `connected ${number(connected)} of ${number(expected)} sites; ` +
    `${number(neverSeen)} never seen since start; ${number(seen)} seen and not connected`
  );
}
