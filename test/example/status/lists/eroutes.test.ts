/** Lists of eroutes: searched, filtered, sorted, in pages, without holding up the event loop. */

import { expect, test } from "bun:test";
import { createStatusApp } from "../../../../src/status/app.ts";
import { sortInTurns } from "../../../../src/status/lists/turns.ts";
import type { StatusSource } from "../../../../src/status/source.ts";
import { sampleSource } from "../sample.ts";

const settings = { token: undefined, host: "127.0.0.1" };
const app = createStatusApp(
  sampleSource({
    sites: 5,
    adapt: (view, n) => ({
      ...view,
      state: n === 3 ? "negotiating" : "established",
      baseEroute: n > 3 ? "lab" : "fleet",
    }),
  }),
  settings,
);

async function ids(query: string): Promise<string[]> {
  const answer = await app.request(`/api/v1/eroutes?${query}`);
  const body = (await answer.json()) as { total: number; eroutes: { peer_id: string }[] };
  return [`${body.total}:`, ...body.eroutes.map(({ peer_id }) => peer_id.replace(/\..*/, ""))];
}

test("search in ID, name, address and subnet; filters; both together", async () => {
  expect(await ids("q=SITE-5.cust")).toEqual(["1:", "site-5"]);
  expect(await ids("q=192.168.4.0")).toEqual(["1:", "site-4"]);
  expect(await ids("q=198.51.100.5")).toEqual(["1:", "site-5"]);
  expect(await ids("state=negotiating")).toEqual(["1:", "site-3"]);
  expect(await ids("eroute=lab")).toEqual(["2:", "site-4", "site-5"]);
  expect(await ids("eroute=lab&q=site-4&state=")).toEqual(["1:", "site-4"]);
  expect(await ids("q=nobody")).toEqual(["0:"]);
});

test("sorted both ways, by text and by the kernel's counters, page by page", async () => {
  expect(await ids("sort=-peer_id&limit=2")).toEqual(["5:", "site-5", "site-4"]);
  expect(await ids("sort=-peer_id&limit=2&offset=2")).toEqual(["5:", "site-3", "site-1"]);
  expect(await ids("sort=-bytes_in&limit=1")).toEqual(["5:", "site-5"]);
  expect(await ids("sort=bytes_in&limit=1")).toEqual(["5:", "site-1"]);
  expect((await ids("sort=state&limit=5")).at(-1)).toBe("site-3");
});

test("an invalid parameter gets a problem that says what is valid", async () => {
  for (const [query, words] of [
    ["sort=password", "sort must be one of peer_id, -peer_id"],
    ["state=up", "state must be one of negotiating, established, closing"],
    [`q=${"x".repeat(257)}`, "q must be text of at most 256 characters"],
    ["limit=0", "limit must be a whole number from 1 to 1000"],
  ]) {
    const answer = await app.request(`/api/v1/eroutes?${query}`);
    expect(answer.status).toBe(400);
    expect(((await answer.json()) as { detail: string }).detail).toContain(words ?? "");
  }
});

test("10,000 eroutes sorted: other work gets its turn meanwhile", async () => {
  const many = createStatusApp(sampleSource({ sites: 10_000 }), settings);
  let turns = 0;
  const timer = setInterval(() => turns++, 1);
  const answer = await many.request("/api/v1/eroutes?sort=-bytes_in&limit=1");
  clearInterval(timer);
  expect(((await answer.json()) as { total: number }).total).toBe(10_000);
  expect(turns).toBeGreaterThan(10);
});

test("the further pages of a list come from the walk that the first one has made", async () => {
  const plain = sampleSource({ sites: 250 });
  let walks = 0;
  let nowMs = 0;
  const source: StatusSource = {
    ...plain,
    wallMsNow: () => nowMs,
    snapshot() {
      const snapshot = plain.snapshot();
      const briefs: typeof snapshot.briefs = (kind) => {
        walks++;
        return snapshot.briefs(kind);
      };
      return { ...snapshot, briefs };
    },
  };
  const pages = createStatusApp(source, settings);
  const seen: string[] = [];
  const read = async (offset: number) => {
    const answer = await pages.request(`/api/v1/eroutes?q=192.168&limit=100&offset=${offset}`);
    const body = (await answer.json()) as { total: number; eroutes: { peer_id: string }[] };
    expect(body.total).toBe(250);
    seen.push(...body.eroutes.map(({ peer_id }) => peer_id));
  };
  for (const offset of [0, 100, 200]) await read(offset);
  expect(new Set(seen).size).toBe(250);
  expect(walks).toBe(1);
  await read(0);
  expect(walks).toBe(2);
  nowMs += 11_000;
  await read(100);
  expect(walks).toBe(3);
});

test("a long list is sorted in short turns, and equal entries keep their order", async () => {
  const values = Array.from({ length: 10_000 }, (_, n) => ({ key: (n * 7919) % 997, place: n }));
  let compared = 0;
  let longest = 0;
  let isOver = false;
  const watch = () => {
    longest = Math.max(longest, compared);
    compared = 0;
    if (!isOver) setImmediate(watch);
  };
  setImmediate(watch);
  const sorted = await sortInTurns(values, (a, b) => {
    compared++;
    return a.key - b.key;
  });
  isOver = true;
  expect(sorted).toEqual(values.toSorted((a, b) => a.key - b.key || a.place - b.place));
  expect(longest).toBeLessThan(12_000);
});

test("events of one site, of one level and above", async () => {
  const events = async (query: string) => {
    const answer = await app.request(`/api/v1/events?${query}`);
    return ((await answer.json()) as { events: { site: string | null }[] }).events;
  };
  const all = await events("");
  const [first] = all;
  const ofSite = await events(`site=${encodeURIComponent(first?.site ?? "")}`);
  expect(ofSite.every(({ site }) => site === first?.site)).toBe(true);
  expect(ofSite.length).toBeGreaterThan(0);
  expect(await events("level=error&site=nobody")).toEqual([]);
  expect((await app.request("/api/v1/events?level=loud")).status).toBe(400);
});
