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

test("filtered by algorithms of IKE SAs and Child SAs; without SAs neither way", async () => {
  const hybrid = createStatusApp(
    sampleSource({
      sites: 4,
      adapt(view) {
        if (view.peerId.startsWith("site-4")) return { ...view, ikeSas: [], childSas: [] };
        const algorithms = "AES_GCM_16_256/PRF_HMAC_SHA2_256/X25519/ML_KEM_768";
        return view.peerId.startsWith("site-3")
          ? { ...view, ikeSas: view.ikeSas.map((sa) => ({ ...sa, algorithms })) }
          : view;
      },
    }),
    settings,
  );
  const filtered = async (query: string) => {
    const body = (await (await hybrid.request(`/api/v1/eroutes?${query}`)).json()) as {
      eroutes: { peer_id: string; ike_sa: { key_exchange: string; post_quantum: boolean } }[];
    };
    return body.eroutes.map(({ peer_id, ike_sa: { key_exchange, post_quantum } }) =>
      [peer_id.replace(/\..*/, ""), key_exchange, post_quantum].join(" "),
    );
  };
  expect(await filtered("with=mlkem768")).toEqual(["site-3 X25519+ML_KEM_768 true"]);
  expect((await filtered("without=mlkem768")).at(0)).toBe("site-1 X25519 false");
  expect(await filtered("without=mlkem768")).toHaveLength(2);
  expect(await filtered("with=aes256gcm16&without=pq")).toHaveLength(2);
  const all = await filtered("with=x25519");
  const protectedOnes = await filtered("with=downgrade-prevention");
  expect(protectedOnes).toContain("site-1 X25519 false");
  expect(protectedOnes.length).toBeLessThan(all.length);
  expect(await filtered("without=downgrade-prevention")).toEqual(await filtered("with=ppk"));
  const page = await (await hybrid.request("/status/ipsec/eroutes?without=mlkem768")).text();
  expect(page).toContain('name="without" value="mlkem768"');
  expect(page).toContain("<bdi>site-1");
  expect(page).not.toContain("<bdi>site-3");
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
    ["without=bogus", "without must be an algorithm"],
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
  let isOver = false;
  const count = () => {
    turns++;
    if (!isOver) setImmediate(count);
  };
  setImmediate(count);
  const answer = await many.request("/api/v1/eroutes?sort=-bytes_in&limit=1");
  isOver = true;
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
