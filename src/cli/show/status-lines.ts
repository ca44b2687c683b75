/** A daemon's JSON as lines for people: problems come first, and zeros are left out. */

import { counted, formatSeconds } from "../amounts.ts";
import { fieldAt, listAt, numberAt, textAt } from "../json-fields.ts";
import { columnWidths, painted, type TableOptions, tableLine } from "../table.ts";
import { printable } from "../terminal.ts";
import { wrapped } from "../wrap.ts";
import { notConnectedText } from "./not-connected.ts";

/** The daemon in a few lines: name, problems, tunnels, failures, databases. */
export function statusLines(state: unknown, { width, screen }: TableOptions): readonly string[] {
  const rows = [
    ...problems(state).map((problem) => ["PROBLEM", problem]),
    ...notes(state).map((note) => ["note", note]),
    ["tunnels", tunnels(state)],
    ["sites", textAt(state, "sites", "summary") ?? ""],
    ["not in", notIn(state)],
    ["restart", textAt(state, "taken_over", "summary") ?? ""],
    ["since start", history(state)],
    ...listAt(state, "databases").map((database) => ["database", databaseLine(database)]),
    ["listening", listening(listAt(state, "listening").map(String))],
    ["config", textAt(state, "config_file") ?? ""],
  ].filter(([, text]) => text !== "");
  const widths = columnWidths(rows.map(([name = ""]) => [name]));
  const bad = problems(state).length > 0;
  const lines = rows.flatMap((row) => {
    const text = wrapped(tableLine(row, widths), (widths[0] ?? 0) + 2, width);
    return text.map((line) => painted(line, row[0] === "PROBLEM" ? "bad" : undefined, screen));
  });
  return [painted(title(state), bad ? "bad" : undefined, screen), "", ...lines];
}

function title(state: unknown): string {
  const version = textAt(state, "version") ?? "";
  const uptime = fieldAt(state, "uptime_seconds");
  const up = typeof uptime === "number" ? `, up ${formatSeconds(uptime)}` : "";
  const health = problems(state).length > 0 ? "DEGRADED" : (textAt(state, "status") ?? "");
  return printable(`erouted ${version}${up}${health === "" ? "" : `: ${health}`}`);
}

/** Problems that somebody has to act on. */
function problems(state: unknown): readonly string[] {
  const said = listAt(state, "problems").map(String);
  const bugs = numberAt(state, "counters", "internal_errors");
  if (bugs > 0) said.push(`${counted(bugs, "internal error")}: please report what the log says`);
  return said;
}

/** Facts that somebody should know. */
function notes(state: unknown): readonly string[] {
  const counter = (name: string) => numberAt(state, "counters", name);
  const found = [textAt(state, "dataplane_note") ?? "", redirecting(state)];
  const refusals = counter("kernel_refusals");
  if (refusals > 0) found.push(`the kernel refused ${counted(refusals, "request")}: see the log`);
  found.push(...removed(counter));
  const evicted = counter("dynamic_eroutes_evicted") + counter("dynamic_eroutes_refused_full");
  if (evicted > 0) {
    const places = numberAt(state, "gauges", "dynamic_eroutes_max");
    found.push(
      `${counted(evicted, "dynamic eroute")} evicted or refused for lack of places: ` +
        `dynamic_eroutes.max is ${places}`,
    );
  }
  const cookies = counter("cookies_sent");
  if (cookies > 0)
    found.push(`${counted(cookies, "cookie")} requested: a flood, or many sites at once`);
  return found;
}

/** Another program changes the kernel's tables. */
function removed(counter: (name: string) => number): readonly string[] {
  const gone = [
    counted(counter("states_removed_by_others"), "state"),
    counted(counter("policies_removed_by_others"), "policy").replace(/ys$/, "ies"),
    counted(counter("routes_removed_by_others"), "route"),
  ].filter((text) => !text.startsWith("0 "));
  const said: string[] = [];
  if (gone.length > 0) {
    said.push(
      `another program removed ${gone.join(", ")} of ours from the kernel; they are replaced`,
    );
  }
  if (counter("policies_taken_by_others") > 0) {
    said.push("another program has a policy in the place of one of ours: see the log");
  }
  return said;
}

function redirecting(state: unknown): string {
  const to = textAt(fieldAt(state, "redirecting"), "to");
  if (to === undefined) return "";
  const waiting = numberAt(state, "redirecting", "waiting");
  return `sites are redirected to ${to}; ${waiting} of the connected ones are not yet told`;
}

function tunnels(state: unknown): string {
  if (fieldAt(state, "gauges") === undefined) return "";
  const gauge = (name: string) => numberAt(state, "gauges", name);
  const normal = gauge("normal_eroutes_up");
  const halfOpen = gauge("half_open_ike_sas");
  const waiting = gauge("lookups_waiting");
  return [
    `${gauge("dynamic_eroutes")} of at most ${gauge("dynamic_eroutes_max")}`,
    ...(normal > 0 ? [`${normal} normal`] : []),
    `${counted(gauge("ike_sas"), "IKE SA")} with ${counted(gauge("child_sas"), "Child SA")}`,
    ...(halfOpen > 0 ? [`${halfOpen} half-open`] : []),
    ...(waiting > 0 ? [`${counted(waiting, "look-up")} waiting`] : []),
  ].join(", ");
}

/** Sites that may need attention. */
function notIn(state: unknown): string {
  const count = (name: string) => numberAt(state, "not_connected", name);
  if (count("failed") + count("ended") + count("strangers") === 0) return "";
  return `${notConnectedText(state)}: erouted why`;
}

/** Counters that show how it went; each is left out while it is zero. */
function history(state: unknown): string {
  if (fieldAt(state, "counters") === undefined) return "";
  const parts = HISTORY.flatMap(([name, what]) => {
    const count = numberAt(state, "counters", name);
    return count > 0 ? [`${count} ${what.replace("+", count === 1 ? "" : "s")}`] : [];
  });
  return parts.length === 0 ? "no site has called yet" : parts.join(", ");
}

/** What is counted; a plus marks where the plural has an s. */
const HISTORY = [
  ["ike_sas_established", "connected"],
  ["ike_sas_rekeyed", "IKE SA+ rekeyed"],
  ["child_sas_rekeyed", "Child SA+ rekeyed"],
  ["child_sas_narrowed_by_limit", "Child SA+ with too many subnets"],
  ["ike_sas_closed", "closed"],
  ["redirects_sent", "redirected"],
  ["negotiations_failed", "negotiation+ failed"],
  ["lookups_without_row", "ID+ without row"],
  ["datagrams_malformed", "malformed datagram+"],
] as const;

/** Usually every address has the same ports: they are printed once. */
function listening(endpoints: readonly string[]): string {
  const portsOf = new Map<string, string[]>();
  for (const endpoint of endpoints) {
    const colon = endpoint.lastIndexOf(":");
    const address = endpoint.slice(0, colon);
    portsOf.set(address, [...(portsOf.get(address) ?? []), endpoint.slice(colon + 1)]);
  }
  const [ports, ...others] = new Set([...portsOf.values()].map((list) => list.join(" and ")));
  if (ports === undefined || others.length > 0) return endpoints.join(", ");
  return `${[...portsOf.keys()].join(", ")}: UDP ports ${ports}`;
}

function databaseLine(database: unknown): string {
  const lookups = numberAt(database, "lookups");
  const failures = numberAt(database, "failures");
  const waiting = numberAt(database, "waiting");
  const mean = (numberAt(database, "seconds_sum") / Math.max(1, lookups)) * 1000;
  return [
    `${textAt(database, "egroup") ?? ""}: ${textAt(database, "source") ?? ""}`,
    textAt(database, "last_fault") === undefined ? "ok" : "FAILS",
    counted(lookups, "look-up") + (lookups > 0 ? ` of ${mean.toFixed(1)} ms` : ""),
    ...(failures > 0 ? [`${failures} failed`] : []),
    ...(waiting > 0 ? [`${waiting} waiting`] : []),
  ].join(", ");
}
