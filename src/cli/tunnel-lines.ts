/** The dynamic eroutes of a daemon's JSON as a table for people. */

import { formatOctets, formatSeconds } from "./amounts.ts";
import { fieldAt, listAt, numberAt, textAt, timeAt } from "./json-fields.ts";
import { columnWidths, tableLine } from "./table.ts";

/**
 * A line for each eroute, under headings. `nowMs` is the daemon's time of day, for ages; `total`
 * how many there are.
 */
export function tunnelLines(
  eroutes: readonly unknown[],
  nowMs: number | undefined,
  total: number,
): readonly string[] {
  if (eroutes.length === 0) return ["no dynamic eroutes"];
  const table = [HEADINGS, ...eroutes.map((eroute) => cellsOf(eroute, nowMs))];
  const widths = columnWidths(table);
  const lines = table.map((row) => tableLine(row, widths));
  if (total > eroutes.length) lines.push(`${eroutes.length} of ${total}`);
  return lines;
}

const HEADINGS = [
  "PEER ID",
  "EROUTE",
  "STATE",
  "FOR",
  "PEER ADDRESS",
  "REMOTE SUBNETS",
  "RECEIVED",
  "SENT",
];

function cellsOf(eroute: unknown, nowMs: number | undefined): readonly string[] {
  return [
    textAt(eroute, "peer_id") ?? "",
    textAt(eroute, "base_eroute") ?? "",
    textAt(eroute, "state") ?? "",
    ageOf(eroute, nowMs),
    textAt(eroute, "ike_sa", "remote_endpoint") ?? textAt(eroute, "peer_address") ?? "",
    listAt(eroute, "remote_subnets").map(String).join(", "),
    octetsOf(eroute, "bytes_in"),
    octetsOf(eroute, "bytes_out"),
  ];
}

function ageOf(eroute: unknown, nowMs: number | undefined): string {
  const created = timeAt(eroute, "created_at");
  if (created === undefined) return "";
  if (nowMs === undefined) return textAt(eroute, "created_at") ?? "";
  return formatSeconds((nowMs - created) / 1000);
}

/** The sum over the Child SAs; nothing where the kernel does not count. */
function octetsOf(eroute: unknown, name: string): string {
  const counted = listAt(eroute, "child_sas").filter(
    (child) => typeof fieldAt(child, name) === "number",
  );
  if (counted.length === 0) return "";
  return formatOctets(counted.reduce<number>((sum, child) => sum + numberAt(child, name), 0));
}
