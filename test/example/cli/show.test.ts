/** `erouted tunnels|sa|events`: what they show from a daemon's own API. */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { createJournal } from "../../../src/concentrator/journal/create-journal.ts";
import { createStatusApp } from "../../../src/status/app.ts";
import { failures, NOW_MS, sampleSource } from "../status/sample.ts";
import { runWith } from "./terminal.ts";

const SITES = 12;
const journal = createJournal(1000);
const listeners = new Set<() => void>();
let server: ReturnType<typeof Bun.serve>;

beforeAll(() => {
  const source = sampleSource({
    sites: SITES,
    journal,
    listeners,
    adapt: (view, n) => ({
      ...view,
      peerId: `site-${n}`,
      name: `fleet/site-${n}`,
      ...(n === 2 ? { state: "negotiating", childSas: [] } : {}),
      ...(n === 4 ? { childSas: [] } : {}),
      ...(n === 3 ? { peerId: `site-3-${"long-".repeat(20)}` } : {}),
    }),
  });
  const app = createStatusApp(source, { token: undefined, host: "127.0.0.1" });
  server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: app.fetch, idleTimeout: 60 });
});

afterAll(() => server.stop(true));

const show = (...args: readonly string[]) => runWith([...args, "--url", server.url.href]);

function screenOf(rows = 24, colour = false) {
  const written: string[] = [];
  const abort = new AbortController();
  const write = (text: string) => void written.push(text);
  return { written, abort, screen: { rows, colour, write, interrupted: () => abort.signal } };
}

test("tunnels shows all, with the totals last, at full length without a terminal", async () => {
  const { code, out } = await show("tunnels");
  const lines = out.split("\n");
  expect(code).toBe(0);
  expect(lines[0]).toMatch(/^PEER ID .*EROUTE .*STATE .*FOR .*RECEIVED .*SENT$/);
  expect(lines.length).toBe(SITES + 2);
  expect(out).toContain("long-".repeat(20));
  expect(out).toMatch(/^site-4 +fleet +no Child SA /m);
  expect(lines.at(-1)).toMatch(
    /^12 tunnels: 10 established, 1 negotiating, 1 no Child SA; \d.* received, .*sent$/,
  );
});

for (const columns of [60, 80, 120]) {
  test(`tables fit a terminal of ${columns} columns`, async () => {
    const { screen } = screenOf();
    const args = [["tunnels"], ["status"], ["sa"]];
    for (const command of args) {
      const on = { columns, screen };
      const { out } = await runWith([...command, "--url", server.url.href], "", on);
      const wide = out.split("\n").filter((line) => Bun.stringWidth(line) > columns);
      expect([command, wide]).toEqual([command, []]);
      expect(out).toContain("site-4");
    }
  });
}

test("narrow terminals lose less important columns; cut texts end in an ellipsis", async () => {
  const { screen } = screenOf();
  const at = async (columns: number) =>
    (await runWith(["tunnels", "--url", server.url.href], "", { columns, screen })).out;
  expect(await at(60)).toMatch(/site-3-long[-long]*…/);
  expect((await at(60)).split("\n")[0]).not.toContain("EROUTE");
  expect((await at(120)).split("\n")[0]).toContain("EROUTE");
});

test("tunnels are filtered by text, eroute and state", async () => {
  expect((await show("tunnels", "SITE-11")).out).toMatch(/^1 of 12 tunnels: 1 established/m);
  expect((await show("tunnels", "--state", "negotiating")).out).toContain("site-2 ");
  expect((await show("tunnels", "--eroute", "nobody")).out).toBe("none of 12 tunnels");
  expect((await show("tunnels", "--state", "asleep")).code).toBe(2);
  expect((await show("tunnels", "--with", "x25519")).out).toMatch(
    /^1\d of 12 tunnels|^12 tunnels/m,
  );
  expect((await show("tunnels", "--without", "x25519")).out).toBe("none of 12 tunnels");
  expect((await show("tunnels", "--with", "bogus")).err).toContain(
    "with must be an algorithm, such as mlkem768",
  );
});

test("tunnels are sorted; numbers in IDs by their value", async () => {
  const idsOf = (out: string) => out.split("\n").map((line) => line.split(" ")[0]);
  const byId = idsOf((await show("tunnels", "--sort", "peerid")).out);
  expect(byId.indexOf("site-9")).toBeLessThan(byId.indexOf("site-10"));
  const most = idsOf((await show("tunnels", "--sort", "received", "--reverse")).out);
  expect(most[1]).toBe("site-12");
});

test("tunnels --json prints the daemon's answer", async () => {
  const { out } = await show("tunnels", "--json", "site-11");
  const answer = JSON.parse(out);
  expect([answer.total, answer.eroutes[0].peer_id]).toEqual([12, "site-11"]);
});

test("--watch draws in place, no more than there is room for, until interrupted", async () => {
  const { written, abort, screen } = screenOf(8);
  const args = ["tunnels", "--url", server.url.href, "--watch", "0.2"];
  const running = runWith(args, "", { columns: 80, screen });
  while (written.length < 3) await Bun.sleep(5);
  abort.abort();
  expect(await running).toEqual({ code: 0, out: "", err: "" });
  const [first = ""] = written;
  expect(first).toStartWith("\x1b[?25l\x1b[HPEER ID");
  expect(first.split("\r\n").length - 1).toBeLessThan(8);
  expect(first).toContain("12 tunnels: 10 established");
  expect(written.at(-1)).toBe("\x1b[?25h");
});

test("--watch takes seconds", async () => {
  expect((await show("tunnels", "--watch", "soon")).code).toBe(2);
});

test("colours are for terminals that want them", async () => {
  const args = ["tunnels", "site-1", "--url", server.url.href];
  const coloured = await runWith(args, "", { columns: 80, screen: screenOf(24, true).screen });
  const plain = await runWith(args, "", { columns: 80, screen: screenOf(24, false).screen });
  expect(coloured.out).toContain("\x1b[32mestablished");
  expect(plain.out).not.toContain("\x1b");
  expect((await runWith(args)).out).not.toContain("\x1b");
});

test("sa shows SPIs, algorithms, ends, ages and traffic of one site", async () => {
  const { code, out } = await show("sa", "site-5");
  expect(code).toBe(0);
  expect(out).toMatch(/^fleet\/site-5 \(site-5\), established$/m);
  expect(out).toMatch(/^ {2}IKE SA +\S+:\d+ <-> \S+:\d+, .*NAT.*, responder since /m);
  expect(out).toMatch(/SPIi [0-9a-f]{16}, SPIr [0-9a-f]{16}/);
  expect(out).toMatch(/^ {12}in 0x?[0-9a-f]{8}.* in \d+ packets?$/m);
  expect(out).toMatch(/^1 IKE SA, 1 Child SA$/m);
});

test("a site without SA ends sa with 4", async () => {
  const { code, out } = await show("sa", "site-99");
  expect(code).toBe(4);
  expect(out).toContain("erouted why site-99");
  expect(JSON.parse((await show("sa", "site-99", "--json")).out)).toEqual({ eroutes: [] });
});

function happen(peerId: string, level: "info" | "warning" = "info", wallMs = NOW_MS): void {
  const entry = { level, step: "IKE_AUTH", outcome: "ok", reason: "established" } as const;
  const more = { eroute: "fleet", remote: "192.0.2.1:500", ikeSa: "", detail: "is up" };
  journal.add({ ...entry, ...more, peerId }, wallMs);
  for (const listener of listeners) listener();
}

test("events are shown a line each; of a site, of a level, since a time", async () => {
  happen("site-7");
  happen("site-8", "warning", NOW_MS + 60_000);
  const { code, out } = await show("events", "--site", "SITE-7");
  expect(code).toBe(0);
  expect(out).toMatch(
    /^\d{4}-\d\d-\d\d [\d:]{8}Z {2}info {5}site-7 {2}IKE_AUTH {2}established: is up \(192/,
  );
  expect((await show("events", "--level", "warning")).out).not.toContain("site-7");
  const since = new Date(NOW_MS + 1000).toISOString();
  expect((await show("events", "--since", since)).out.split("\n").length).toBe(1);
  expect((await show("events", "--since", "yesterday")).code).toBe(2);
  const lines = (await show("events", "--json")).out.split("\n").map((line) => JSON.parse(line));
  expect(lines.at(-1)).toMatchObject({ site: "site-8", level: "warning" });
});

test("events since a time are all that the daemon keeps, not one page of them", async () => {
  const since = new Date(NOW_MS + 120_000).toISOString();
  const none = await show("events", "--since", since);
  expect([none.code, none.out]).toEqual([0, ""]);
  expect(none.err).toStartWith(`erouted: no events since ${since}: erouted keeps the last ones`);
  const kept = new Date(journal.following(0, 1)[0]?.wallMs ?? 0).toISOString();
  const ofNobody = (await show("events", "--site", "site-404")).err;
  expect(ofNobody).toStartWith("erouted: no events of site-404: erouted keeps");
  expect(ofNobody).toEndWith(`now since ${kept.slice(0, 19).replace("T", " ")}Z`);
  const many = createJournal(2_600);
  const source = sampleSource({ sites: 0, entries: [], journal: many });
  const [failure] = failures();
  if (failure === undefined) throw new Error("no failure");
  for (let n = 0; n < 2_500; n++) many.add(failure, NOW_MS + n * 1_000);
  const app = createStatusApp(source, { token: undefined, host: "127.0.0.1" });
  const other = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: app.fetch });
  const read = async (from: number) => {
    const since = new Date(NOW_MS + from * 1_000).toISOString();
    const args = ["events", "--json", "--since", since, "--url", other.url.href];
    const lines = (await runWith(args)).out.split("\n");
    return lines.map((line) => (JSON.parse(line) as { sequence: number }).sequence);
  };
  const all = await read(0);
  expect([all.length, all[0], all.at(-1)]).toEqual([2_500, 1, 2_500]);
  expect((await read(400)).length).toBe(2_100);
  await other.stop(true);
});

test("why without a site: what is not connected, and why; 4 if a site is among them", async () => {
  const { code, out } = await show("why");
  expect(code).toBe(4);
  const lines = out.split("\n").map((line) => line.split(/ {2,}/));
  expect(lines[0]).toEqual(["SITE", "LAST", "WHEN", "TIMES", "WHY", "FROM"]);
  expect(lines[1]).toEqual([
    "site-4711",
    "failed",
    "1m ago",
    "1",
    "Wrong pre-shared key",
    "203.0.113.7:4500",
  ]);
  expect(lines[2]?.slice(0, 2)).toEqual(["203.0.113.9", "stranger"]);
  expect(out.split("\n").at(-1)).toBe("1 site failed to connect, 1 stranger did not get in");
  const json = await show("why", "--json");
  expect([json.code, JSON.parse(json.out).counts.failed]).toEqual([4, 1]);
  const { screen } = screenOf();
  const narrow = await runWith(["why", "--url", server.url.href], "", { columns: 40, screen });
  expect(Math.max(...narrow.out.split("\n").map((line) => line.length))).toBeLessThanOrEqual(40);
  expect(narrow.out).toContain("Wrong");
  expect((await show("status")).out).toContain("not in       1 site failed to connect, 1 stranger");
});

test("--follow continues across a broken connection, and misses nothing", async () => {
  happen("before");
  const { abort, screen } = screenOf();
  const out: string[] = [];
  const err: string[] = [];
  const seen = async (text: string) => {
    while (!out.some((line) => line.includes(text))) await Bun.sleep(5);
  };
  const port = server.port ?? 0;
  const args = ["events", "--follow", "--url", server.url.href];
  const on = { screen, out: (l: string) => void out.push(l), err: (l: string) => void err.push(l) };
  const running = runWith(args, "", on);
  await seen("before");
  happen("while-it-runs");
  await seen("while-it-runs");
  await server.stop(true);
  happen("meanwhile");
  const app = createStatusApp(sampleSource({ sites: 0, entries: [], journal, listeners }), {
    token: undefined,
    host: "127.0.0.1",
  });
  server = Bun.serve({ hostname: "127.0.0.1", port, fetch: app.fetch, idleTimeout: 60 });
  await seen("meanwhile");
  abort.abort();
  expect((await running).code).toBe(0);
  expect(out.filter((line) => line.includes("while-it-runs")).length).toBe(1);
  expect(err.join("\n")).toContain("trying again");
  expect(err.join("\n")).toContain("connected again");
});
