/** Writes docs/grafana-dashboard.json: panels by row, each with its queries. */

import { join } from "node:path";

export const DASHBOARD_FILE = join(import.meta.dir, "../docs/grafana-dashboard.json");

type Query = { readonly expr: string; readonly legend: string };
type Panel = {
  readonly title: string;
  readonly kind: "stat" | "timeseries";
  readonly unit: string;
  readonly queries: readonly Query[];
  readonly description?: string;
};

const SELECT = 'job=~"$job",instance=~"$instance"';

/** `sum by (labels) (rate(name[interval]))` of what is selected on the dashboard. */
function rate(name: string, by = "instance"): string {
  return `sum by (${by}) (rate(${name}{${SELECT}}[$__rate_interval]))`;
}

function gauge(name: string): string {
  return `sum by (instance) (${name}{${SELECT}})`;
}

const instance = (expr: string, what = ""): Query => ({
  expr,
  legend: what === "" ? "{{instance}}" : `{{instance}} ${what}`,
});

function quantile(share: number): Query {
  const buckets = rate("erouted_database_lookup_seconds_bucket", "le, egroup");
  return { expr: `histogram_quantile(${share}, ${buckets})`, legend: `{{egroup}} p${share * 100}` };
}

const ROWS: readonly (readonly [string, readonly Panel[]])[] = [
  [
    "Overview",
    [
      stat("Tunnels", "short", [
        instance(`${gauge("erouted_dynamic_eroutes")} + ${gauge("erouted_normal_eroutes_up")}`),
      ]),
      stat("Free places for sites", "percentunit", [
        instance(
          `1 - ${gauge("erouted_dynamic_eroutes")} / ${gauge("erouted_dynamic_eroutes_limit")}`,
        ),
      ]),
      stat("Problems", "short", [instance(gauge("erouted_problems"))]),
      stat("Internal errors", "short", [instance(gauge("erouted_internal_errors_total"))]),
      graph("Tunnels", "short", [
        instance(gauge("erouted_dynamic_eroutes"), "dynamic"),
        instance(gauge("erouted_normal_eroutes_up"), "normal"),
      ]),
      graph("Expected and connected", "short", [
        instance(gauge("erouted_sites_expected"), "expected"),
        instance(gauge("erouted_sites_connected"), "connected"),
        instance(gauge("erouted_sites_never_seen"), "never seen"),
      ]),
      graph("Not connected", "short", [
        {
          expr: `sum by (instance, state) (erouted_sites_not_connected{${SELECT}})`,
          legend: "{{instance}} {{state}}",
        },
      ]),
      graph("Traffic", "Bps", [
        { expr: rate("erouted_esp_bytes_total", "direction"), legend: "{{direction}}" },
      ]),
    ],
  ],
  [
    "Handshakes",
    [
      graph("Sites connecting", "ops", [
        instance(rate("erouted_ike_sas_established_total"), "established"),
        instance(rate("erouted_ike_sas_closed_total"), "closed"),
        instance(rate("erouted_ike_sas_rekeyed_total"), "rekeyed"),
      ]),
      graph("Failed attempts by reason", "ops", [
        { expr: `${rate("erouted_attempts_failed_total", "reason")} > 0`, legend: "{{reason}}" },
      ]),
      graph("Half-open IKE SAs", "short", [instance(gauge("erouted_half_open_ike_sas"))]),
      graph("Floods", "ops", [
        instance(rate("erouted_cookies_sent_total"), "cookies"),
        instance(rate("erouted_half_open_refused_total"), "refused"),
        instance(rate("erouted_datagrams_rate_limited_total"), "not answered"),
        instance(rate("erouted_datagrams_malformed_total"), "malformed"),
      ]),
      graph("Calls", "ops", [
        instance(rate("erouted_calls_started_total"), "started"),
        instance(rate("erouted_calls_failed_total"), "failed"),
        instance(rate("erouted_acquires_total"), "acquires"),
      ]),
      graph("Messages repeated here", "ops", [instance(rate("erouted_retransmissions_total"))]),
    ],
  ],
  [
    "Database",
    [
      graph("Time of look-ups", "s", [quantile(0.5), quantile(0.99)]),
      graph("Look-ups", "ops", [
        { expr: rate("erouted_database_lookups_total", "egroup"), legend: "{{egroup}}" },
        { expr: rate("erouted_database_failures_total", "egroup"), legend: "{{egroup}} failed" },
      ]),
      graph("Look-ups waiting", "short", [
        {
          expr: `sum by (egroup) (erouted_database_lookups_waiting{${SELECT}})`,
          legend: "{{egroup}}",
        },
      ]),
      graph("Changed rows", "ops", [
        instance(rate("erouted_row_checks_total"), "read again"),
        instance(rate("erouted_row_changes_total"), "sites closed"),
      ]),
    ],
  ],
  [
    "Kernel and process",
    [
      graph("Child SAs", "short", [
        instance(gauge("erouted_child_sas"), "installed"),
        instance(gauge("erouted_draining_states"), "draining"),
      ]),
      graph("Refused by the kernel", "ops", [instance(rate("erouted_kernel_refusals_total"))]),
      graph("Event loop: longest delay", "s", [
        instance(gauge("erouted_event_loop_delay_max_seconds")),
      ]),
      graph("CPU", "percentunit", [instance(rate("process_cpu_seconds_total"))]),
      graph("Memory", "bytes", [instance(gauge("process_resident_memory_bytes"))]),
      graph("Evicted", "ops", [
        instance(rate("erouted_dynamic_eroutes_evicted_total"), "evicted"),
        instance(rate("erouted_dynamic_eroutes_refused_full_total"), "refused: full"),
      ]),
    ],
  ],
];

function stat(title: string, unit: string, queries: readonly Query[]): Panel {
  return { kind: "stat", title, unit, queries };
}

function graph(title: string, unit: string, queries: readonly Query[]): Panel {
  return { kind: "timeseries", title, unit, queries };
}

// Grafana's own variable.
// biome-ignore lint/suspicious/noTemplateCurlyInString: it is Grafana that fills it in
const DATASOURCE = { type: "prometheus", uid: "${datasource}" };
const WIDTH = 24;
const STAT = { w: 6, h: 4 };
const GRAPH = { w: 12, h: 8 };

/** The dashboard, as Grafana imports it. */
export function dashboard(): string {
  const panels: unknown[] = [];
  let y = 0;
  for (const [title, inRow] of ROWS) {
    panels.push({
      ...row(title),
      id: panels.length + 1,
      gridPos: { x: 0, y: y++, w: WIDTH, h: 1 },
    });
    let x = 0;
    let height = 0;
    for (const panel of inRow) {
      const { w, h } = panel.kind === "stat" ? STAT : GRAPH;
      if (x + w > WIDTH) {
        y += height;
        x = 0;
      }
      panels.push({ ...panelJson(panel), id: panels.length + 1, gridPos: { x, y, w, h } });
      x += w;
      height = h;
    }
    y += height;
  }
  return `${JSON.stringify({ ...HEAD, panels }, undefined, 2)}\n`;
}

function row(title: string) {
  return { type: "row", title, collapsed: false, panels: [] };
}

function panelJson({ kind, title, unit, queries }: Panel) {
  return {
    type: kind,
    title,
    datasource: DATASOURCE,
    fieldConfig: { defaults: { unit, min: 0 }, overrides: [] },
    options: kind === "stat" ? { reduceOptions: { calcs: ["lastNotNull"] } } : {},
    targets: queries.map(({ expr, legend }, i) => ({
      refId: String.fromCharCode(65 + i),
      datasource: DATASOURCE,
      expr,
      legendFormat: legend,
    })),
  };
}

function variable(name: string, query: string) {
  return {
    ...{ name, type: "query", datasource: DATASOURCE, query, refresh: 2 },
    ...{ includeAll: true, multi: true, allValue: ".*", current: { text: "All", value: "$__all" } },
  };
}

const HEAD = {
  title: "erouted",
  uid: "erouted",
  tags: ["ipsec"],
  schemaVersion: 39,
  editable: true,
  refresh: "30s",
  time: { from: "now-6h", to: "now" },
  templating: {
    list: [
      { name: "datasource", type: "datasource", query: "prometheus" },
      variable("job", "label_values(erouted_build_info, job)"),
      variable("instance", 'label_values(erouted_build_info{job=~"$job"}, instance)'),
    ],
  },
};

if (import.meta.main) await Bun.write(DASHBOARD_FILE, dashboard());
