/** The daemon's JSON as lines for people: whatever is in it is shown, nothing has to be. */

import { columnWidths, tableLine } from "./table.ts";
import { printable } from "./terminal.ts";

/** `name  value` lines of an object; objects inside give `name.inner`. */
export function statusLines(value: unknown): readonly string[] {
  const pairs = pairsOf("", value, 0);
  const widths = columnWidths(pairs);
  return pairs.map((pair) => tableLine(pair, widths));
}

/** A table of the dynamic eroutes, and how many there are. */
export function erouteLines(value: unknown): readonly string[] {
  const rows = rowsOf(value);
  if (rows.length === 0) return ["no dynamic eroutes"];
  const cells = rows.map((row) => COLUMNS.map(({ key }) => cellOf(fieldOf(row, key))));
  const table = [COLUMNS.map(({ heading }) => heading), ...cells];
  const widths = columnWidths(table);
  const lines = table.map((row) => tableLine(row, widths));
  const total = fieldOf(value, "total");
  if (typeof total === "number" && total > rows.length) {
    lines.push(`${rows.length} of ${total}`);
  }
  return lines;
}

const COLUMNS = [
  { heading: "EROUTE", key: "baseeroute" },
  { heading: "PEER ID", key: "peerid" },
  { heading: "STATE", key: "state" },
  { heading: "PEER ADDRESS", key: "peeraddress" },
  { heading: "REMOTE SUBNETS", key: "remotesubnets" },
  { heading: "SINCE", key: "createdat" },
] as const;

function pairsOf(name: string, value: unknown, depth: number): readonly (readonly string[])[] {
  if (typeof value !== "object" || value === null || depth > DEPTH_MAX) {
    return [[name, cellOf(value)]];
  }
  if (Array.isArray(value) && value.every((item) => typeof item !== "object")) {
    return [[name, cellOf(value)]];
  }
  return Object.entries(value).flatMap(([key, inner]) =>
    pairsOf(name === "" ? key : `${name}.${key}`, inner, depth + 1),
  );
}

function rowsOf(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value;
  if (typeof value !== "object" || value === null) return [];
  return Object.values(value).find((inner) => Array.isArray(inner)) ?? [];
}

/** A field by its name without underscores, in small letters. */
function fieldOf(value: unknown, key: string): unknown {
  if (typeof value !== "object" || value === null) return undefined;
  const entry = Object.entries(value).find(
    ([name]) => name.replaceAll("_", "").toLowerCase() === key,
  );
  return entry?.[1];
}

function cellOf(value: unknown): string {
  if (value === null || value === undefined) return "";
  if (Array.isArray(value)) return value.map(cellOf).join(", ");
  return printable(typeof value === "object" ? JSON.stringify(value) : String(value));
}

const DEPTH_MAX = 3;
