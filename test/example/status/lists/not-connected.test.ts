/**
 * Sites that are not connected, as page and API: counted, searched, page by page, however much
 * happens.
 */

import { expect, test } from "bun:test";
import { createJournal } from "../../../../src/concentrator/journal/create-journal.ts";
import type { JournalEntry } from "../../../../src/concentrator/journal/journal.ts";
import type { Reason } from "../../../../src/reason/reason.ts";
import { ANSWERS } from "../../../../src/status/api/schemas.ts";
import { createStatusApp } from "../../../../src/status/app.ts";
import { fleetOf } from "../../../../src/status/fleet.ts";
import { countNotConnected } from "../../../../src/status/lists/not-connected.ts";
import { failures, HOSTILE_ID, sampleSource } from "../sample.ts";

const [WRONG_KEY, NO_ALGORITHMS] = failures() as [JournalEntry, JournalEntry];
const settings = { token: undefined, host: "127.0.0.1" };
const PAGE = "/status/ipsec/not-connected";

const failed = (peerId: string) => ({ ...WRONG_KEY, peerId, eroute: `fleet/${peerId}` });
const ENDED: JournalEntry = {
  ...failed("site-ended"),
  ...{ outcome: "note", step: "INFORMATIONAL", reason: "peer-silent", detail: "no answer" },
};

function appWith(entries: readonly JournalEntry[], changes = {}) {
  return createStatusApp(sampleSource({ sites: 3, entries, ...changes }), settings);
}

async function sites(app: ReturnType<typeof appWith>, query = "") {
  const answer = await app.request(`/api/v1/not-connected?${query}`);
  const read = ANSWERS.notConnected.parse(await answer.json());
  return { ...read, ids: read.sites.map(({ peer_id, remote }) => peer_id ?? remote) };
}

test("a site is in the list until it is connected, even if others fail in its name", async () => {
  const app = appWith([failed("site-9"), failed("site-1.customer.example"), ENDED, NO_ALGORITHMS]);
  const { ids, counts, total } = await sites(app);
  expect(ids).toEqual(["site-ended", "site-9", NO_ALGORITHMS.remote ?? null]);
  expect([total, counts]).toEqual([
    3,
    { failed: 1, ended: 1, disabled: 0, strangers: 1, childless: 0 },
  ]);
  const status = await (await app.request("/api/v1/status")).json();
  expect(ANSWERS.status.parse(status).not_connected).toEqual(counts);
  const metrics = await (await app.request("/metrics")).text();
  expect(metrics).toContain('erouted_sites_not_connected{state="failed"} 1\n');
  expect(metrics).toContain('erouted_sites_not_connected{state="ended"} 1\n');
});

test("thousands of others push no site out of the list", async () => {
  const journal = createJournal(1_000);
  const others = Array.from({ length: 5_000 }, (_, n) => {
    return { ...failed(`up-${n}`), outcome: "ok", reason: "child-sa-up" } as const;
  });
  const app = appWith([failed("site-9"), ...others], { journal });
  expect((await sites(app)).ids).toEqual(["site-9"]);
  const page = await (await app.request("/status/ipsec/dynamic-tunnels")).text();
  expect(page).toContain('href="/status/ipsec/peers/site-9"');
  expect(page).toContain("1 failed to connect");
});

test("searched, filtered, page by page; counts are of all", async () => {
  const many = Array.from({ length: 250 }, (_, n) => failed(`many-${n}`));
  const app = appWith([...many, ENDED, NO_ALGORITHMS]);
  expect((await sites(app, "last=ended")).ids).toEqual(["site-ended"]);
  const stranger = NO_ALGORITHMS.remote ?? null;
  expect((await sites(app, "offers=modp1024")).ids).toEqual([stranger]);
  expect((await sites(app, "offers=mlkem768")).ids).toEqual([]);
  expect((await sites(app, "who=strangers")).total).toBe(1);
  const found = await sites(app, "q=MANY-24&limit=5&offset=2");
  expect([found.total, found.ids[0], found.ids.length]).toEqual([11, "many-247", 5]);
  expect(found.counts).toEqual({ failed: 250, ended: 1, disabled: 0, strangers: 1, childless: 0 });
  expect((await sites(app, "q=no-proposal")).total).toBe(1);
  for (const query of ["last=never", "who=me", "limit=0"]) {
    expect((await app.request(`/api/v1/not-connected?${query}`)).status).toBe(400);
  }
});

test("the page: pages keep the query, strangers are links, a hostile ID is text", async () => {
  const many = Array.from({ length: 150 }, (_, n) => failed(`many-${n}`));
  const app = appWith([NO_ALGORITHMS, failed(HOSTILE_ID), ...many]);
  const text = async (query: string) => (await app.request(`${PAGE}?${query}`)).text();
  expect(await text("q=many")).toContain('href="?q=many&amp;page=2"');
  const second = await text("q=many&page=2");
  expect(second).toContain("many-49<");
  expect(second).not.toContain("many-50<");
  expect(await text("page=9")).toContain("There is no page 9.");
  expect(await text("q=nobody")).toContain("No site matches.");
  const strangers = await text("who=strangers");
  const host = NO_ALGORITHMS.remote?.replace(/:\d+$/, "") ?? "";
  expect(strangers).toContain(`href="/status/ipsec/peers/${host}"`);
  expect(strangers).toContain("MODP_1024");
  expect(await text("")).not.toContain(HOSTILE_ID);
  const nobody = await (await appWith([]).request(PAGE)).text();
  expect(nobody).toContain("None: every site that called is connected.");
});

test("a site refused for the database is listed; disabled ones are counted apart", async () => {
  const of = (peerId: string, reason: Reason) => ({ ...failed(peerId), reason, eroute: undefined });
  const app = appWith([
    of("site-8", "database-unreachable"),
    of("site-9", "row-disabled"),
    of("nobody", "no-row"),
  ]);
  const { counts, ids } = await sites(app, "who=sites");
  expect(counts).toEqual({ failed: 1, ended: 0, disabled: 1, strangers: 1, childless: 0 });
  expect(ids.sort()).toEqual(["site-8", "site-9"]);
  const metrics = await (await app.request("/metrics")).text();
  expect(metrics).toContain("erouted_sites_disabled_calling 1\n");
  expect(metrics).toContain('erouted_sites_not_connected{state="failed"} 1\n');
});

test("a site with an IKE SA and no Child SA is not connected, in no count", async () => {
  const id = "site-1.customer.example";
  const expected = new Map([["sites", { rows: 10, disabled: 0 }]]);
  const source = sampleSource({ sites: 3, entries: [failed(id)], expected });
  const snapshot = () => ({
    ...source.snapshot(),
    isConnected: (peerId: string) => peerId !== id,
  });
  const counts = await countNotConnected({ ...source, snapshot });
  expect(counts).toEqual({ failed: 1, ended: 0, disabled: 0, strangers: 0, childless: 1 });
  expect(fleetOf({ ...source, snapshot }, counts)).toMatchObject({
    connected: 2,
    seen: 1,
    neverSeen: 7,
  });
});

test("expected against connected: in the status, the metrics and on the page", async () => {
  const expected = new Map([["sites", { rows: 10_000, disabled: 7 }]]);
  const app = appWith([failed("site-9"), ENDED], { expected });
  const status = ANSWERS.status.parse(await (await app.request("/api/v1/status")).json());
  expect(status.sites).toMatchObject({ expected: 9_993, seen: 2, disabled: 7 });
  const { connected = 0, never_seen: neverSeen = 0 } = status.sites ?? {};
  expect(connected + 2 + neverSeen).toBe(9_993);
  const text = `connected ${connected} of 9,993 sites; 9,98`;
  expect(status.sites?.summary).toStartWith(text);
  const metrics = await (await app.request("/metrics")).text();
  expect(metrics).toContain("erouted_sites_expected 9993\n");
  expect(metrics).toContain(`erouted_sites_never_seen ${neverSeen}\n`);
  expect(await (await app.request(PAGE)).text()).toContain(text);
  const uncounted = await (await appWith([]).request("/api/v1/status")).json();
  expect(ANSWERS.status.parse(uncounted).sites).toBeNull();
});
