/** Writes docs/metrics.md: each metric with its type, its labels and its help. */

import { join } from "node:path";
import { COUNTER_NAMES, type Counters, type Gauges } from "../src/concentrator/snapshot.ts";
import type { Metric } from "../src/status/metrics/metric.ts";
import { type MetricsSource, metricsOf } from "../src/status/metrics/metrics.ts";
import { SITE_METRICS } from "../src/status/metrics/site-metrics.ts";
import { createFailureCounts } from "../src/why/failure-counts.ts";
import { ended } from "../test/steps.ts";

export const METRICS_FILE = join(import.meta.dir, "../docs/metrics.md");

const HEAD = `# Metrics

\`GET /metrics\` in Prometheus' text format; if \`status.token_file\` is set, it requires the token
(\`authorization: { credentials_file: … }\` in the scrape configuration). None is about a single
site, so their number is fixed; metrics of sites are separate, see below. Counters start from 0 with
the process.

- [grafana-dashboard.json](grafana-dashboard.json): import it in Grafana, choose the data source
- [alerts.yaml](alerts.yaml): alert rules; in them, the job is called \`erouted\`

\`\`\`yaml
scrape_configs:
  - job_name: erouted
    static_configs: [{ targets: ["127.0.0.1:8080"] }]
rule_files: [/etc/prometheus/erouted-alerts.yaml]
\`\`\`

| metric | type | what |
| --- | --- | --- |
`;

/** The whole file. */
export function metricsReference(): string {
  const notConnected = { failed: 0, ended: 0, disabled: 0, strangers: 0, childless: 0 };
  const versions = { 1: 0, 2: 0 };
  const read = { cpuSeconds: 0, residentOctets: 0, notConnected, versions, ...SERVER };
  const rows = metricsOf(NOTHING, read).map(row);
  const ofSites = Object.values(SITE_METRICS).map(([name, type, help]) =>
    row({ name, type, help }),
  );
  return `${HEAD}${rows.join("\n")}\n\n${REASONS}\n\n${SITES}${ofSites.join("\n")}\n`;
}

const SITES = `## Of each site

These have an address of their own, \`GET /metrics/sites\`: four series for each site
that has called since the start and has a row or an eroute, so 10,000 sites make 40,000 series.
Strangers are not included. The label is \`site\`, the peer ID.

\`\`\`yaml
scrape_configs:
  - job_name: erouted-sites
    metrics_path: /metrics/sites
    scrape_interval: 1m
    static_configs: [{ targets: ["127.0.0.1:8080"] }]
\`\`\`

| metric | type | what |
| --- | --- | --- |
`;

function row({ name, type, help }: Pick<Metric, "name" | "type" | "help">): string {
  return `| \`${name}\` | ${type} | ${help} |`;
}

const REASON_LIST = [...createFailureCounts().counts.keys()].map((reason) => `\`${reason}\``);
const REASONS =
  "Labels: `direction` is `in` or `out`; `egroup` is its name; `reason` is one of\n" +
  `${REASON_LIST.join(", ")}.`;

const SERVER = { tokensWrong: 0, tokensLimited: 0, streamsRefused: 0 };

/** A daemon that has done nothing yet. */
const NOTHING: MetricsSource = {
  facts: {
    version: "",
    dataplane: "xfrm",
    startedWallMs: 0,
    takenOver: undefined,
    keptOctets: undefined,
  },
  snapshot: () => ({
    gauges: GAUGES,
    counters: Object.fromEntries(COUNTER_NAMES.map((name) => [name, 0])) as Counters,
    algorithms: [],
    erouteCount: 0,
    walk: () => () => [],
    briefs: () => () => [],
    eroutes: () => [],
    drainingStates: () => [],
    site: () => [],
    isConnected: () => false,
    hasDynamicEroute: () => false,
    overlaps: () => [],
    call: () => undefined,
    peerOf: () => undefined,
    isCalling: () => false,
    redirecting: undefined,
    redirectable: () => ended({ can: 0, cannot: 0 }),
    versions: () => ended({ 1: 0, 2: 0 }),
  }),
  problems: () => [],
  failures: () => createFailureCounts().counts,
  folded: () => 0,
  traffic: () => ({ octetsIn: 0, octetsOut: 0, packetsIn: 0, packetsOut: 0 }),
  loopDelaySeconds: () => 0,
  reloads: () => new Map([["ok", 0]]),
  databases: () => [],
  expected: () => new Map(),
};

const GAUGES: Gauges = {
  dynamicEroutes: 0,
  dynamicEroutesMax: 0,
  normalEroutesUp: 0,
  ikeSas: 0,
  halfOpenIkeSas: 0,
  childSas: 0,
  lookupsWaiting: 0,
  halfOpenOctets: 0,
  halfOpenOctetsMax: 0,
  keyExchangesWaiting: 0,
  signaturesWaiting: 0,
  standingPolicies: 0,
  drainingStates: 0,
};

if (import.meta.main) await Bun.write(METRICS_FILE, metricsReference());
