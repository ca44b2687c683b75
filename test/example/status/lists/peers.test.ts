/** Rows of a table over HTTP: pages, states, and never a key. */

import { expect, test } from "bun:test";
import { createStatusApp } from "../../../../src/status/app.ts";
import { sampleSource } from "../sample.ts";

const settings = { token: undefined, host: "127.0.0.1" };
const app = createStatusApp(sampleSource({ sites: 3 }), settings);

type Body = { next: string | null; peers: { peer_id: string; state: string }[] };

async function peers(query: string): Promise<Body> {
  return (await (await app.request(`/api/v1/peers?${query}`)).json()) as Body;
}

test("pages of rows, each with the state of its site", async () => {
  const first = await peers("limit=3");
  expect(first.peers.map(({ peer_id, state }) => `${peer_id.split(".")[0]} ${state}`)).toEqual([
    "site-1 connected",
    "site-2 not connected",
    "site-3 connected",
  ]);
  const second = await peers(`limit=3&after_peer=${first.next}`);
  expect([second.peers.length, second.next]).toEqual([1, null]);
});

test("an unknown egroup gets the names of the known; a database fault is reported", async () => {
  const wrong = await app.request("/api/v1/peers?egroup=others");
  expect([wrong.status, await wrong.text()]).toEqual([
    400,
    expect.stringContaining("egroup must be one of sites, x"),
  ]);
  const broken = createStatusApp(sampleSource({ sites: 1, rowsFault: "db: no answer" }), settings);
  expect((await broken.request("/api/v1/peers")).status).toBe(503);
  const page = await broken.request("/status/ipsec/peers");
  expect([page.status, await page.text()]).toEqual([200, expect.stringContaining("db: no answer")]);
});

test("the page: states, a missing key, links to the next rows and to each site", async () => {
  const page = await (await app.request("/status/ipsec/peers?limit=2")).text();
  expect(page).toContain('href="/status/ipsec/peers/site-1.customer.example"');
  expect(page).toContain("after_peer=site-2.customer.example");
  const last = await (await app.request("/status/ipsec/peers")).text();
  expect(last).toMatch(/data-label="Key" class="bad">missing/);
});

test("rows are searched, also by state, in turns, whatever the table's length", async () => {
  const long = createStatusApp(sampleSource({ sites: 2_500 }), settings);
  const ask = async (query: string) => {
    return (await (await long.request(`/api/v1/peers?${query}`)).json()) as Body;
  };
  // The sample has a site that is not connected under another ID, and one without a tunnel.
  const down = await ask("peer_state=not+connected");
  expect(down.peers.map(({ peer_id }) => peer_id.split(".")[0])).toEqual(["site-2", "site-2501"]);
  expect(down.next).toBe(null);
  const found = await ask("q=SITE-249&limit=2");
  expect(found.peers.map(({ peer_id }) => peer_id.split(".")[0])).toEqual([
    "site-249",
    "site-2490",
  ]);
  const next = await ask(`q=SITE-249&limit=10&after_peer=${found.next}`);
  expect([next.peers.length, next.next]).toEqual([9, null]);
  expect((await ask("q=192.168.7.0")).peers.length).toBe(1);
  const page = await (await long.request("/status/ipsec/peers?q=249&limit=2")).text();
  expect(page).toContain("?egroup=sites&amp;q=249&amp;after_peer=");
  const none = await (await long.request("/status/ipsec/peers?q=nothing")).text();
  expect(none).toContain("No row matches.");
});
