/** Metrics of single sites: on request, of sites only, in a form that Prometheus reads. */

import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import parsePrometheus from "parse-prometheus-text-format";
import type { JournalEntry } from "../../../../src/concentrator/journal/journal.ts";
import { createStatusApp } from "../../../../src/status/app.ts";
import { SITE_METRICS } from "../../../../src/status/metrics/site-metrics.ts";
import { failures, HOSTILE_ID, STARTED_MS, sampleSource } from "../sample.ts";

const settings = { token: undefined, host: "127.0.0.1" };
const [WRONG_KEY, NO_ALGORITHMS] = failures() as [JournalEntry, JournalEntry];

async function read(source: ReturnType<typeof sampleSource>, path = "/metrics/sites") {
  const answer = await createStatusApp(source, settings).request(path);
  expect(answer.headers.get("content-type")).toContain("version=0.0.4");
  const text = await answer.text();
  const values = new Map<string, number>();
  for (const { name, metrics } of parsePrometheus(text)) {
    for (const { labels, value } of metrics) {
      const direction = labels?.direction === undefined ? "" : ` ${labels.direction}`;
      values.set(`${name} ${labels?.site}${direction}`, Number(value));
    }
  }
  return { text, values };
}

test("a site that is up, one that is not, and no stranger; each once", async () => {
  const stranger = {
    ...WRONG_KEY,
    peerId: "stranger",
    eroute: undefined,
    reason: "no-row",
  } as const;
  const entries = [
    WRONG_KEY,
    { ...WRONG_KEY, peerId: "SITE-1.customer.example" },
    stranger,
    NO_ALGORITHMS,
  ];
  const { text, values } = await read(sampleSource({ sites: 250, entries }));
  const [connected, since, bytes] = Object.values(SITE_METRICS).map(([name]) => name);
  expect(values.get(`${connected} site-1.customer.example`)).toBe(1);
  expect(values.get(`${connected} site-4711`)).toBe(0);
  expect(values.get(`${connected} ${HOSTILE_ID}`)).toBe(1);
  expect(values.get(`${since} site-1.customer.example`)).toBe(STARTED_MS / 1000 + 1);
  expect(values.get(`${bytes} site-3.customer.example in`)).toBe(3_000_000);
  expect(values.get(`${bytes} site-3.customer.example out`)).toBe(6_000);
  expect(text).not.toContain("stranger");
  expect(text).not.toContain("203.0.113.9");
  // 250 connected sites with four series each, and one that is not connected.
  expect(values.size).toBe(250 * 4 + 1);
  expect(text.split("\n").filter((line) => /^erouted/.test(line)).length).toBe(values.size);
});

test("an ID's own quotes and line feeds stay inside its label", async () => {
  const adapt = (view: Parameters<NonNullable<Parameters<typeof sampleSource>[0]["adapt"]>>[0]) => {
    return { ...view, peerId: 'a"\\\nb' };
  };
  const { text } = await read(sampleSource({ sites: 1, adapt }));
  expect(text).toContain('erouted_site_connected{site="a\\"\\\\\\nb"} 1\n');
});

test("without a kernel there are no counters; without a request, no sites", async () => {
  const none = await read(sampleSource({ sites: 2, dataplane: "none" }));
  expect([...none.values.keys()].filter((name) => name.includes("bytes"))).toEqual([]);
  const { text } = await read(sampleSource({ sites: 2 }), "/metrics");
  expect(text).not.toContain("site-1");
});

test("the documents name each of them, and how to request them", () => {
  const document = readFileSync("docs/metrics.md", "utf8");
  expect(document).toContain("metrics_path: /metrics/sites");
  for (const [name, , help] of Object.values(SITE_METRICS)) {
    expect(document).toContain(`\`${name}\``);
    expect(document).toContain(help);
  }
});
