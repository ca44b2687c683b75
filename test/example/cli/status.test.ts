/** `erouted status`: asks a daemon's HTTP API; here a server that answers as one does. */

import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { createFolder, type Folder } from "./folder.ts";
import { type Ran, runWith } from "./terminal.ts";

const TOKEN = "0123456789abcdefghijklmnopqrstuv";
let server: ReturnType<typeof Bun.serve>;
let folder: Folder;
let answer: (path: string) => Response;
/** The authorization of each request. */
let asked: (string | null)[] = [];

beforeAll(() => {
  server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch(request) {
      asked.push(request.headers.get("authorization"));
      return answer(new URL(request.url).pathname);
    },
  });
  folder = createFolder(["127.0.0.1:18080", `127.0.0.1:${server.port}`]);
});

afterEach(() => {
  asked = [];
});

afterAll(async () => {
  folder.dispose();
  await server.stop(true);
});

function answers(path: string): Response {
  if (path === "/api/v1/status") {
    return Response.json({
      version: "0.1.0",
      uptime_seconds: 93_784,
      dataplane: "xfrm",
      problems: ["database of egroup sites: down"],
      listening: ["192.0.2.1:500"],
      gauges: { dynamic_eroutes: 7, dynamic_eroutes_max: 4096, ike_sas: 7, child_sas: 8 },
      counters: { ike_sas_established: 9, authentication_failures: 1, internal_errors: 0 },
      databases: [
        { egroup: "sites", source: "sqlite:p", lookups: 9, failures: 1, last_fault: "down" },
      ],
    });
  }
  if (path !== "/api/v1/dynamic-eroutes") return new Response("", { status: 404 });
  const eroute = {
    name: "fleet/site-1",
    base_eroute: "fleet",
    peer_id: "site-1\u001b[2J",
    state: "established",
    peer_address: "198.51.100.7:4500",
    remote_subnets: ["192.168.1.0/24", "192.168.2.0/24"],
    created_at: "2030-01-01T00:00:00Z",
  };
  return Response.json({ total: 7, dynamic_eroutes: [eroute] });
}

function status(...args: readonly string[]): Promise<Ran> {
  return runWith(["status", ...args]);
}

test("R8: status shows the daemon's state and its dynamic eroutes as a table", async () => {
  answer = answers;
  const { code, out, err } = await status("--config", folder.config);
  expect([code, err]).toEqual([0, ""]);
  const lines = out.split("\n").map((line) => line.split(/ {2,}/));
  expect(lines).toEqual([
    ["erouted", "0.1.0, up 1 d 2 h"],
    ["PROBLEM", "database of egroup sites: down"],
    ["data plane", "xfrm"],
    ["listening", "192.0.2.1:500"],
    ["now", "7 of 4096 dynamic eroutes, 0 normal, 7 IKE SAs, 0 half-open, 8 Child SAs"],
    ["since start", "9 sites let in, 1 refused, 0 evicted"],
    ["egroup sites", "sqlite:p: 9 look-ups, 1 failed; the last one: down"],
    [""],
    ["EROUTE", "PEER ID", "STATE", "PEER ADDRESS", "REMOTE SUBNETS", "SINCE"],
    [
      "fleet",
      "site-1?[2J",
      "established",
      "198.51.100.7:4500",
      "192.168.1.0/24, 192.168.2.0/24",
      "2030-01-01T00:00:00Z",
    ],
    ["1 of 7"],
  ]);
});

test("--json hands on both answers as they are", async () => {
  answer = answers;
  const { code, out } = await status("--url", server.url.href, "--json");
  expect(code).toBe(0);
  expect(JSON.parse(out)).toMatchObject({
    status: { version: "0.1.0" },
    total: 7,
    dynamic_eroutes: [{ base_eroute: "fleet" }],
  });
});

test("a token file is shown to the daemon, and a wrong token is said", async () => {
  answer = (path) => {
    const shown = asked.at(-1);
    return shown === `Bearer ${TOKEN}` ? answers(path) : new Response("", { status: 401 });
  };
  const file = folder.write("token", `${TOKEN}\n`);
  expect((await status("--url", server.url.href, "--token-file", file)).code).toBe(0);
  const without = await status("--url", server.url.href);
  expect(without.code).toBe(1);
  expect(without.err).toContain("--token-file");
});

test("the configuration's token goes to its own daemon only, not to another --url", async () => {
  answer = answers;
  const file = folder.write("config-token", TOKEN);
  const own = createFolder([
    'listen = "127.0.0.1:18080"',
    `listen = "127.0.0.1:${server.port}"\ntoken_file = "${file}"`,
  ]);
  await status("--config", own.config);
  expect(asked).toEqual([`Bearer ${TOKEN}`, `Bearer ${TOKEN}`]);
  asked = [];
  await status("--config", own.config, "--url", server.url.href);
  expect(asked).toEqual([null, null]);
  own.dispose();
});

test("a daemon that is not there, or something else in its place, is said in words", async () => {
  answer = () => new Response("<html>");
  const other = await status("--url", server.url.href);
  expect(other).toMatchObject({ code: 1, out: "" });
  expect(other.err).toContain("is that erouted?");
  answer = () => new Response("", { status: 500 });
  expect((await status("--url", server.url.href)).err).toContain("answers 500");
  const nobody = await status("--url", "http://127.0.0.1:9");
  expect(nobody.code).toBe(1);
  expect(nobody.err).toContain("does erouted run");
});

test("an address that is none is wrong usage", async () => {
  for (const url of ["127.0.0.1:8080", "file:///etc/passwd", "http://"]) {
    expect([url, (await status("--url", url)).code]).toEqual([url, 2]);
  }
});
