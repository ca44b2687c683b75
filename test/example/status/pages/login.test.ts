/** Browsers: who may log in, what a session may do, and that no other origin can use it. */

import { beforeEach, expect, test } from "bun:test";
import type { Hono } from "hono";
import { ok } from "../../../../src/octets/result.ts";
import { createSessions } from "../../../../src/status/access/sessions.ts";
import { createStatusApp } from "../../../../src/status/app.ts";
import type { Control } from "../../../../src/status/control.ts";
import type { StatusBindings } from "../../../../src/status/request.ts";
import { sampleSource } from "../sample.ts";

const READ = "token-for-reading-1234567890";
const OPERATE = "token-for-operating-1234567890";
const SITE = "/status/ipsec/peers/site-1";

let asked: string[];
let denied: string[];
let tokens: { token: string | undefined; operateToken: string | undefined };
let app: Hono<StatusBindings>;

beforeEach(() => {
  asked = [];
  denied = [];
  tokens = { token: READ, operateToken: OPERATE };
  const act = (what: string) => (peerId: string) => {
    asked.push(`${what} ${peerId}`);
    const detail = `${what} is done <b>`;
    return { ok: true, value: { outcome: "closing", after: 0, detail } } as const;
  };
  const control: Control = {
    get token() {
      return tokens.operateToken;
    },
    connect: act("connect"),
    disconnect: act("disconnect"),
    rekey: act("rekey"),
    redirect: act("redirect"),
    redirectAll: () => Promise.resolve(act("redirect")("all")),
    stopRedirects: () => act("stop redirects")("all"),
    debug: act("debug"),
    capture: () => ok(new Response("pcapng").body ?? new ReadableStream()),
    debugged: () => [],
    logLevel: act("level"),
    reloadPeer: act("reload"),
    reload: () => Promise.resolve(act("reload")("all")),
    onDenied: (what, remote) => void denied.push(`${what} ${remote}`),
    now: () => 0 as ReturnType<Control["now"]>,
  };
  const settings = {
    host: "0.0.0.0",
    get token() {
      return tokens.token;
    },
    get operateToken() {
      return tokens.operateToken;
    },
  };
  app = createStatusApp(sampleSource({ sites: 2 }), settings, control);
});

const HTML = { accept: "text/html" };

async function post(path: string, fields: Record<string, string>, headers = {}): Promise<Response> {
  const body = new URLSearchParams(fields).toString();
  const type = { "content-type": "application/x-www-form-urlencoded" };
  return await app.request(path, { method: "POST", body, headers: { ...type, ...headers } });
}

/** The cookie of a browser that has shown this token. */
async function logIn(token: string): Promise<{ cookie: string }> {
  const answer = await post("/status/login", { token, next: SITE });
  expect([answer.status, answer.headers.get("location")]).toEqual([303, SITE]);
  const cookie = answer.headers.get("set-cookie") ?? "";
  expect(cookie).toMatch(/^erouted_session=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict$/);
  return { cookie: cookie.split(";")[0] ?? "" };
}

async function page(headers: Record<string, string>): Promise<string> {
  const answer = await app.request(SITE, { headers: { ...HTML, ...headers } });
  expect(answer.status).toBe(200);
  return await answer.text();
}

const csrfIn = (html: string) => /name="csrf" value="([\w-]+)"/.exec(html)?.[1] ?? "";

test("a browser without a session is sent to the login, and then to its page", async () => {
  const answer = await app.request(`${SITE}?a=b`, { headers: HTML });
  expect([answer.status, answer.headers.get("location")]).toEqual([
    303,
    `/status/login?next=${encodeURIComponent(`${SITE}?a=b`)}`,
  ]);
  const login = await (await app.request("/status/login?next=/status/system")).text();
  expect(login).toContain('name="next" value="/status/system"');
  expect((await app.request("/status/style.css")).status).toBe(200);
  // Programs get a problem, and no browser is sent to another origin.
  expect((await app.request("/api/v1/status")).status).toBe(401);
  for (const next of ["https://evil.example/", "//evil.example", "/\\evil.example", "/api/v1"]) {
    const text = await (await app.request(`/status/login?next=${encodeURIComponent(next)}`)).text();
    expect(text).toContain('name="next" value="/status/ipsec/dynamic-tunnels"');
  }
});

test("a wrong token is refused and noted; guessing has to wait", async () => {
  for (const token of ["wrong", ""]) {
    const answer = await post("/status/login", { token });
    expect([answer.status, answer.headers.get("set-cookie")]).toEqual([401, null]);
    expect(await answer.text()).toContain("This token is wrong");
  }
  expect(denied).toEqual(["POST /status/login unknown", "POST /status/login unknown"]);
  const statuses = [];
  for (let n = 0; n < 10; n++) statuses.push((await post("/status/login", { token: "x" })).status);
  expect(statuses).toContain(429);
});

test("the read token allows reading, on pages and in the API, and no actions", async () => {
  const reader = await logIn(READ);
  expect(await page(reader)).toContain("Log in</a> to connect");
  expect((await app.request("/api/v1/status", { headers: reader })).status).toBe(200);
  const answer = await post(`${SITE}/disconnect`, { csrf: "" }, reader);
  expect([answer.status, asked, denied.length]).toEqual([403, [], 1]);
});

test("the operate token: each button does what it says, and the page reports it", async () => {
  const operator = await logIn(OPERATE);
  const csrf = csrfIn(await page(operator));
  for (const name of ["connect", "disconnect", "reload", "rekey"]) {
    const answer = await post(`${SITE}/${name}`, { csrf }, operator);
    expect([answer.status, answer.headers.get("location")]).toEqual([303, SITE]);
    expect(await page(operator)).toContain(`${name} is done &lt;b&gt;`);
    expect(await page(operator)).not.toContain("is done");
  }
  expect(asked).toEqual(["connect site-1", "disconnect site-1", "reload site-1", "rekey site-1"]);
});

test("no other origin can press the buttons", async () => {
  const operator = await logIn(OPERATE);
  const csrf = csrfIn(await page(operator));
  const other = csrfIn(await page(await logIn(OPERATE)));
  expect(other).not.toBe(csrf);
  const tries: [Record<string, string>, Record<string, string>][] = [
    [{}, operator],
    [{ csrf: other }, operator],
    [{ csrf }, {}],
    [{ csrf }, { ...operator, "sec-fetch-site": "cross-site" }],
    [{ csrf }, { ...operator, "content-type": "text/plain" }],
  ];
  for (const [fields, headers] of tries) {
    expect([400, 401, 403]).toContain((await post(`${SITE}/disconnect`, fields, headers)).status);
  }
  expect(asked).toEqual([]);
  // The cookie alone is not enough for the API's actions: they need the token itself.
  const answer = await app.request("/api/v1/peers/site-1/disconnect", {
    method: "POST",
    headers: operator,
  });
  expect([answer.status, asked]).toEqual([401, []]);
});

test("a new token in the configuration ends the sessions of the former one", async () => {
  const operator = await logIn(OPERATE);
  const reader = await logIn(READ);
  tokens.operateToken = "another-token-1234567890";
  expect((await app.request("/api/v1/status", { headers: operator })).status).toBe(401);
  expect((await app.request("/api/v1/status", { headers: reader })).status).toBe(200);
});

test("the login page shows a session, and can end it; a reader can become operator", async () => {
  const text = async (headers = {}) => {
    return await (await app.request(`/status/login?next=${SITE}`, { headers })).text();
  };
  expect(await text()).not.toContain("Log out");
  const reader = await text(await logIn(READ));
  expect(reader).toContain("can see everything");
  expect(reader).toContain(`name="next" value="${SITE}"`);
  const operator = await logIn(OPERATE);
  const page = await text(operator);
  expect(page).toContain("can connect and disconnect sites");
  expect(page).not.toContain('name="token"');
  await post("/status/logout", { csrf: csrfIn(page) }, operator);
  expect((await app.request("/api/v1/status", { headers: operator })).status).toBe(401);
});

test("logging out ends the session; a form without its CSRF token does not", async () => {
  const operator = await logIn(OPERATE);
  const csrf = csrfIn(await page(operator));
  await post("/status/logout", { csrf: "x" }, operator);
  expect((await app.request("/api/v1/status", { headers: operator })).status).toBe(200);
  await post("/status/logout", { csrf }, operator);
  expect((await app.request("/api/v1/status", { headers: operator })).status).toBe(401);
});

test("sessions end by themselves, and there are never more than 64", () => {
  let nowMs = 0;
  const sessions = createSessions(() => nowMs);
  const first = sessions.open("read", READ);
  const all = Array.from({ length: 64 }, () => sessions.open("read", READ));
  expect([sessions.size, sessions.find(first.id)]).toEqual([64, undefined]);
  const last = all.at(-1)?.id ?? "";
  nowMs = 10 * 3_600_000 - 1;
  expect(sessions.find(last)?.role).toBe("read");
  nowMs++;
  expect(sessions.find(last)).toBeUndefined();
});
