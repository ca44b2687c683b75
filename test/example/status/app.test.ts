/** The status server without sockets: what it answers, and to whom. */

import { describe, expect, test } from "bun:test";
import parsePrometheus from "parse-prometheus-text-format";
import type { ErouteView } from "../../../src/concentrator/snapshot.ts";
import { COUNTER_NAMES } from "../../../src/concentrator/snapshot.ts";
import { ANSWERS } from "../../../src/status/api/schemas.ts";
import { createStatusApp } from "../../../src/status/app.ts";
import { failures, HOSTILE_ID, sampleSource } from "./sample.ts";

const open = { token: undefined, host: "127.0.0.1" };
const app = createStatusApp(sampleSource({ sites: 3 }), open);

async function json(path: string): Promise<Record<string, unknown>> {
  const answer = await app.request(path);
  expect(answer.status).toBe(200);
  return (await answer.json()) as Record<string, unknown>;
}

describe("the API", () => {
  test("R8: a dynamic eroute with its peer ID, SPIs, algorithms, kernel counters", async () => {
    const body = await json("/api/v1/dynamic-eroutes");
    expect(body).toMatchObject({ dataplane: "xfrm", total: 3, limit: 200, offset: 0 });
    const [first] = body.dynamic_eroutes as Record<string, unknown>[];
    expect(first).toEqual({
      name: "fleet/site-1",
      kind: "dynamic",
      base_eroute: "fleet",
      peer_id: "site-1.customer.example",
      remote_subnet: "192.168.1.0/24",
      remote_subnets: ["192.168.1.0/24"],
      local_subnets: ["10.0.0.0/16"],
      peer_address: "198.51.100.1",
      state: "established",
      created_at: "2026-01-05T08:00:01.000Z",
      certificate: null,
      ike_sa: {
        spi_i: "00000000000000aa",
        spi_r: "00000000000000bb",
        role: "responder",
        version: 2,
        algorithms: "AES_GCM_16_256/PRF_HMAC_SHA2_256/X25519",
        key_exchange: "X25519",
        post_quantum: false,
        local_endpoint: "192.0.2.1:4500",
        remote_endpoint: "198.51.100.1:4500",
        nat: "none",
        ppk: false,
        downgrade_prevention: true,
        established_at: "2026-01-05T08:00:01.000Z",
        redirectable: true,
      },
      child_sas: [
        {
          spi_in: "0xc0000001",
          spi_out: "0xd0000001",
          algorithms: "AES_GCM_16_256",
          mode: "tunnel",
          udp_encapsulation: false,
          local_subnets: ["10.0.0.0/16"],
          remote_subnets: ["192.168.1.0/24"],
          installed_at: "2026-01-05T08:00:01.000Z",
          bytes_in: 1_000_000,
          packets_in: 1000,
          bytes_out: 2000,
          packets_out: 20,
        },
      ],
    });
  });

  test("paging by limit and offset; a problem names the range for anything else", async () => {
    const body = await json("/api/v1/dynamic-eroutes?limit=1&offset=2");
    const rows = body.dynamic_eroutes as { peer_id: string }[];
    expect(rows.map((row) => row.peer_id)).toEqual(["site-3.customer.example"]);
    for (const bad of ["limit=0", "limit=1001", "limit=x", "offset=-1", "limit=1e3"]) {
      const answer = await app.request(`/api/v1/dynamic-eroutes?${bad}`);
      expect(answer.status).toBe(400);
      expect(answer.headers.get("content-type")).toBe("application/problem+json");
      const problem = (await answer.json()) as { detail: string; status: number };
      expect(problem.status).toBe(400);
      expect(problem.detail).toContain(bad.split("=")[0] ?? "");
    }
  });

  test("a site with only an IKE SA is not connected: no packet passes", async () => {
    const adapt = (view: ErouteView, n: number) => (n === 1 ? { ...view, childSas: [] } : view);
    const bare = createStatusApp(sampleSource({ sites: 3, adapt }), open);
    const isConnected = async (n: number) => {
      const answer = await bare.request(`/api/v1/peers/site-${n}.customer.example`);
      return ANSWERS.peer.parse(await answer.json()).connected;
    };
    expect([await isConnected(1), await isConnected(3)]).toEqual([false, true]);
    const page = await (await bare.request("/status/ipsec/dynamic-tunnels")).text();
    expect(page.match(/no Child SA/g)?.length).toBe(1);
  });

  test("states that drain after a rekey are listed: the kernel has them too", async () => {
    expect(await json("/api/v1/draining-states")).toEqual({
      total: 1,
      draining_states: [
        { spi: "0xc0ffee01", destination: "192.0.2.1", ends_at: "2026-01-05T08:00:05.000Z" },
      ],
    });
  });

  test("events carry site, step, outcome, reason, both sides of a proposal", async () => {
    const { events } = (await json("/api/v1/events")) as { events: Record<string, unknown>[] };
    expect(events[0]).toMatchObject({
      site: "site-4711",
      step: "IKE_AUTH",
      outcome: "failed",
      reason: "wrong-psk",
    });
    expect(events[1]).toMatchObject({
      site: null,
      offered: [expect.stringContaining("MODP_1024")],
    });
    const later = (await json("/api/v1/events?after=1")) as { events: unknown[] };
    expect(later.events.length).toBe(1);
  });

  test("the page of events goes back to the oldest", async () => {
    const [failure] = failures();
    if (failure === undefined) throw new Error("no failure");
    const entries = Array.from({ length: 450 }, () => failure);
    const many = createStatusApp(sampleSource({ sites: 1, entries }), open);
    const page = async (query: string) => (await many.request(`/status/events${query}`)).text();
    const latest = await page("?site=site-4711&level=info");
    expect(latest).toContain("The latest 200");
    expect(latest).toContain('href="?site=site-4711&amp;level=info&amp;before=251"');
    const oldest = await page("?before=51");
    expect(oldest).toContain("50 older events");
    expect(oldest).toContain('href="?">Latest');
    expect(oldest).not.toContain(">Older<");
    const { events } = ANSWERS.events.parse(
      await (await many.request("/api/v1/events?before=51&limit=2")).json(),
    );
    expect(events.map(({ sequence }) => sequence)).toEqual([49, 50]);
  });

  test("without a data plane every place that shows status says so", async () => {
    const none = createStatusApp(sampleSource({ sites: 1, dataplane: "none" }), open);
    for (const path of ["/api/v1/status", "/api/v1/dynamic-eroutes"]) {
      const body = (await (await none.request(path)).json()) as Record<string, unknown>;
      expect(body.dataplane).toBe("none");
      expect(body.dataplane_note).toContain("no packet");
    }
    const page = await (await none.request("/status/ipsec/dynamic-tunnels")).text();
    expect(page).toContain("No packets are carried");
    const metrics = await (await none.request("/metrics")).text();
    expect(metrics).toContain('dataplane="none"');
  });

  test("health: 200, or 503 with the problems", async () => {
    expect(await json("/healthz")).toEqual({ status: "ok" });
    const ill = createStatusApp(sampleSource({ sites: 0, problems: ["database down"] }), open);
    const answer = await ill.request("/healthz");
    expect(answer.status).toBe(503);
    expect(await answer.json()).toEqual({ status: "degraded", problems: ["database down"] });
  });
});

describe("access", () => {
  const closed = createStatusApp(sampleSource({ sites: 1, problems: ["secret place"] }), {
    token: "s3cret",
    host: "192.0.2.1",
  });

  test("if a token is configured, only health is shown without it", async () => {
    for (const path of ["/api/v1/status", "/metrics", "/status/ipsec/dynamic-tunnels", "/x"]) {
      const answer = await closed.request(path);
      expect(answer.status).toBe(401);
      expect(answer.headers.get("www-authenticate")).toBe("Bearer");
      const wrong = await closed.request(path, { headers: { authorization: "Bearer s3cres" } });
      expect(wrong.status).toBe(401);
    }
    expect(await (await closed.request("/healthz")).json()).toEqual({ status: "degraded" });
    const headers = { authorization: "Bearer s3cret" };
    expect((await closed.request("/api/v1/status", { headers })).status).toBe(200);
  });

  test("without a token another site's name in Host is refused (DNS rebinding)", async () => {
    const rebound = { headers: { host: "evil.example:8080" } };
    expect((await app.request("/api/v1/status", rebound)).status).toBe(421);
    for (const host of ["localhost:8080", "127.0.0.1:8080", "[::1]:8080"]) {
      expect((await app.request("/api/v1/status", { headers: { host } })).status).toBe(200);
    }
  });

  test("unknown paths and methods are problems; nothing can be changed", async () => {
    expect((await app.request("/api/v1/nothing")).status).toBe(404);
    const post = await app.request("/api/v1/dynamic-eroutes", { method: "POST" });
    expect(post.status).toBe(405);
    expect(post.headers.get("allow")).toBe("GET, HEAD");
    const head = await app.request("/api/v1/status", { method: "HEAD" });
    expect({ status: head.status, body: await head.text() }).toEqual({ status: 200, body: "" });
  });

  test("browsers are told to load nothing from elsewhere, and to store nothing", async () => {
    const answer = await app.request("/status/ipsec/dynamic-tunnels");
    expect(answer.headers.get("content-security-policy")).toContain("default-src 'none'");
    expect(answer.headers.get("cache-control")).toBe("no-store");
    expect(answer.headers.get("x-content-type-options")).toBe("nosniff");
  });
});

describe("the page", () => {
  test("R8: lists base eroute and remote peer ID; a hostile peer ID stays text", async () => {
    const page = await (await app.request("/status/ipsec/dynamic-tunnels")).text();
    expect(page).toContain("fleet");
    expect(page).toContain("site-1.customer.example");
    expect(page).not.toContain(HOSTILE_ID);
    expect(page).toContain("&lt;script&gt;");
    expect(page).not.toMatch(/https?:\/\//);
  });

  test("10,000 sites: a hundred on a page, with a link to the next", async () => {
    const many = createStatusApp(sampleSource({ sites: 10_000 }), open);
    const page = await (await many.request("/status/ipsec/dynamic-tunnels?page=2")).text();
    expect(page.match(/<tr>/g)?.length).toBeLessThan(110);
    expect(page).toContain("Page 2 of 100");
    expect(page).toContain('href="?page=3"');
  });
});

describe("metrics", () => {
  test("parse with a Prometheus parser; each has help, type, and a name once", async () => {
    const text = await (await app.request("/metrics")).text();
    const metrics = parsePrometheus(text);
    const names = metrics.map((metric) => metric.name);
    expect(new Set(names).size).toBe(names.length);
    for (const metric of metrics) {
      expect(metric.help).not.toBe("");
      expect(["COUNTER", "GAUGE", "HISTOGRAM"]).toContain(metric.type);
    }
    for (const counter of COUNTER_NAMES) expect(names).toContain(`erouted_${counter}_total`);
  });

  test("the sites of each version of IKE are counted", async () => {
    const text = await (await app.request("/metrics")).text();
    expect(text).toContain('erouted_sites{ike_version="1"} 1\n');
    expect(text).toMatch(/^erouted_sites\{ike_version="2"\} \d+$/m);
  });

  test("the histogram of look-ups is cumulative and ends with all of them", async () => {
    const text = await (await app.request("/metrics")).text();
    const line = (of: string) => Number(new RegExp(`^${of} (\\S+)$`, "m").exec(text)?.[1]);
    const bucket = (le: string) =>
      line(`erouted_database_lookup_seconds_bucket\\{egroup="sites",le="${le}"\\}`);
    expect([bucket("0.001"), bucket("0.1"), bucket("\\+Inf")]).toEqual([4, 6, 7]);
    expect(line('erouted_database_lookup_seconds_count\\{egroup="sites"\\}')).toBe(7);
  });
});
