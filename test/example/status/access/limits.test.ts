/** What the status server refuses, and how it keeps long answers from holding others up. */

import { describe, expect, test } from "bun:test";
import type { ErouteView } from "../../../../src/concentrator/snapshot.ts";
import { asInstant } from "../../../../src/octets/instant.ts";
import { formatOctets } from "../../../../src/octets/octet-amount.ts";
import { createStatusApp } from "../../../../src/status/app.ts";
import { inTurns } from "../../../../src/status/lists/turns.ts";
import { formatCount } from "../../../../src/status/pages/number-text.ts";
import { sampleSource } from "../sample.ts";

const OPEN = { token: undefined, host: "127.0.0.1" };
const TUNNELS = "/status/ipsec/dynamic-tunnels";
const app = createStatusApp(sampleSource({ sites: 3 }), OPEN);

async function problemOf(answer: Response | Promise<Response>) {
  const { status, headers } = await answer;
  expect(headers.get("content-type")).toBe("application/problem+json");
  const body = (await (await answer).json()) as Record<string, unknown>;
  expect(Object.keys(body)).toEqual(["type", "title", "status", "detail"]);
  expect(body.status).toBe(status);
  return { status, detail: String(body.detail) };
}

describe("requests that are too large", () => {
  test("a body, long headers, a long address: each has its status and the limit", async () => {
    const body = "x".repeat(5_000);
    const headers = { "content-length": String(body.length) };
    const large = app.request("/healthz", { method: "POST", headers, body });
    expect(await problemOf(large)).toMatchObject({ status: 413 });
    const long = app.request("/healthz", { headers: { "x-long": "x".repeat(9_000) } });
    expect(await problemOf(long)).toMatchObject({ status: 431 });
    const address = await problemOf(app.request(`/${"x".repeat(3_000)}`));
    expect(address).toMatchObject({ status: 414 });
    expect(address.detail.length).toBeLessThan(100);
  });

  test("a small body is no reason to refuse", async () => {
    const headers = { "content-length": "2" };
    expect((await app.request("/healthz", { headers })).status).toBe(200);
  });
});

describe("access", () => {
  test("on an address that others can reach, only health is shown without a token", async () => {
    const exposed = createStatusApp(sampleSource({ sites: 1 }), {
      token: undefined,
      host: "192.0.2.1",
    });
    for (const path of ["/api/v1/status", "/metrics", TUNNELS, "/"]) {
      expect((await exposed.request(path)).status).toBe(403);
    }
    expect((await exposed.request("/healthz")).status).toBe(200);
  });

  test("loopback is more than 127.0.0.1", async () => {
    for (const host of ["127.0.0.2", "::1", "localhost"]) {
      const near = createStatusApp(sampleSource({ sites: 1 }), { token: undefined, host });
      expect((await near.request("/api/v1/status")).status).toBe(200);
    }
  });

  test("health too is refused under another name (DNS rebinding)", async () => {
    const ill = createStatusApp(sampleSource({ sites: 0, problems: ["db.example"] }), OPEN);
    const rebound = { headers: { host: "evil.example" } };
    expect((await ill.request("/healthz", rebound)).status).toBe(421);
  });

  test("Bearer is known in any case, other schemes are not (RFC 9110 §11.1)", async () => {
    const closed = createStatusApp(sampleSource({ sites: 1 }), { token: "t0ken", host: "::" });
    const ask = async (authorization: string) =>
      (await closed.request("/metrics", { headers: { authorization } })).status;
    expect([await ask("bearer t0ken"), await ask("Bearer t0ken")]).toEqual([200, 200]);
    expect([await ask("Basic t0ken"), await ask("Bearer t0ken x")]).toEqual([401, 401]);
    expect([await ask("Bearer t0ke"), await ask("Bearer "), await ask("")]).toEqual([
      401, 401, 401,
    ]);
  });

  test("OPTIONS and the like are refused; Allow says what is possible", async () => {
    for (const path of ["/api/v1/status", "/api/v1/status/", TUNNELS, "/"]) {
      for (const method of ["OPTIONS", "PUT", "DELETE", "PATCH"]) {
        const answer = app.request(path, { method });
        expect((await problemOf(answer)).status).toBe(405);
        expect((await answer).headers.get("allow")).toBe("GET, HEAD");
      }
    }
  });
});

describe("a bug in the server", () => {
  test("is reported to the daemon, and not shown in the answer", async () => {
    const faults: unknown[] = [];
    const source = {
      ...sampleSource({ sites: 1 }),
      problems: () => {
        throw new Error("inner matter");
      },
    };
    const broken = createStatusApp(source, { ...OPEN, onBug: (fault) => faults.push(fault) });
    const { status, detail } = await problemOf(broken.request("/api/v1/status"));
    expect(status).toBe(500);
    expect(detail).not.toContain("inner matter");
    expect(faults).toEqual([new Error("inner matter")]);
  });
});

describe("eroutes", () => {
  const normal = (view: ErouteView, n: number): ErouteView =>
    n === 2 ? { ...view, kind: "normal", name: "lab", baseEroute: "lab", peerId: "lab-gw" } : view;
  const mixed = createStatusApp(sampleSource({ sites: 3, adapt: normal }), OPEN);

  test("dynamic ones have their own list and page; all together have another", async () => {
    const kinds = async (path: string, key: string) => {
      const body = (await (await mixed.request(path)).json()) as Record<string, unknown>;
      const rows = body[key] as { kind: string }[];
      return { total: body.total, kinds: rows.map(({ kind }) => kind) };
    };
    expect(await kinds("/api/v1/dynamic-eroutes", "dynamic_eroutes")).toEqual({
      total: 2,
      kinds: ["dynamic", "dynamic"],
    });
    expect(await kinds("/api/v1/eroutes", "eroutes")).toEqual({
      total: 3,
      kinds: ["dynamic", "normal", "dynamic"],
    });
    expect(await (await mixed.request(TUNNELS)).text()).not.toContain("lab-gw");
  });

  test("while an IKE SA is rekeyed, the newest is shown, whatever the order", async () => {
    const rekeyed = (view: ErouteView): ErouteView => {
      const [sa] = view.ikeSas;
      if (sa === undefined) return view;
      const newer = { ...sa, spiI: "00000000000000cc", establishedAt: asInstant(9_000) };
      return { ...view, ikeSas: [newer, sa] };
    };
    const one = createStatusApp(sampleSource({ sites: 1, adapt: rekeyed }), OPEN);
    const body = await (await one.request("/api/v1/dynamic-eroutes")).text();
    expect(body).toContain("00000000000000cc");
    expect(body).not.toContain("00000000000000aa");
    expect(await (await one.request(TUNNELS)).text()).toContain("being rekeyed");
  });

  test("a page that does not exist says so, and links to the last one", async () => {
    const page = await (await app.request(`${TUNNELS}?page=7`)).text();
    expect(page).toContain("There is no page 7.");
    expect(page).toContain('href="?page=1"');
    expect(page).not.toContain("No site is connected");
  });

  test("without a kernel the counters are null, and the page shows SPIs alone", async () => {
    const none = createStatusApp(sampleSource({ sites: 1, dataplane: "none" }), OPEN);
    const body = await (await none.request("/api/v1/dynamic-eroutes")).text();
    expect(body).toContain('"bytes_in":null,"packets_in":null,"bytes_out":null');
    const page = await (await none.request(TUNNELS)).text();
    expect(page).toContain("0xc0000001");
    expect(page).not.toContain("pkts");
  });
});

describe("long lists", () => {
  test("other work gets its turn after every portion, and the order stays", async () => {
    let turns = 0;
    let isDone = false;
    const count = () => {
      turns++;
      if (!isDone) setImmediate(count);
    };
    setImmediate(count);
    const values = Array.from({ length: 100 }, (_, i) => i);
    expect(await inTurns(values, 10, (value) => value * 2)).toEqual(values.map((i) => i * 2));
    isDone = true;
    expect(turns).toBeGreaterThanOrEqual(9);
  });

  test("10,000 sites: other requests are served during the largest answer", async () => {
    const many = createStatusApp(sampleSource({ sites: 10_000 }), OPEN);
    for (const path of ["/api/v1/dynamic-eroutes?limit=1000&offset=9000", `${TUNNELS}?page=100`]) {
      let turns = 0;
      let isDone = false;
      const count = () => {
        turns++;
        if (!isDone) setImmediate(count);
      };
      setImmediate(count);
      const answer = await many.request(path);
      expect(await answer.text()).toContain("site-10000.customer.example");
      isDone = true;
      expect(turns).toBeGreaterThanOrEqual(4);
    }
  });
});

test("sizes are short, and counts have grouped digits", () => {
  const sizes = [0n, 999n, 1000n, 1_500n, 20_000_000n, 999_960n, 999_999_999n, 10n ** 18n];
  expect(sizes.map(formatOctets)).toEqual([
    "0 B",
    "999 B",
    "1.0 kB",
    "1.5 kB",
    "20 MB",
    "1.0 MB",
    "1.0 GB",
    "1000 PB",
  ]);
  expect([0, 999, 1000, 1_234_567n].map(formatCount)).toEqual(["0", "999", "1,000", "1,234,567"]);
});
