/** How many sites a start has taken over from the run before: API, metrics, `erouted status`. */

import { expect, test } from "bun:test";
import { statusLines } from "../../../src/cli/show/status-lines.ts";
import { statusJson } from "../../../src/status/api/views.ts";
import { metricsText } from "../../../src/status/metrics/metrics.ts";
import { sampleSource } from "./sample.ts";

const TAKEN = {
  before: 10_000,
  now: 9_998,
  closed: new Map([["damaged", 2]]),
  summary: "taken over 9998 of 10000 from the run before, 2 closed: 2 damaged",
};
const NOT_CONNECTED = { failed: 0, ended: 0, disabled: 0, strangers: 0, childless: 0 };
const MOMENT = {
  notConnected: NOT_CONNECTED,
  versions: { 1: 0, 2: 1 },
  cpuSeconds: 1,
  residentOctets: 1,
  tokensWrong: 0,
  tokensLimited: 0,
  streamsRefused: 0,
};

test("the API, the metrics and `erouted status` say how many sites were taken over", () => {
  const source = sampleSource({ dataplane: "xfrm", sites: 1, takenOver: TAKEN });
  const json = statusJson(source, NOT_CONNECTED);
  expect(json.taken_over).toEqual({
    before: 10_000,
    now: 9_998,
    closed: { damaged: 2 },
    summary: TAKEN.summary,
  });
  const lines = statusLines(json, { width: 120, screen: undefined });
  expect(lines.some((line) => line.includes("restart") && line.endsWith(TAKEN.summary))).toBe(true);
  const metrics = metricsText(source, MOMENT);
  expect(metrics).toContain('erouted_sites_taken_over{state="kept"} 9998\n');
  expect(metrics).toContain('erouted_sites_taken_over{state="closed"} 2\n');
  expect(metrics).toContain("erouted_kept_bytes 4711\n");
});

test("a start with nothing to take over says nothing of it", () => {
  const source = sampleSource({ dataplane: "xfrm", sites: 1 });
  const json = statusJson(source, NOT_CONNECTED);
  expect(json.taken_over).toBeNull();
  expect(statusLines(json, { width: 120, screen: undefined }).join()).not.toContain("taken");
  expect(metricsText(source, MOMENT)).not.toContain("erouted_sites_taken_over{");
});
