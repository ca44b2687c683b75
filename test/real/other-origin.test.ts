/** A page of another origin on loopback, in headless Chromium: it gets no place and no attempt. */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { Hono } from "hono";
import { createStatusApp } from "../../src/status/app.ts";
import type { StatusBindings } from "../../src/status/request.ts";
import { type StatusServer, serveStatus } from "../../src/status/server.ts";
import { sampleSource } from "../example/status/sample.ts";
import { patient } from "../patience.ts";
import { type Browser, startBrowser } from "./browser.ts";

const TEST_MS_MAX = patient(60_000);
const SCREEN = { width: 1280, height: 800, scheme: "light", runsScripts: true } as const;

let browser: Browser;
let server: StatusServer;
let elsewhere: ReturnType<typeof Bun.serve>;
/** `GET /path 403`, for each request that was answered. */
const answered: string[] = [];

beforeAll(async () => {
  const app = createStatusApp(sampleSource({ sites: 1 }), {
    ...{ token: undefined, operateToken: "token-for-operating-1234567890", host: "127.0.0.1" },
  });
  const outer = new Hono<StatusBindings>();
  outer.use(async (c, next) => {
    await next();
    answered.push(`${c.req.method} ${c.req.path} ${c.res.status}`);
  });
  outer.route("/", app);
  const served = serveStatus(outer, { host: "127.0.0.1", port: 0 });
  if (!served.ok) throw new Error(served.error.detail);
  server = served.value;
  elsewhere = Bun.serve({
    ...{ hostname: "127.0.0.1", port: 0 },
    fetch: () => new Response(page(server.url), { headers: { "content-type": "text/html" } }),
  });
  browser = await startBrowser();
}, TEST_MS_MAX);

afterAll(async () => {
  await browser?.close();
  await elsewhere?.stop(true);
  await server?.stop();
});

function page(url: string): string {
  return `<!doctype html><title>elsewhere</title><iframe name="frame"></iframe>
<form id="login" method="post" target="frame" action="${url}/status/login">
<input name="token" value="a-guess"></form>
<a id="link" href="${url}/status/login">erouted</a>
<script>
new EventSource("${url}/api/v1/events/stream");
fetch("${url}/api/v1/peers/site-1/explain", { mode: "no-cors" });
new Image().src = "${url}/api/v1/events/stream";
document.getElementById("login").submit();
</script>`;
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await Bun.sleep(50);
}

test(
  "streams, explanations and logins of another origin are refused; a link leads to the page",
  async () => {
    const open = await browser.open(elsewhere.url.href, SCREEN);
    await until(() => answered.length >= 4);
    expect(answered.toSorted()).toEqual([
      "GET /api/v1/events/stream 403",
      "GET /api/v1/events/stream 403",
      "GET /api/v1/peers/site-1/explain 403",
      "POST /status/login 403",
    ]);
    await open.evaluate("document.getElementById('link').click()");
    await until(() => answered.includes("GET /status/login 200"));
  },
  TEST_MS_MAX,
);
