/** The page of dynamic tunnels in headless Chromium: on a desk, on a phone, in the dark. */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createStatusApp } from "../../src/status/app.ts";
import { type StatusServer, serveStatus } from "../../src/status/server.ts";
import { sampleSource } from "../example/status/sample.ts";

const CHROMIUM_MS_MAX = 60_000;
const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--hide-scrollbars",
];

let folder: string;
let server: StatusServer;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "erouted-page-"));
  const app = createStatusApp(sampleSource({ sites: 5 }), { token: undefined, host: "127.0.0.1" });
  const served = serveStatus(app, { host: "127.0.0.1", port: 0 });
  if (!served.ok) throw new Error(served.error.detail);
  server = served.value;
});

afterAll(async () => {
  await server.stop();
  await rm(folder, { recursive: true, force: true });
});

test(
  "R8: the table is there, and no script: the page serves people without JavaScript",
  async () => {
    const dom = await chromium(["--dump-dom"]);
    expect(dom).toContain("<caption>All dynamic eroutes, oldest first</caption>");
    expect(dom.match(/<bdi>site-\d+\./g)?.length).toBe(4);
    expect(dom).toContain("wrong-psk");
    expect(dom).not.toContain("<script");
  },
  CHROMIUM_MS_MAX,
);

test(
  "screenshots: a desk, a phone, the dark",
  async () => {
    const sizes = [
      ["desk", "--window-size=1280,800"],
      ["phone", "--window-size=500,900"],
      ["dark", "--window-size=1280,800", "--force-dark-mode"],
    ] as const;
    for (const [name, ...flags] of sizes) {
      // SCREENSHOTS=folder keeps them, to be looked at.
      const file = join(process.env.SCREENSHOTS ?? folder, `${name}.png`);
      await chromium([...flags, `--screenshot=${file}`]);
      expect((await stat(file)).size).toBeGreaterThan(10_000);
    }
  },
  3 * CHROMIUM_MS_MAX,
);

async function chromium(flags: readonly string[]): Promise<string> {
  const profile = await mkdtemp(join(folder, "profile-"));
  const url = `${server.url}/status/ipsec/dynamic-tunnels`;
  const browser = Bun.spawn(["chromium", ...FLAGS, `--user-data-dir=${profile}`, ...flags, url], {
    stdout: "pipe",
    stderr: "ignore",
    timeout: CHROMIUM_MS_MAX,
  });
  const out = await new Response(browser.stdout).text();
  expect(await browser.exited).toBe(0);
  return out;
}
