/**
 * The status pages in headless Chromium: on a desktop, on a phone, in dark mode, with live updates.
 */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import { createJournal } from "../../src/concentrator/journal/create-journal.ts";
import type { ErouteView } from "../../src/concentrator/snapshot.ts";
import { asInstant } from "../../src/octets/instant.ts";
import { createStatusApp } from "../../src/status/app.ts";
import { type StatusServer, serveStatus } from "../../src/status/server.ts";
import type { SiteExplanation } from "../../src/status/source.ts";
import { compare } from "../../src/why/compare.ts";
import { failures, HOSTILE_ID, NOW_MS, sampleSource } from "../example/status/sample.ts";
import { lookUntil, patient } from "../patience.ts";
import { type Browser, type Page, type Screen, startBrowser } from "./browser.ts";

const TEST_MS_MAX = patient(60_000);
/** WCAG 2.2 §1.4.3, level AA. */
const CONTRAST_MIN = 4.5;

const DESK: Screen = { width: 1280, height: 800, scheme: "light", runsScripts: true };
const PHONE: Screen = { width: 390, height: 844, scheme: "light", runsScripts: true };

const TUNNELS = "/status/ipsec/dynamic-tunnels";
const PAGES = [
  TUNNELS,
  "/status/ipsec/eroutes?q=site&sort=-bytes_in",
  "/status/ipsec/not-connected",
  "/status/ipsec/ike-sas",
  "/status/ipsec/peers/site-4711",
  "/status/ipsec/peers/site-1.customer.example",
  "/status/ipsec/peers",
  "/status/ipsec/peers?q=site&peer_state=not+connected",
  "/status/events?level=info",
  "/status/system",
  "/status/login",
  "/api/v1/docs",
];

let browser: Browser;
let server: StatusServer;
const problems = ["database of egroup sites: db.example:3306 does not answer: is it up?"];
const listeners = new Set<() => void>();
const journal = createJournal(1000);

beforeAll(async () => {
  const settings = { token: undefined, host: "127.0.0.1" };
  const [wrongKey, noAlgorithms] = failures();
  if (wrongKey === undefined || noAlgorithms === undefined) throw new Error("no failures");
  const source = sampleSource({
    sites: 6,
    dataplane: "xfrm",
    problems,
    ...{ listeners, journal },
    explained: refusedSite(),
    adapt: varied,
    entries: [
      { ...wrongKey, peerId: "site-1.customer.example" },
      ...Array.from({ length: 12 }, () => wrongKey),
      { ...wrongKey, peerId: "site-9", outcome: "note", step: "evict", reason: "evicted" },
      { ...noAlgorithms, peerId: `no ${HOSTILE_ID}`, detail: `a detail with ${HOSTILE_ID}` },
      noAlgorithms,
    ],
  });
  const served = serveStatus(createStatusApp(source, settings), { host: "127.0.0.1", port: 0 });
  if (!served.ok) throw new Error(served.error.detail);
  server = served.value;
  browser = await startBrowser();
}, TEST_MS_MAX);

afterAll(async () => {
  await browser?.close();
  await server?.stop();
});

/** One that negotiates, one that is being rekeyed, one with a long ID and much traffic. */
function varied(view: ErouteView, n: number): ErouteView {
  if (n === 4) return { ...view, state: "negotiating", ikeSas: [], childSas: [] };
  if (n === 5) return { ...view, ikeSas: view.ikeSas.flatMap((sa) => [sa, sa]) };
  if (n !== 6) return view;
  return {
    ...view,
    peerId: `substation-${"long".repeat(20)}.region-north.customer.example`,
    remoteSubnets: ["192.168.6.0/24", "2001:db8:4711:6::/64"],
    peerAddress: "2001:db8:1234:5678:9abc:def0:1234:5678",
    createdAt: asInstant(3_000_000),
  };
}

/** A site whose algorithms do not match, as explained on its own page. */
function refusedSite(): SiteExplanation {
  const [, noAlgorithms] = failures();
  if (noAlgorithms === undefined) throw new Error("no failures");
  const record = { ...noAlgorithms, sequence: 1, wallMs: NOW_MS };
  return {
    explanation: {
      state: "failed",
      summary: "site-4711 is not connected: no algorithms in common",
      findings: [
        { about: "eroute", verdict: "ok", detail: 'base eroute fleet matches it by "site-*"' },
        { about: "attempt", verdict: "problem", detail: `last attempt: ${HOSTILE_ID}` },
      ],
      comparison: compare(record),
      advice: ["give both ends the same algorithms: `ike` and `esp` of the eroute"],
    },
    attempts: [{ outcome: "failed", times: 3, firstWallMs: NOW_MS - 60_000, record }],
  };
}

/** An event like those before. */
function happen(): void {
  const [failure] = failures();
  if (failure !== undefined) journal.add({ ...failure, level: "info", outcome: "note" }, NOW_MS);
  for (const listener of listeners) listener();
}

async function open(screen: Screen, path = TUNNELS): Promise<Page> {
  const page = await browser.open(`${server.url}${path}`, screen);
  // SCREENSHOTS=folder keeps them for inspection.
  const folder = process.env.SCREENSHOTS;
  if (folder !== undefined) {
    const place = path.replace(/\?.*/, "").split("/").slice(2).join("-");
    const script = screen.runsScripts ? "" : "-no-script";
    const name = `${place}-${screen.width}-${screen.scheme}${script}`;
    await Bun.write(join(folder, `${name}.png`), await page.screenshot("screen"));
    await Bun.write(join(folder, `${name}-whole.png`), await page.screenshot("page"));
  }
  return page;
}

test(
  "R8: without JavaScript the page lists each site, and why others did not connect",
  async () => {
    const html = await (await open({ ...DESK, runsScripts: false })).html();
    expect(html).toContain('aria-current="page">Dynamic Tunnels</a>');
    expect(html).toContain("<caption>All dynamic eroutes, oldest first</caption>");
    expect(html).toContain("<bdi>site-3.customer.example</bdi>");
    expect(html).toContain("192.168.3.0/24");
    expect(html).toContain("Wrong pre-shared key");
    expect(html).toContain("12 times");
    expect(html).toContain("was connected");
    expect(html).toContain("MODP_1024");
    expect(html.match(/<script[^>]*>/g)).toEqual(['<script src="/status/live.js" defer="">']);
  },
  TEST_MS_MAX,
);

test(
  "nothing is loaded from elsewhere, and the browser has no complaints",
  async () => {
    for (const path of PAGES) {
      const page = await open(DESK, path);
      expect([path, page.complaints]).toEqual([path, []]);
      expect(page.requests.length).toBeGreaterThan(1);
      const foreign = page.requests.filter((url) => !/^data:,|^about:/.test(url));
      expect(foreign.filter((url) => !url.startsWith(`${server.url}/`))).toEqual([]);
    }
  },
  TEST_MS_MAX,
);

test(
  "a hostile peer ID is text",
  async () => {
    const page = await open(DESK);
    const texts = await page.evaluate(
      "[...document.querySelectorAll('tbody th bdi')].map((bdi) => bdi.textContent)",
    );
    expect(texts).toContain(HOSTILE_ID);
    expect(await page.evaluate("document.scripts.length")).toBe(1);
  },
  TEST_MS_MAX,
);

for (const screen of [DESK, PHONE]) {
  test(
    `on ${screen.width} columns no page overflows`,
    async () => {
      for (const path of PAGES) {
        const page = await open(screen, path);
        const width = await page.evaluate("document.documentElement.scrollWidth");
        expect([path, width]).toEqual([path, screen.width]);
      }
    },
    TEST_MS_MAX,
  );

  test(
    `on ${screen.width} columns nothing overflows, and a table stays one for screen readers`,
    async () => {
      const page = await open(screen);
      const width = await page.evaluate("document.documentElement.scrollWidth");
      expect(width).toBe(screen.width);
      const roles = await page.roles();
      expect(roles.get("table")).toBe(2);
      // Six sites, four that are not connected; twice that would be the cards' heads too.
      expect(roles.get("rowheader")).toBe(10);
      expect(roles.get("columnheader")).toBe(13);
    },
    TEST_MS_MAX,
  );
}

test(
  "events appear on the page without a reload; text being typed stays",
  async () => {
    const page = await open(DESK);
    const alerts = "[...document.querySelectorAll('[role=alert]')].map((e) => e.textContent)";
    expect(await page.evaluate(alerts)).toEqual(problems);
    await page.evaluate("window.isTheSame = true");
    await page.evaluate("document.querySelector('input[name=q]').value = 'typed'");
    problems.push("a new problem");
    // Sooner than by time alone.
    const until = performance.now() + 8_000;
    while (performance.now() < until) {
      if (String(await page.evaluate(alerts)).includes("a new problem")) break;
      // An event may arrive before the stream is open.
      happen();
      await Bun.sleep(200);
    }
    expect(await page.evaluate(alerts)).toEqual(problems);
    expect(await page.evaluate("window.isTheSame")).toBe(true);
    expect(await page.evaluate("document.querySelector('input[name=q]').value")).toBe("typed");
    expect(page.complaints).toEqual([]);
    problems.pop();
  },
  TEST_MS_MAX,
);

test(
  "the page says that a session is over: nothing looks live that is not",
  async () => {
    const token = "token-for-reading-1234567890";
    const tokens: { token: string; host: string } = { token, host: "127.0.0.1" };
    const app = createStatusApp(sampleSource({ sites: 1 }), tokens);
    const guarded = serveStatus(app, { host: "127.0.0.1", port: 0 });
    if (!guarded.ok) throw new Error(guarded.error.detail);
    const page = await browser.open(`${guarded.value.url}${TUNNELS}`, DESK);
    await shows(page, "location.pathname", "/status/login");
    await page.evaluate(`document.querySelector('input[name=token]').value = '${token}'`);
    await page.evaluate("document.querySelector('form.login').requestSubmit()");
    await shows(page, LIVENESS, "live");
    tokens.token = "another-token-1234567890";
    await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))");
    await shows(page, LIVENESS, "logged out");
    await guarded.value.stop();
  },
  TEST_MS_MAX,
);

test(
  "a restart of the server: the page says so, and then follows events again by itself",
  async () => {
    const followers = new Set<() => void>();
    const app = createStatusApp(sampleSource({ sites: 1, listeners: followers }), {
      ...{ token: undefined, host: "127.0.0.1" },
    });
    const serve = (port: number): StatusServer => {
      const served = serveStatus(app, { host: "127.0.0.1", port });
      if (!served.ok) throw new Error(served.error.detail);
      return served.value;
    };
    const isFollowed = () => followers.size > 0;
    const former = serve(0);
    const page = await browser.open(`${former.url}${TUNNELS}`, DESK);
    await lookUntil("the page follows events", isFollowed, patient(20_000));
    await page.evaluate("window.isTheSame = true");
    await former.stop();
    await lookUntil("nobody follows events", () => !isFollowed(), patient(20_000));
    await shows(page, LIVENESS, "no answer from the server");
    const next = serve(Number(new URL(former.url).port));
    await shows(page, LIVENESS, "live");
    await lookUntil("the page follows events again", isFollowed, patient(20_000));
    expect(await page.evaluate("window.isTheSame")).toBe(true);
    await next.stop();
  },
  TEST_MS_MAX,
);

const LIVENESS = "document.querySelector('[data-liveness]')?.textContent";

/** Waits until an expression has this text in the page. */
async function shows(page: Page, expression: string, text: string): Promise<void> {
  const has = async () => String(await page.evaluate(expression).catch(() => "")).includes(text);
  await lookUntil(`${expression} has ${text}`, has, patient(20_000));
}

test(
  "rows are cards on a phone: each value below the previous one, with its name",
  async () => {
    const page = await open(PHONE);
    const tops = (await page.evaluate(
      "[...document.querySelector('tbody tr').children].map((e) => e.getBoundingClientRect().top)",
    )) as number[];
    expect(tops.length).toBe(8);
    expect(tops).toEqual([...new Set(tops)].toSorted((a, b) => a - b));
    const name = await page.evaluate(
      "getComputedStyle(document.querySelector('tbody td'), '::before').content",
    );
    expect(name).toBe('"Base eroute"');
  },
  TEST_MS_MAX,
);

for (const scheme of ["light", "dark"] as const) {
  test(
    `in ${scheme} colours every text has enough contrast`,
    async () => {
      for (const path of PAGES) {
        const page = await open({ ...DESK, scheme }, path);
        const colour = "getComputedStyle(document.body).backgroundColor";
        const ground = String(await page.evaluate(colour));
        expect(luminance(ground) > 0.5).toBe(scheme === "light");
        const pairs = (await page.evaluate(COLOUR_PAIRS)) as [text: string, ground: string][];
        expect(pairs.length).toBeGreaterThan(3);
        const faint = pairs.filter(([text, behind]) => contrast(text, behind) < CONTRAST_MIN);
        expect([path, faint]).toEqual([path, []]);
      }
    },
    TEST_MS_MAX,
  );
}

/**
 * Colours of each text in the page, with the nearest background behind it that is not transparent.
 */
const COLOUR_PAIRS = `(() => {
  const pairs = new Map();
  for (const element of document.querySelectorAll("body *")) {
    if (![...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim())) continue;
    let behind = element;
    const groundOf = (of) => getComputedStyle(of).backgroundColor;
    while (behind.parentElement && groundOf(behind) === "rgba(0, 0, 0, 0)") {
      behind = behind.parentElement;
    }
    const pair = [getComputedStyle(element).color, groundOf(behind)];
    pairs.set(pair.join(), pair);
  }
  return [...pairs.values()];
})()`;

/** WCAG's contrast ratio of two colours. */
function contrast(a: string, b: string): number {
  const [light = 0, dark = 0] = [luminance(a), luminance(b)].toSorted((x, y) => y - x);
  return (light + 0.05) / (dark + 0.05);
}

function luminance(colour: string): number {
  const [r = 0, g = 0, b = 0] = (colour.match(/[\d.]+/g) ?? []).map((text) => {
    const part = Number(text) / 255;
    return part <= 0.040_45 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}
