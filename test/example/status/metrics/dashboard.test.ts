/** The dashboard and the alert rules use only metrics and labels that exist. */

import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import parsePrometheus from "parse-prometheus-text-format";
import { DASHBOARD_FILE, dashboard } from "../../../../build/dashboard.ts";
import { METRICS_FILE, metricsReference } from "../../../../build/metrics-reference.ts";
import { createStatusApp } from "../../../../src/status/app.ts";
import { sampleSource } from "../sample.ts";

const expected = new Map([["sites", { rows: 3, disabled: 0 }]]);
const source = sampleSource({ sites: 3, expected });
const app = createStatusApp(source, { token: undefined, host: "127.0.0.1" });
const METRICS = await (await app.request("/metrics")).text();

/** All names that a query can use, with the labels of each; Prometheus adds two. */
function known(): ReadonlyMap<string, ReadonlySet<string>> {
  const labels = new Map<string, Set<string>>();
  for (const line of METRICS.split("\n")) {
    const [, name, inside = ""] = /^([a-z0-9_]+)(?:\{(.*)\})? /.exec(line) ?? [];
    if (name === undefined) continue;
    const set = labels.get(name) ?? new Set(["job", "instance"]);
    for (const [, label] of inside.matchAll(/([a-z_]+)="/g)) if (label) set.add(label);
    labels.set(name, set);
  }
  return labels.set("up", new Set(["job", "instance"]));
}

/** Metrics in a query, each with the labels that it is selected or summed by. */
function askedFor(query: string): [name: string, labels: string[]][] {
  const by = [...query.matchAll(/\bby \(([^)]*)\)/g)].flatMap(([, list = ""]) => list.split(/, */));
  const bare = query.replaceAll(/\bby \([^)]*\)/g, "").replaceAll(/"[^"]*"/g, '""');
  const names = [...bare.matchAll(/\b((?:erouted|process)_[a-z0-9_]+|up)\b(?:\{([^}]*)\})?/g)];
  return names.map(([, name = "", inside = ""]) => [
    name,
    [...by, ...[...inside.matchAll(/([a-z_]+)[=!]/g)].map(([, label = ""]) => label)],
  ]);
}

const METRICS_AND_LABELS = known();

function strange(query: string): string[] {
  return askedFor(query).flatMap(([name, labels]) => {
    const has = METRICS_AND_LABELS.get(name);
    if (has === undefined) return [name];
    return labels.filter((label) => !has.has(label)).map((label) => `${name}{${label}}`);
  });
}

type Json = { [key: string]: unknown };

test("the check finds a query with a metric or label that does not exist", () => {
  expect(strange("rate(erouted_nothing_total[5m])")).toEqual(["erouted_nothing_total"]);
  expect(strange("sum by (site) (erouted_problems)")).toEqual(["erouted_problems{site}"]);
  expect(strange('up{job="erouted"} == 0')).toEqual([]);
});

test("each query of the dashboard; the file is what the build writes", async () => {
  const text = readFileSync(DASHBOARD_FILE, "utf8");
  expect(text).toBe(dashboard());
  const { panels } = JSON.parse(text) as { panels: { targets?: { expr: string }[] }[] };
  const queries = panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));
  expect(queries.length).toBeGreaterThan(20);
  expect(queries.flatMap(strange)).toEqual([]);
});

test("no panel covers another one", () => {
  const { panels } = JSON.parse(dashboard()) as {
    panels: { gridPos: { x: number; y: number; w: number; h: number } }[];
  };
  const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
    Array.from({ length: w * h }, (_, i) => `${x + (i % w)} ${y + Math.floor(i / w)}`),
  );
  expect(new Set(cells).size).toBe(cells.length);
  expect(panels.every(({ gridPos: { x, w } }) => x + w <= 24)).toBe(true);
});

test("each alert rule has a query of existing metrics, a severity, and words", () => {
  const file = Bun.YAML.parse(readFileSync("docs/alerts.yaml", "utf8")) as {
    groups: { name: string; rules: Json[] }[];
  };
  const rules = file.groups.flatMap((group) => group.rules);
  expect(rules.length).toBeGreaterThan(8);
  expect(new Set(rules.map(({ alert }) => alert)).size).toBe(rules.length);
  for (const { alert, expr, labels, annotations, ...others } of rules) {
    expect([alert, strange(String(expr))]).toEqual([alert, []]);
    expect(askedFor(String(expr)).length).toBeGreaterThan(0);
    expect(["warning", "critical"]).toContain(String((labels as Json).severity));
    expect(Object.keys(annotations as Json).sort()).toEqual(["description", "summary"]);
    expect(Object.keys(others).filter((key) => key !== "for")).toEqual([]);
  }
});

test("docs/metrics.md is what the build makes from the code, and has each metric", () => {
  const text = readFileSync(METRICS_FILE, "utf8");
  expect(text).toBe(metricsReference());
  for (const { name } of parsePrometheus(METRICS)) expect(text).toContain(`| \`${name}\` |`);
});
