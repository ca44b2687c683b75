/** Metrics in Prometheus' text format 0.0.4; none about single sites, so their number is fixed. */

import {
  COUNTER_NAMES,
  type CounterName,
  type Gauges,
  type Snapshot,
} from "../../concentrator/snapshot.ts";
import { fleetOf } from "../fleet.ts";
import type { DatabaseView, StatusSource } from "../source.ts";
import { keptMetrics } from "./kept-metrics.ts";
import type { Metric, MetricSample, MetricsMoment } from "./metric.ts";
import { escaped } from "./site-metrics.ts";
import { versionMetric } from "./version-metric.ts";

/** What metrics are made from. */
export type MetricsSource = Pick<
  StatusSource,
  | "snapshot"
  | "expected"
  | "problems"
  | "failures"
  | "folded"
  | "traffic"
  | "loopDelaySeconds"
  | "databases"
  | "reloads"
> & { readonly facts: Facts };

type Facts = Pick<
  StatusSource["facts"],
  "version" | "dataplane" | "startedWallMs" | "takenOver" | "keptOctets"
>;

/** All metrics as text. */
export function metricsText(source: MetricsSource, read: MetricsMoment): string {
  return `${metricsOf(source, read).flatMap(metricLines).join("\n")}\n`;
}

/** All metrics. */
export function metricsOf(source: MetricsSource, read: MetricsMoment): readonly Metric[] {
  const { facts } = source;
  const { gauges, counters } = source.snapshot();
  const metrics: Metric[] = [];
  const add = (metric: Metric) => void metrics.push(metric);
  add({
    name: "erouted_build_info",
    type: "gauge",
    help: "Version and data plane of the running erouted; always 1.",
    samples: [{ labels: { version: facts.version, dataplane: facts.dataplane }, value: 1 }],
  });
  for (const [key, [name, help]] of Object.entries(GAUGES)) {
    const value = gauges[key as keyof Gauges];
    add({ name: `erouted_${name}`, type: "gauge", help, samples: [{ value }] });
  }
  for (const counter of COUNTER_NAMES) {
    const name = `erouted_${counter}_total`;
    const help = COUNTER_HELP[counter];
    add({ name, type: "counter", help, samples: [{ value: counters[counter] }] });
  }
  add(algorithmMetric(source.snapshot().algorithms));
  add(versionMetric(read));
  const { failed, ended, disabled } = read.notConnected;
  add({
    name: "erouted_sites_not_connected",
    type: "gauge",
    help: "Sites with a row or an eroute that failed to connect, or were connected before.",
    samples: [
      { labels: { state: "failed" }, value: failed },
      { labels: { state: "ended" }, value: ended },
    ],
  });
  add({
    name: "erouted_sites_disabled_calling",
    type: "gauge",
    help: "Sites that call although they are disabled in their row.",
    samples: [{ value: disabled }],
  });
  metrics.push(...fleetMetrics(source, read.notConnected), ...keptMetrics(facts));
  add({
    name: "erouted_problems",
    type: "gauge",
    help: "Problems that /healthz reports now; 0 is healthy.",
    samples: [{ value: source.problems().length }],
  });
  metrics.push(...eventMetrics(source), ...serverMetrics(read));
  const { octetsIn, octetsOut, packetsIn, packetsOut } = source.traffic();
  add({
    name: "erouted_esp_bytes_total",
    type: "counter",
    help: "Bytes carried by Child SAs, as counted by the kernel; read every 10 s.",
    samples: bothWays(octetsIn, octetsOut),
  });
  add({
    name: "erouted_esp_packets_total",
    type: "counter",
    help: "Packets carried by Child SAs, as counted by the kernel; read every 10 s.",
    samples: bothWays(packetsIn, packetsOut),
  });
  add({
    name: "erouted_event_loop_delay_max_seconds",
    type: "gauge",
    help: "Longest delay of the event loop in the last minute, in seconds.",
    samples: [{ value: source.loopDelaySeconds() }],
  });
  metrics.push(reloadsMetric(source), ...databaseMetrics(source.databases()));
  add({
    name: "process_start_time_seconds",
    type: "gauge",
    help: "Start time of the process since the epoch, in seconds.",
    samples: [{ value: facts.startedWallMs / 1000 }],
  });
  add({
    name: "process_cpu_seconds_total",
    type: "counter",
    help: "User and system CPU time, in seconds.",
    samples: [{ value: read.cpuSeconds }],
  });
  add({
    name: "process_resident_memory_bytes",
    type: "gauge",
    help: "Resident memory, in bytes.",
    samples: [{ value: read.residentOctets }],
  });
  return metrics;
}

function algorithmMetric(counts: Snapshot["algorithms"]): Metric {
  return {
    name: "erouted_algorithms_agreed_total",
    type: "counter",
    help: "IKE SAs and Child SAs, new or rekeyed, by encryption, key exchange and post-quantum.",
    samples: counts.map(({ sa, kind, algorithm, count: value }) => {
      return { labels: { sa, kind, algorithm }, value };
    }),
  };
}

/** Counters of the journal. */
function eventMetrics(source: Pick<MetricsSource, "failures" | "folded">): readonly Metric[] {
  return [
    {
      name: "erouted_attempts_failed_total",
      type: "counter",
      help: "Failed attempts and requests of sites, by the journal's reason.",
      samples: [...source.failures()].map(([reason, value]) => ({ labels: { reason }, value })),
    },
    {
      name: "erouted_events_folded_total",
      type: "counter",
      help: "Events folded into a line with others in journal and log; other metrics count each.",
      samples: [{ value: source.folded() }],
    },
  ];
}

function reloadsMetric(source: MetricsSource): Metric {
  return {
    name: "erouted_configuration_reloads_total",
    type: "counter",
    help: "How often the configuration file was reloaded: ok, faulty, or held (closes too much).",
    samples: [...source.reloads()].map(([result, value]) => ({ labels: { result }, value })),
  };
}

/** Of the status server itself. */
function serverMetrics(read: MetricsMoment): readonly Metric[] {
  const { tokensWrong, tokensLimited, streamsRefused } = read;
  return [
    {
      name: "erouted_status_tokens_wrong_total",
      type: "counter",
      help: "Wrong tokens sent to the status server, by header or form.",
      samples: [{ value: tokensWrong }],
    },
    {
      name: "erouted_status_tokens_limited_total",
      type: "counter",
      help: "Tokens that were not checked: too many wrong ones had come from there.",
      samples: [{ value: tokensLimited }],
    },
    {
      name: "erouted_status_streams_refused_total",
      type: "counter",
      help: "Event streams that were disconnected for another client, or refused.",
      samples: [{ value: streamsRefused }],
    },
  ];
}

/** No values until the rows are counted for the first time. */
function fleetMetrics(
  source: MetricsSource,
  counts: MetricsMoment["notConnected"],
): readonly Metric[] {
  const fleet = fleetOf(source, counts);
  const gauge = (name: string, help: string, value: number | undefined): Metric => ({
    name: `erouted_sites_${name}`,
    type: "gauge",
    help,
    samples: value === undefined ? [] : [{ value }],
  });
  return [
    gauge("expected", "Rows that are not disabled, counted once a minute.", fleet?.expected),
    gauge("connected", "Sites of those rows that are connected.", fleet?.connected),
    gauge("never_seen", "Sites of those rows not seen since the start.", fleet?.neverSeen),
  ];
}

function bothWays(received: number, sent: number): readonly MetricSample[] {
  return [
    { labels: { direction: "in" }, value: received },
    { labels: { direction: "out" }, value: sent },
  ];
}

function metricLines({ name, type, help, samples }: Metric): string[] {
  const head = [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`];
  return head.concat(
    samples.map(
      ({ suffix = "", labels, value }) => `${name}${suffix}${labelText(labels)} ${value}`,
    ),
  );
}

function labelText(labels: Readonly<Record<string, string>> | undefined): string {
  if (labels === undefined) return "";
  const parts = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`);
  return `{${parts.join(",")}}`;
}

function databaseMetrics(databases: readonly DatabaseView[]): readonly Metric[] {
  const each = (value: (database: DatabaseView) => number) =>
    databases.map((database) => ({ labels: { egroup: database.egroup }, value: value(database) }));
  return [
    {
      name: "erouted_database_lookups_total",
      type: "counter",
      help: "Look-ups in the database of an egroup.",
      samples: each(({ lookups }) => lookups),
    } as const,
    {
      name: "erouted_database_failures_total",
      type: "counter",
      help: "Look-ups that the database of an egroup did not answer.",
      samples: each(({ failures }) => failures),
    } as const,
    {
      name: "erouted_database_lookups_waiting",
      type: "gauge",
      help: "Look-ups that are waiting for the database of an egroup.",
      samples: each(({ waiting }) => waiting),
    } as const,
    {
      name: "erouted_database_failovers_total",
      type: "counter",
      help: "How often erouted changed to another server of an egroup's database.",
      samples: each(({ inUse }) => inUse?.failovers ?? 0),
    } as const,
    {
      name: "erouted_database_server_in_use",
      type: "gauge",
      help: "1 for the server of an egroup's database that is in use, if there are several.",
      samples: databases.flatMap(({ egroup, inUse }) =>
        inUse === undefined ? [] : [{ labels: { egroup, server: inUse.server }, value: 1 }],
      ),
    } as const,
    {
      name: "erouted_database_lookup_seconds",
      type: "histogram",
      help: "Time from a look-up to its answer, in seconds.",
      samples: databases.flatMap(histogram),
    } as const,
  ];
}

function histogram({
  egroup,
  seconds,
  secondsSum,
  lookups,
  waiting,
}: DatabaseView): MetricSample[] {
  const done = Math.max(lookups - waiting, seconds.at(-1)?.count ?? 0);
  const bucket = (le: string, value: number) => ({
    suffix: "_bucket",
    labels: { egroup, le },
    value,
  });
  return [
    ...seconds.map(({ upTo, count }) => bucket(String(upTo), count)),
    bucket("+Inf", done),
    { suffix: "_sum", labels: { egroup }, value: secondsSum },
    { suffix: "_count", labels: { egroup }, value: done },
  ];
}

const GAUGES: Readonly<Record<keyof Gauges, readonly [name: string, help: string]>> = {
  dynamicEroutes: ["dynamic_eroutes", "Dynamic eroutes in use."],
  dynamicEroutesMax: ["dynamic_eroutes_limit", "Dynamic eroutes that may be in use."],
  normalEroutesUp: ["normal_eroutes_up", "Normal eroutes with an IKE SA."],
  ikeSas: ["ike_sas", "IKE SAs whose peer has authenticated."],
  halfOpenIkeSas: ["half_open_ike_sas", "IKE SAs whose peer has not authenticated yet."],
  halfOpenOctets: ["half_open_bytes", "Memory that half-open IKE SAs take, in bytes."],
  halfOpenOctetsMax: ["half_open_bytes_limit", "Limit of that memory (half_open_memory)."],
  childSas: ["child_sas", "Child SAs installed."],
  lookupsWaiting: ["lookups_waiting", "IKE SAs waiting for a row."],
  keyExchangesWaiting: ["key_exchanges_waiting", "IKE SAs waiting for a slow key exchange."],
  signaturesWaiting: ["signatures_waiting", "IKE SAs waiting for a slow signature."],
  standingPolicies: [
    "standing_policies",
    "Policies that exist without an SA: traps, blocks and exceptions.",
  ],
  drainingStates: ["draining_states", "Inbound states of rekeyed Child SAs, soon to be removed."],
};

const COUNTER_HELP: Readonly<Record<CounterName, string>> = {
  datagrams_received: "Datagrams received on the IKE sockets.",
  datagrams_malformed: "Datagrams dropped because they were malformed.",
  datagrams_unknown_spi: "Datagrams dropped because no IKE SA has their SPI.",
  datagrams_bad_version: "Datagrams of a version of IKE that no eroute allows.",
  datagrams_rate_limited: "Answers to strangers that were not sent because there were too many.",
  datagrams_lost: "Datagrams lost because the IKE sockets were full: more arrived than were read.",
  ikev1_calls: "First messages of IKEv1, while no eroute allows it.",
  ikev1_requests: "First messages of IKEv1, while an eroute allows it.",
  ikev1_calls_limited: "First messages of IKEv1 that were dropped: too many came from strangers.",
  messages_too_long: "Messages dropped before authentication because they were too long.",
  messages_bad_icv: "Messages dropped because their integrity check failed.",
  messages_repeated: "Repeated requests, answered with the stored response.",
  messages_out_of_window: "Requests dropped because their message ID was out of the window.",
  cookies_sent: "COOKIE notifies sent under load.",
  half_open_refused: "IKE_SA_INIT requests dropped because too many IKE SAs were half-open.",
  key_exchanges_refused: "Slow key exchanges that were refused because too many waited.",
  signatures_refused: "Slow signatures that were refused because too many waited.",
  ike_sa_init_requests: "IKE_SA_INIT requests received.",
  ike_sas_established: "IKE SAs whose peer authenticated.",
  ikev1_sas_established: "Established IKE SAs of IKEv1, which is for old routers.",
  ikev1_sas_legacy: "SAs of IKEv1, also Child SAs, with what only legacy of an eroute allows.",
  ike_sas_with_ppk: "Established IKE SAs that use a post-quantum key (RFC 8784).",
  ike_sas_with_downgrade_prevention:
    "Established IKE SAs whose proofs cover both IKE_SA_INIT messages.",
  ike_sas_rekeyed: "IKE SAs replaced by a rekey.",
  ike_sas_over_limit: "IKE SAs closed because their site had too many.",
  rekey_collisions: "SAs that both ends rekeyed at the same time.",
  fragments_received: "Fragments of messages (RFC 7383).",
  fragments_refused: "Authentic fragments that were refused: not agreed on, too many, or too long.",
  retransmissions: "Repeated copies of requests that were not answered in time.",
  calls_started: "Sites that were called.",
  calls_failed: "Calls that failed on all addresses of the site.",
  acquires: "Packets without an SA for which the kernel requested one.",
  acquires_ignored: "Packets without an SA whose site is already being called, or cannot be.",
  ike_sas_closed: "Established IKE SAs that ended without being replaced.",
  ike_sas_replaced: "IKE SAs that ended because another one replaced them.",
  child_sas_installed: "Child SAs installed in the kernel.",
  child_sas_rekeyed: "Child SAs that replaced another.",
  child_sas_over_limit: "Child SAs closed because their site had too many.",
  child_sas_refused_full: "Child SAs refused because their IKE SA had child_sas_max of them.",
  child_sas_closed: "Child SAs removed from the kernel.",
  child_sas_narrowed_by_limit: "Child SAs without some of the subnets both ends allow: too many.",
  negotiations_failed: "Negotiations that ended before the peer authenticated.",
  authentication_failures: "IKE_AUTH exchanges that were refused.",
  guesses_slowed: "IKE_AUTH requests that were refused unread: their ID had failed too often.",
  authentications_unanswered:
    "IKE_AUTH requests left unanswered: a fault on our side, uniqueness, unknown_sites.",
  lookups_started: "Look-ups of a row.",
  lookups_failed: "Look-ups that failed in the database.",
  lookups_without_row: "Look-ups that found no row.",
  row_checks: "Rows of connected sites that were read again.",
  row_checks_failed: "Rows of connected sites that could not be read again.",
  row_changes: "Sites closed because their row was changed or removed.",
  late_answers: "Answers that were no longer awaited.",
  lost_answers: "Requests to a thread, the kernel or a database that got no answer in time.",
  dynamic_eroutes_created: "Dynamic eroutes created.",
  dynamic_eroutes_evicted: "Dynamic eroutes removed to keep some free.",
  dynamic_eroutes_refused_full: "Sites refused because all dynamic eroutes were in use.",
  overlaps_refused: "Sites refused because another connected site had their subnet.",
  overlaps_replaced: "Sites closed because another one with their subnet replaced them.",
  overlaps_allowed: "Sites that connected with the subnet of another connected one.",
  redirects_sent: "Sites that were redirected to another gateway (RFC 5685).",
  redirects_followed: "Gateways that were called because a site redirected us there (RFC 5685).",
  moves_delayed: "Moves of states delayed because a site's packets come from changing ports.",
  kernel_refusals: "Requests that the kernel refused.",
  states_removed_by_others: "States that other programs removed; their Child SAs are rekeyed.",
  policies_removed_by_others: "Policies that other programs removed; they are put back.",
  routes_removed_by_others:
    "Routes of erouted that another program removed from the kernel; they are put back.",
  policies_taken_by_others:
    "How often another program's policy was found in the place of one of erouted.",
  spi_conflicts: "Child SAs whose ESP SPI was taken at the site's address.",
  internal_errors: "Bugs that were caught: each cost one IKE SA, and is in the log.",
};
