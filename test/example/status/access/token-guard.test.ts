/** Guessing of tokens, pages of other origins, places of event streams: against the real server. */

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import type { Hono } from "hono";
import { ok } from "../../../../src/octets/result.ts";
import { createStreamPlaces, type Follower } from "../../../../src/status/access/stream-places.ts";
import { createStatusApp } from "../../../../src/status/app.ts";
import type { Control } from "../../../../src/status/control.ts";
import type { StatusBindings } from "../../../../src/status/request.ts";
import { type StatusServer, serveStatus } from "../../../../src/status/server.ts";
import { sampleSource } from "../sample.ts";

const READ = "token-for-reading-1234567890";
const OPERATE = "token-for-operating-1234567890";
const STRANGER = { remote: "192.0.2.7:1234" };
const OPERATOR = { remote: "198.51.100.1:1234" };

let denied: string[];
let app: Hono<StatusBindings>;
let server: StatusServer | undefined;

beforeEach(() => {
  denied = [];
  app = appWith(READ);
});
afterEach(async () => {
  await server?.stop();
  server = undefined;
});

function appWith(token: string | undefined): Hono<StatusBindings> {
  const done = () => ({ ok: true, value: { outcome: "set", after: 0, detail: "" } }) as const;
  const control: Control = {
    token: OPERATE,
    ...{ connect: done, disconnect: done, rekey: done, redirect: done },
    redirectAll: () => Promise.resolve(done()),
    ...{ stopRedirects: done, debug: done, debugged: () => [], logLevel: done },
    ...{ reloadPeer: done, reload: () => Promise.resolve(done()) },
    capture: () => ok(new Response("pcapng").body ?? new ReadableStream()),
    onDenied: (what, remote) => void denied.push(`${what} ${remote}`),
    now: () => 0 as ReturnType<Control["now"]>,
  };
  const host = token === undefined ? "127.0.0.1" : "0.0.0.0";
  return createStatusApp(
    sampleSource({ sites: 1 }),
    { token, operateToken: OPERATE, host },
    control,
  );
}

type From = { readonly remote: string };
const bearer = (token: string) => ({ headers: { authorization: `Bearer ${token}` } });
const ask = async (path: string, init: RequestInit, from: From) =>
  (await app.request(path, init, from)).status;
const logIn = (token: string, from: From) =>
  ask(
    "/status/login",
    {
      method: "POST",
      body: `token=${token}`,
      headers: { "content-type": "application/x-www-form-urlencoded" },
    },
    from,
  );
const metric = async (name: string) => {
  const text = await (await app.request("/metrics", bearer(READ), OPERATOR)).text();
  return Number(new RegExp(`^${name} (\\d+)$`, "m").exec(text)?.[1]);
};

describe("wrong tokens", () => {
  const ways: readonly [string, (from: From) => Promise<number>][] = [
    ["GET", (from) => ask("/api/v1/status", bearer("wrong"), from)],
    ["GET of a capture", (from) => ask("/api/v1/peers/a/capture", bearer("wrong"), from)],
    ["POST", (from) => ask("/api/v1/reload", { method: "POST", ...bearer("wrong") }, from)],
    ["the login form", (from) => logIn("wrong", from)],
  ];

  test.each(ways)("by %s: ten are checked, each is noted, all are counted", async (_, way) => {
    const statuses: number[] = [];
    for (let n = 0; n < 40; n++) statuses.push(await way(STRANGER));
    expect(statuses.slice(0, 10)).toEqual(Array(10).fill(401));
    expect(statuses.filter((status) => status === 401).length).toBeLessThanOrEqual(20);
    expect(statuses.at(-1)).toBe(429);
    expect(denied.length).toBeLessThanOrEqual(20);
    expect(denied[0]).toEndWith(STRANGER.remote);
    const wrong = await metric("erouted_status_tokens_wrong_total");
    expect(wrong).toBe(denied.length);
    expect(wrong + (await metric("erouted_status_tokens_limited_total"))).toBe(40);
  });

  test("the right one is refused after too many wrong ones, by header or form", async () => {
    for (let n = 0; n < 20; n++) await logIn("wrong", STRANGER);
    expect(await ask("/api/v1/status", bearer(READ), STRANGER)).toBe(429);
    expect(await ask("/api/v1/reload", { method: "POST", ...bearer(OPERATE) }, STRANGER)).toBe(429);
    expect(await logIn(OPERATE, STRANGER)).toBe(429);
  });

  test("lock out no other address, and no operator who is logged in", async () => {
    const answer = await app.request(
      "/status/login",
      {
        method: "POST",
        body: `token=${OPERATE}`,
        headers: { "content-type": "application/x-www-form-urlencoded" },
      },
      STRANGER,
    );
    const cookie = answer.headers.get("set-cookie")?.split(";")[0] ?? "";
    for (let n = 0; n < 200; n++) await logIn("wrong", STRANGER);
    expect(await logIn(OPERATE, OPERATOR)).toBe(303);
    expect(await ask("/api/v1/status", bearer(READ), OPERATOR)).toBe(200);
    expect(await ask("/api/v1/status", { headers: { cookie } }, STRANGER)).toBe(200);
  });

  test("addresses of one /64 are one prefix", async () => {
    let last = 0;
    for (let n = 1; n <= 40; n++) last = await logIn("wrong", { remote: `[2001:db8::${n}]:1` });
    expect(last).toBe(429);
    expect(await logIn(READ, { remote: "[2001:db8:0:1::1]:1" })).toBe(303);
  });

  test("without a configured token nothing can be guessed, so no caller is kept out", async () => {
    for (let n = 0; n < 40; n++) {
      expect(await ask("/api/v1/status", {}, STRANGER)).toBe(401);
      expect(await ask("/api/v1/reload", { method: "POST" }, STRANGER)).toBe(401);
    }
    expect(await ask("/api/v1/status", bearer(READ), STRANGER)).toBe(200);
  });
});

describe("pages of other origins", () => {
  beforeEach(() => {
    app = appWith(undefined);
  });
  const URL_ = "http://127.0.0.1:8080";
  const from = (headers: Record<string, string>, path = "/api/v1/events/stream") =>
    app.request(`${URL_}${path}`, { headers: { host: "127.0.0.1:8080", ...headers } }, STRANGER);

  test.each([
    ["an EventSource", { "sec-fetch-site": "cross-site", "sec-fetch-mode": "cors" }],
    ["a page at another port", { "sec-fetch-site": "same-site", "sec-fetch-mode": "no-cors" }],
    ["a browser that names only the origin", { origin: "http://127.0.0.1:9999" }],
    ["a sandboxed frame", { origin: "null" }],
  ])("get no events and no explanation: %s", async (_, headers) => {
    expect((await from(headers)).status).toBe(403);
    expect((await from(headers, "/api/v1/peers/site-1/explain")).status).toBe(403);
  });

  test("cannot use up an operator's attempts to log in", async () => {
    const headers = {
      "sec-fetch-site": "cross-site",
      "sec-fetch-mode": "navigate",
      "content-type": "application/x-www-form-urlencoded",
    };
    for (let n = 0; n < 40; n++) {
      expect(
        await ask("/status/login", { method: "POST", body: "token=x", headers }, OPERATOR),
      ).toBe(403);
    }
    expect(await logIn(OPERATE, OPERATOR)).toBe(303);
    expect(denied).toEqual([]);
  });

  test("may link to ours; our own pages and programs follow the events", async () => {
    const link = { "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate" };
    expect((await from(link, "/status/ipsec/dynamic-tunnels")).status).toBe(200);
    for (const headers of [{}, { "sec-fetch-site": "same-origin", "sec-fetch-mode": "cors" }]) {
      const answer = await from(headers);
      expect(answer.status).toBe(200);
      await answer.body?.cancel();
    }
  });
});

describe("places of event streams", () => {
  const follower = (key: string, isTrusted: boolean, gone: string[]): Follower => ({
    ...{ key, isTrusted },
    giveWay: () => void gone.push(key),
  });

  test("within a prefix without a token, the 17th replaces the oldest", () => {
    const places = createStreamPlaces();
    const gone: string[] = [];
    for (let n = 0; n < 100; n++) expect(places.take(follower("here", false, gone))).toBe(true);
    expect([places.size, gone.length, places.refused]).toEqual([16, 84, 84]);
  });

  test("a reader with a token gets the place of one without", () => {
    const places = createStreamPlaces();
    const gone: string[] = [];
    for (let n = 0; n < 32; n++) places.take(follower(`stranger ${n}`, false, gone));
    expect(places.take(follower("operator", true, gone))).toBe(true);
    expect(gone).toEqual(["stranger 0"]);
  });

  test("one session may have eight; there are 32 with tokens in all", () => {
    const places = createStreamPlaces();
    const gone: string[] = [];
    for (let n = 0; n < 50; n++) places.take(follower("session", true, gone));
    expect(places.size).toBe(8);
    for (let n = 0; n < 24; n++) places.take(follower(`other ${n}`, true, gone));
    expect(places.take(follower("late", true, gone))).toBe(false);
    expect(places.take(follower("stranger", false, gone))).toBe(false);
    expect(places.size).toBe(32);
  });

  test("curl ends when it is replaced, and the newest is served", async () => {
    app = appWith(undefined);
    const served = serveStatus(app, { host: "127.0.0.1", port: 0 });
    if (!served.ok) throw new Error(served.error.detail);
    server = served.value;
    const url = `http://127.0.0.1:${server.port}/api/v1/events/stream`;
    const curls = [];
    for (let n = 0; n < 17; n++) {
      const curl = Bun.spawn(["curl", "-sN", url], { stdout: "pipe", stderr: "ignore" });
      const reader = curl.stdout.getReader();
      const first = new TextDecoder().decode((await reader.read()).value);
      expect(first).toContain("retry");
      curls.push({ curl, reader });
    }
    expect(await curls[0]?.curl.exited).toBe(0);
    expect(curls[16]?.curl.exitCode).toBe(null);
    for (const { curl } of curls) curl.kill();
    await Promise.all(curls.map(({ curl }) => curl.exited));
  });

  test("curl with wrong tokens is told to wait", async () => {
    const served = serveStatus(app, { host: "127.0.0.1", port: 0 });
    if (!served.ok) throw new Error(served.error.detail);
    server = served.value;
    const url = `http://127.0.0.1:${server.port}/api/v1/status`;
    const format = ["-s", "-o", "/dev/null", "-w", "%{http_code} %header{retry-after}\n"];
    const wrong = Array(12).fill(["-H", "Authorization: Bearer wrong", ...format, url]);
    const curl = Bun.spawn([
      "curl",
      ...wrong.flatMap((one, n) => (n > 0 ? ["--next", ...one] : one)),
    ]);
    const lines = (await new Response(curl.stdout).text()).trim().split("\n");
    expect(lines[0]).toStartWith("401");
    expect(lines.at(-1)).toBe("429 1");
  });
});
