/** The daemon's JSON as lines for people: problems first, then what is up. */

import { z } from "zod";
import { columnWidths, tableLine } from "./table.ts";

const count = z.number().default(0);

const statusSchema = z.object({
  version: z.string().default("?"),
  uptime_seconds: count,
  dataplane: z.string().default("?"),
  dataplane_note: z.string().optional(),
  problems: z.array(z.string()).default([]),
  listening: z.array(z.string()).default([]),
  gauges: z.record(z.string(), z.number()).default({}),
  counters: z.record(z.string(), z.number()).default({}),
  databases: z
    .array(
      z.object({
        egroup: z.string(),
        source: z.string(),
        lookups: count,
        failures: count,
        last_fault: z.string().nullish(),
      }),
    )
    .default([]),
});

const eroutesSchema = z.object({
  total: count,
  dynamic_eroutes: z.array(
    z.object({
      base_eroute: z.string(),
      peer_id: z.string(),
      state: z.string(),
      peer_address: z.string().nullable(),
      remote_subnets: z.array(z.string()),
      created_at: z.string(),
    }),
  ),
});

type Status = z.infer<typeof statusSchema>;

/** What a running daemon is and does, a line each; undefined if it is not what erouted answers. */
export function statusLines(value: unknown): readonly string[] | undefined {
  const parsed = statusSchema.safeParse(value);
  if (!parsed.success) return undefined;
  const status = parsed.data;
  const pairs: (readonly [string, string])[] = [
    ["erouted", `${status.version}, up ${durationText(status.uptime_seconds)}`],
    ...status.problems.map((problem) => ["PROBLEM", problem] as const),
    ["data plane", status.dataplane_note ?? status.dataplane],
    ["listening", status.listening.join(", ")],
    ["now", nowText(status)],
    ["since start", sinceText(status)],
    ...status.databases.map((database) => databasePair(database)),
  ];
  const widths = columnWidths(pairs.map(([name]) => [name]));
  return pairs.map((pair) => tableLine(pair, widths));
}

/** A table of the dynamic eroutes, and how many there are; undefined as above. */
export function erouteLines(value: unknown): readonly string[] | undefined {
  const parsed = eroutesSchema.safeParse(value);
  if (!parsed.success) return undefined;
  const { total, dynamic_eroutes: rows } = parsed.data;
  if (rows.length === 0) return ["no site is connected"];
  const cells = rows.map((row) => [
    row.base_eroute,
    row.peer_id,
    row.state,
    row.peer_address ?? "",
    row.remote_subnets.join(", "),
    row.created_at,
  ]);
  const head = ["EROUTE", "PEER ID", "STATE", "PEER ADDRESS", "REMOTE SUBNETS", "SINCE"];
  const table = [head, ...cells];
  const widths = columnWidths(table);
  const lines = table.map((row) => tableLine(row, widths));
  if (total > rows.length) lines.push(`${rows.length} of ${total}`);
  return lines;
}

function nowText({ gauges }: Status): string {
  const of = (name: string) => gauges[name] ?? 0;
  return [
    `${of("dynamic_eroutes")} of ${of("dynamic_eroutes_max")} dynamic eroutes`,
    `${of("normal_eroutes_up")} normal`,
    `${of("ike_sas")} IKE SAs`,
    `${of("half_open_ike_sas")} half-open`,
    `${of("child_sas")} Child SAs`,
  ].join(", ");
}

function sinceText({ counters }: Status): string {
  const of = (name: string) => counters[name] ?? 0;
  const parts = [
    `${of("ike_sas_established")} sites let in`,
    `${of("authentication_failures")} refused`,
    `${of("dynamic_eroutes_evicted")} evicted`,
  ];
  const rare = [
    ["kernel_refusals", "refusals of the kernel"],
    ["cookies_sent", "cookies asked for"],
    ["half_open_refused", "turned away, being too many"],
    ["internal_errors", "internal errors: please report them"],
  ] as const;
  for (const [name, words] of rare) if (of(name) > 0) parts.push(`${of(name)} ${words}`);
  return parts.join(", ");
}

function databasePair(database: Status["databases"][number]): readonly [string, string] {
  const { egroup, source, lookups, failures, last_fault: fault } = database;
  const counts = `${lookups} look-ups, ${failures} failed`;
  const tail = typeof fault === "string" ? `; the last one: ${fault}` : "";
  return [`egroup ${egroup}`, `${source}: ${counts}${tail}`];
}

/** `3 d 4 h`, `12 min`, `7 s`: the two largest units. */
function durationText(seconds: number): string {
  const parts: string[] = [];
  let rest = Math.floor(seconds);
  for (const [unit, size] of UNITS) {
    const number = Math.floor(rest / size);
    rest %= size;
    if (number > 0) parts.push(`${number} ${unit}`);
  }
  return parts.slice(0, 2).join(" ") || "0 s";
}

const UNITS = [
  ["d", 86_400],
  ["h", 3_600],
  ["min", 60],
  ["s", 1],
] as const;
