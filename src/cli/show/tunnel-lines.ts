/** The eroutes in use of a daemon's JSON as a table for people. */

import { formatOctets } from "../../octets/octet-amount.ts";
import { counted, formatSeconds } from "../amounts.ts";
import { fieldAt, listAt, numberAt, textAt, timeAt } from "../json-fields.ts";
import { type Column, type Style, type TableOptions, tableLines } from "../table.ts";

/** Where a table of eroutes is shown, and with what. */
export type TunnelOptions = Omit<TableOptions, "styleOf"> & {
  /** The daemon's time of day, for ages. */
  readonly nowMs: number | undefined;
};

/** A line for each eroute, below headings. */
export function tunnelLines(
  eroutes: readonly unknown[],
  { nowMs, width, screen }: TunnelOptions,
): readonly string[] {
  const rows = eroutes.map((eroute) => cellsOf(eroute, nowMs));
  return tableLines(COLUMNS, rows, { width, screen, styleOf: (cell) => STYLES[cell] });
}

/** `3 of 7 tunnels: 2 established, 1 negotiating; 1.5 kB received, 12 B sent`. */
export function totalLine(shown: readonly unknown[], total: number): string {
  const states = new Map<string, number>();
  for (const eroute of shown) {
    const state = stateOf(eroute) || "unknown";
    states.set(state, (states.get(state) ?? 0) + 1);
  }
  const count =
    total > shown.length
      ? `${shown.length} of ${counted(total, "tunnel")}`
      : counted(shown.length, "tunnel");
  const parts = [...states].map(([state, number]) => `${number} ${state}`);
  const octets = (name: string) => formatOctets(sumOf(shown, name) ?? 0);
  const traffic = `${octets("bytes_in")} received, ${octets("bytes_out")} sent`;
  return parts.length === 0 ? count : `${count}: ${parts.join(", ")}; ${traffic}`;
}

/** Seconds since the eroute was made; undefined if unknown. */
export function ageSeconds(eroute: unknown, nowMs: number | undefined): number | undefined {
  const created = timeAt(eroute, "created_at");
  return created === undefined || nowMs === undefined ? undefined : (nowMs - created) / 1000;
}

/** Where its packets come from. */
export function addressOf(eroute: unknown): string {
  return textAt(eroute, "ike_sa", "remote_endpoint") ?? textAt(eroute, "peer_address") ?? "";
}

/** The sum over the Child SAs; undefined if the kernel does not count. */
export function octetsOf(eroute: unknown, name: string): number | undefined {
  const counts = listAt(eroute, "child_sas").filter(
    (child) => typeof fieldAt(child, name) === "number",
  );
  if (counts.length === 0) return undefined;
  return counts.reduce<number>((sum, child) => sum + numberAt(child, name), 0);
}

const COLUMNS: readonly Column[] = [
  { heading: "PEER ID", rank: 0, cut: true },
  { heading: "EROUTE", rank: 5, cut: true },
  { heading: "STATE", rank: 0 },
  { heading: "FOR", rank: 1 },
  { heading: "PEER ADDRESS", rank: 2 },
  { heading: "REMOTE SUBNETS", rank: 3, cut: true },
  { heading: "KEY EXCHANGE", rank: 6 },
  { heading: "IKE", rank: 6 },
  { heading: "RECEIVED", rank: 4 },
  { heading: "SENT", rank: 4 },
];

const STYLES: Readonly<Partial<Record<string, Style>>> = {
  established: "good",
  negotiating: "changing",
  closing: "changing",
  "no Child SA": "bad",
};

function cellsOf(eroute: unknown, nowMs: number | undefined): readonly string[] {
  const age = ageSeconds(eroute, nowMs);
  const octets = (name: string) => {
    const sum = octetsOf(eroute, name);
    return sum === undefined ? "" : formatOctets(sum);
  };
  return [
    textAt(eroute, "peer_id") ?? "",
    textAt(eroute, "base_eroute") ?? "",
    stateOf(eroute),
    age === undefined ? (textAt(eroute, "created_at") ?? "") : formatSeconds(age),
    addressOf(eroute),
    listAt(eroute, "remote_subnets").map(String).join(", "),
    textAt(eroute, "ike_sa", "key_exchange") ?? "",
    versionOf(eroute),
    octets("bytes_in"),
    octets("bytes_out"),
  ];
}

/** `v1` for old routers, `v2`. */
function versionOf(eroute: unknown): string {
  const version = fieldAt(eroute, "ike_sa", "version");
  return typeof version === "number" ? `v${version}` : "";
}

/** An IKE SA alone carries nothing. */
function stateOf(eroute: unknown): string {
  const state = textAt(eroute, "state") ?? "";
  const children = fieldAt(eroute, "child_sas");
  const isBare = state === "established" && Array.isArray(children) && children.length === 0;
  return isBare ? "no Child SA" : state;
}

function sumOf(eroutes: readonly unknown[], name: string): number | undefined {
  return eroutes.reduce<number>((sum, eroute) => sum + (octetsOf(eroute, name) ?? 0), 0);
}
