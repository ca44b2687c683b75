/** Actions of operators over HTTP: who may do what, how often, and the answers. */

import { beforeEach, describe, expect, test } from "bun:test";
import { asInstant } from "../../../../src/octets/instant.ts";
import { err, ok } from "../../../../src/octets/result.ts";
import { createStatusApp } from "../../../../src/status/app.ts";
import type { Control, ControlAnswer, ControlRefusal } from "../../../../src/status/control.ts";
import { serveStatus } from "../../../../src/status/server.ts";
import { sampleSource } from "../sample.ts";

const OPERATE = "operate-token-0123456789";
const READ = "read-token-0123456789";
const OPEN = { token: undefined, host: "127.0.0.1" };

let asked: string[] = [];
let denied: string[] = [];
let clock = 0;
let answer: ControlAnswer<never>;
/** Other answers of some of them. */
let refused: {
  connect?: ControlRefusal<"unknown-peer">;
  disconnect?: ControlRefusal<"not-connected">;
  reloadPeer?: ControlRefusal<"impossible">;
  reload?: ControlRefusal<"faulty" | "held">;
};

function done(what: string): ControlAnswer<never> {
  asked.push(what);
  return answer;
}

const control: Control = {
  token: OPERATE,
  connect: (peerId, remote) =>
    refused.connect ? err(refused.connect) : done(`connect ${peerId} from ${remote}`),
  rekey: (peerId, of, remote) => done(`rekey ${of} of ${peerId} from ${remote}`),
  disconnect: (peerId, remote) =>
    refused.disconnect ? err(refused.disconnect) : done(`disconnect ${peerId} from ${remote}`),
  redirect: (peerId, to, remote) => done(`redirect ${peerId} to ${to} from ${remote}`),
  redirectAll: async (to, remote) => done(`redirect all to ${to} from ${remote}`),
  stopRedirects: (remote) => done(`stop redirects from ${remote}`),
  debug: (peerId, seconds, remote) => done(`debug ${peerId} ${seconds} s from ${remote}`),
  capture: () => ok(new Response("pcapng").body ?? new ReadableStream()),
  debugged: () => [{ asked: "site-1", seconds: 60 }],
  logLevel: (level, remote) => done(`log level ${level} from ${remote}`),
  reloadPeer: (peerId, remote) =>
    refused.reloadPeer ? err(refused.reloadPeer) : done(`reload ${peerId} from ${remote}`),
  reload: (_how, remote) =>
    Promise.resolve(refused.reload ? err(refused.reload) : done(`reload from ${remote}`)),
  onDenied: (what, remote) => void denied.push(`${what} from ${remote}`),
  now: () => asInstant(clock),
};

beforeEach(() => {
  asked = [];
  denied = [];
  clock += 10_000;
  refused = {};
  answer = ok({ outcome: "calling", after: 7, detail: "on its way" });
});

const app = createStatusApp(sampleSource({ sites: 3 }), OPEN, control);

type Headers = Readonly<Record<string, string>>;

function post(path: string, headers: Headers = { authorization: `Bearer ${OPERATE}` }, to = app) {
  return to.request(path, { method: "POST", headers }, { remote: "192.0.2.9:4711" });
}

describe("the routes", () => {
  test("each does what its path says, and passes on who requested it", async () => {
    const calling = await post("/api/v1/peers/site-1/connect");
    expect(calling.status).toBe(202);
    const body = { peer_id: "site-1", outcome: "calling", after: 7, detail: "on its way" };
    expect(await calling.json()).toEqual(body);
    await post("/api/v1/peers/site-1/disconnect");
    await post("/api/v1/peers/site-1/rekey");
    await post("/api/v1/peers/site-1/rekey-ike");
    await post("/api/v1/peers/site-1/reload/");
    await post("/api/v1/peers/site-1/redirect?to=192.0.2.2");
    await post("/api/v1/redirect?to=vpn2.example");
    await post("/api/v1/redirect/stop");
    await post("/api/v1/peers/site-1/debug");
    await post("/api/v1/peers/site-1/debug?seconds=0");
    await post("/api/v1/log-level?level=debug");
    await post("/api/v1/reload");
    expect(asked).toEqual([
      "connect site-1 from 192.0.2.9:4711",
      "disconnect site-1 from 192.0.2.9:4711",
      "rekey children of site-1 from 192.0.2.9:4711",
      "rekey ike of site-1 from 192.0.2.9:4711",
      "reload site-1 from 192.0.2.9:4711",
      "redirect site-1 to 192.0.2.2 from 192.0.2.9:4711",
      "redirect all to vpn2.example from 192.0.2.9:4711",
      "stop redirects from 192.0.2.9:4711",
      "debug site-1 1800 s from 192.0.2.9:4711",
      "debug site-1 0 s from 192.0.2.9:4711",
      "log level debug from 192.0.2.9:4711",
      "reload from 192.0.2.9:4711",
    ]);
    expect((await post("/api/v1/log-level")).status).toBe(400);
    expect((await post("/api/v1/redirect")).status).toBe(400);
    expect((await post("/api/v1/peers/site-1/debug?seconds=-1")).status).toBe(400);
  });

  test("any peer ID can be named: slashes, blanks, percent signs, other scripts", async () => {
    for (const peerId of ["a/b", "C=DE, O=Acme", "50%", "grün@example", "2001:db8::1", "?*"]) {
      const answered = await post(`/api/v1/peers/${encodeURIComponent(peerId)}/connect`);
      expect(await answered.json()).toMatchObject({ peer_id: peerId });
      expect(asked.pop()).toBe(`connect ${peerId} from 192.0.2.9:4711`);
    }
  });

  test("an impossible ID is refused before anything happens", async () => {
    for (const peerId of ["x".repeat(256), "a\nb"]) {
      const refused = await post(`/api/v1/peers/${encodeURIComponent(peerId)}/connect`);
      expect(refused.status).toBe(400);
    }
    expect(asked).toEqual([]);
  });

  test("refusals are problems with their own status; each fault of a file is listed", async () => {
    const faults = ["a.toml:1: x", "a.toml:2: y"];
    refused = {
      connect: { kind: "unknown-peer", detail: "because connect" },
      disconnect: { kind: "not-connected", detail: "because disconnect" },
      reloadPeer: { kind: "impossible", detail: "because reload" },
      reload: { kind: "faulty", detail: "faults", faults },
    };
    const actions = [
      ["connect", 404],
      ["disconnect", 404],
      ["reload", 409],
    ] as const;
    for (const [action, status] of actions) {
      const answered = await post(`/api/v1/peers/site-1/${action}`);
      expect(answered.headers.get("content-type")).toBe("application/problem+json");
      expect(await answered.json()).toMatchObject({ status, detail: `because ${action}` });
    }
    const faulty = await post("/api/v1/reload");
    expect(faulty.status).toBe(422);
    expect(await faulty.json()).toMatchObject({ faults });
    refused = { reload: { kind: "held", detail: "too many" } };
    expect((await post("/api/v1/reload")).status).toBe(409);
  });

  test("the answer of a reload says what it could not take over", async () => {
    const more = { needs_restart: ["ike.port"], warnings: [], databases: [] };
    answer = ok({ outcome: "reloaded", after: 7, detail: "done", more });
    const reloaded = await post("/api/v1/reload");
    expect(reloaded.status).toBe(200);
    expect(await reloaded.json()).toEqual({
      outcome: "reloaded",
      after: 7,
      detail: "done",
      ...more,
    });
  });

  test("GET of a site: connected or not; GET of an action: 405", async () => {
    const site = await app.request("/api/v1/peers/site-1.customer.example");
    expect(await site.json()).toMatchObject({ connected: true, eroutes: [{ kind: "dynamic" }] });
    const nobody = await app.request("/api/v1/peers/nobody");
    expect(await nobody.json()).toEqual({
      ...{ peer_id: "nobody", connected: false, calling: false },
      eroutes: [],
    });
    const wrong = await app.request("/api/v1/peers/site-1/connect");
    expect([wrong.status, wrong.headers.get("allow")]).toEqual([405, "POST"]);
  });
});

describe("who may", () => {
  test("no caller without the operate token, and each attempt is noted", async () => {
    const attempts: Headers[] = [
      {},
      { authorization: "Bearer wrong" },
      { authorization: `Bearer ${OPERATE}x` },
      { authorization: `Basic ${btoa(`admin:${OPERATE}`)}` },
      { cookie: `token=${OPERATE}` },
    ];
    for (const headers of attempts) {
      const refused = await post("/api/v1/peers/site-1/disconnect", headers);
      expect(refused.status).toBe(401);
      expect(refused.headers.get("www-authenticate")).toBe("Bearer");
    }
    expect(asked).toEqual([]);
    expect(denied.length).toBe(attempts.length);
    expect(denied[0]).toBe("POST /api/v1/peers/site-1/disconnect from 192.0.2.9:4711");
  });

  test("the read token changes nothing; the operate token also reads", async () => {
    const settings = { token: READ, operateToken: OPERATE, host: "0.0.0.0" };
    const guarded = createStatusApp(sampleSource({ sites: 1 }), settings, control);
    const read = { authorization: `Bearer ${READ}` };
    const operate = { authorization: `Bearer ${OPERATE}` };
    expect((await guarded.request("/api/v1/status", { headers: read })).status).toBe(200);
    expect((await guarded.request("/api/v1/status", { headers: operate })).status).toBe(200);
    expect((await post("/api/v1/reload", read, guarded)).status).toBe(401);
    expect((await post("/api/v1/reload", operate, guarded)).status).toBe(200 + 2);
    expect(asked.length).toBe(1);
  });

  test("without a configured operate token actions are off, also with the read token", async () => {
    const off = createStatusApp(sampleSource({ sites: 1 }), OPEN, { ...control, token: undefined });
    const none = createStatusApp(sampleSource({ sites: 1 }), OPEN);
    for (const to of [off, none]) {
      for (const path of ["/api/v1/reload", "/api/v1/peers/site-1/connect"]) {
        const refused = await post(path, { authorization: "Bearer undefined" }, to);
        expect(refused.status).toBe(403);
        expect(await refused.text()).toContain("operate_token_file");
      }
    }
    expect(asked).toEqual([]);
  });

  test("pages of other origins are refused: forms, plain text, other Host headers", async () => {
    const types = ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x"];
    for (const type of [...types, "text/plain;charset=UTF-8"]) {
      const headers = { authorization: `Bearer ${OPERATE}`, "content-type": type };
      expect((await post("/api/v1/reload", headers)).status).toBe(415);
      expect((await post("/api/v1/reload", { "content-type": type })).status).toBe(401);
    }
    const host = { authorization: `Bearer ${OPERATE}`, host: "attacker.example" };
    expect((await post("/api/v1/reload", host)).status).toBe(421);
    const preflight = await app.request("/api/v1/reload", {
      method: "OPTIONS",
      headers: { origin: "http://attacker.example", "access-control-request-method": "POST" },
    });
    expect(preflight.headers.get("access-control-allow-origin")).toBeNull();
    expect(asked).toEqual([]);
  });

  test("more than 20 actions a second wait; wrong tokens hold no operator up", async () => {
    const guess = { method: "POST", headers: { authorization: "Bearer guess" } };
    const from = { remote: "198.51.100.7:4711" };
    for (let i = 0; i < 30; i++) await app.request("/api/v1/reload", guess, from);
    expect(denied.length).toBe(10);
    const statuses: number[] = [];
    for (let i = 0; i < 25; i++) statuses.push((await post("/api/v1/reload")).status);
    expect(statuses.filter((status) => status === 202).length).toBe(20);
    expect(statuses.at(-1)).toBe(429);
    clock += 1_000;
    expect((await post("/api/v1/reload")).status).toBe(202);
  });
});

test("over a socket: the address is that of the connection, whatever headers say", async () => {
  const served = serveStatus(app, { host: "127.0.0.1", port: 0 });
  if (!served.ok) throw new Error(served.error.detail);
  const headers = { authorization: `Bearer ${OPERATE}`, "x-forwarded-for": "203.0.113.1" };
  const init = { method: "POST", headers, body: "{}" };
  const answered = await fetch(`${served.value.url}/api/v1/peers/a%2Fb/connect`, {
    ...init,
    headers: { ...headers, "content-type": "application/json" },
  });
  expect(answered.status).toBe(202);
  expect(asked[0]).toMatch(/^connect a\/b from 127\.0\.0\.1:\d+$/);
  await served.value.stop();
});
