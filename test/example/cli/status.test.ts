/** `erouted status`: asks a daemon's HTTP API; here a server that answers like one. */

import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { createFolder, type Folder } from "./folder.ts";
import { type Ran, runWith } from "./terminal.ts";

const TOKEN = "0123456789abcdefghijklmnopqrstuv";
let server: ReturnType<typeof Bun.serve>;
let folder: Folder;
let answer: (path: string, query: URLSearchParams) => Response;
/** The authorization of each request. */
let asked: (string | null)[] = [];

beforeAll(() => {
  server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch(request) {
      asked.push(request.headers.get("authorization"));
      const { pathname, searchParams } = new URL(request.url);
      return answer(pathname, searchParams);
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

const STATE = {
  status: "degraded",
  problems: ["database of egroup sites: connect ECONNREFUSED 192.0.2.9:3306"],
  version: "0.1.0",
  started_at: "2030-01-01T00:00:00Z",
  uptime_seconds: 90_061,
  dataplane: "xfrm",
  config_file: "/etc/erouted/erouted.toml",
  listening: ["192.0.2.1:500", "192.0.2.1:4500", "[::1]:500", "[::1]:4500"],
  gauges: { dynamic_eroutes: 1, dynamic_eroutes_max: 4096, ike_sas: 1, child_sas: 2 },
  counters: { ike_sas_established: 3, negotiations_failed: 2, cookies_sent: 0, kernel_refusals: 1 },
  databases: [
    {
      egroup: "sites",
      source: "mysql://erouted@db/vpn table eroutes",
      lookups: 4,
      failures: 1,
      waiting: 0,
      last_fault: "connect ECONNREFUSED 192.0.2.9:3306",
      seconds_sum: 0.01,
    },
  ],
};

const EROUTE = {
  name: "fleet/site-1",
  base_eroute: "fleet",
  peer_id: "site-1\u001b[2J",
  state: "established",
  peer_address: "198.51.100.7",
  remote_subnets: ["192.168.1.0/24", "10.2.0.0/24"],
  created_at: "2030-01-02T00:00:01Z",
  child_sas: [
    { bytes_in: 1_000, bytes_out: 12 },
    { bytes_in: 500, bytes_out: null },
  ],
};

function answers(path: string): Response {
  if (path === "/api/v1/status") return Response.json(STATE);
  if (path !== "/api/v1/dynamic-eroutes") return new Response("", { status: 404 });
  return Response.json({ total: 7, dynamic_eroutes: [EROUTE] });
}

function status(...args: readonly string[]): Promise<Ran> {
  return runWith(["status", ...args]);
}

test("R8: status says what is wrong first, then counts, databases, tunnels", async () => {
  answer = answers;
  const { code, out, err } = await status("--config", folder.config);
  expect([code, err]).toEqual([0, ""]);
  expect(out).toBe(`erouted 0.1.0, up 1d 1h: DEGRADED

PROBLEM      database of egroup sites: connect ECONNREFUSED 192.0.2.9:3306
note         the kernel refused 1 request: see the log
tunnels      1 of at most 4096, 1 IKE SA with 2 Child SAs
since start  3 connected, 2 negotiations failed
database     sites: mysql://erouted@db/vpn table eroutes, FAILS, 4 look-ups of 2.5 ms, 1 failed
listening    192.0.2.1, [::1]: UDP ports 500 and 4500
config       /etc/erouted/erouted.toml

PEER ID     EROUTE  STATE        FOR    PEER ADDRESS  REMOTE SUBNETS               \
KEY EXCHANGE  IKE  RECEIVED  SENT
site-1?[2J  fleet   established  1h 1m  198.51.100.7  192.168.1.0/24, 10.2.0.0/24  \
-             -    1.5 kB    12 B
the 1 oldest of 7; all: erouted tunnels`);
});

test("status without tunnels, or from a daemon that reports less, still reads well", async () => {
  answer = (path) =>
    Response.json(path === "/api/v1/status" ? { version: "9" } : { dynamic_eroutes: [] });
  const { out } = await status("--config", folder.config);
  expect(out).toBe("erouted 9\n\n\nno dynamic eroutes");
});

test("R8: status asks for page after page until it has all tunnels", async () => {
  const site = (number: number) => ({ ...EROUTE, peer_id: `site-${number}` });
  const sites = Array.from({ length: 2_345 }, (_, number) => site(number));
  answer = (path, query) => {
    if (path === "/api/v1/status") return Response.json(STATE);
    const offset = Number(query.get("offset"));
    const page = sites.slice(offset, offset + Number(query.get("limit")));
    return Response.json({ total: sites.length, dynamic_eroutes: page });
  };
  const { out } = await status("--url", server.url.href, "--json");
  expect(JSON.parse(out).dynamic_eroutes).toEqual(sites);
});

test("--json passes on both answers unchanged", async () => {
  answer = answers;
  const { code, out } = await status("--url", server.url.href, "--json");
  expect(code).toBe(0);
  expect(JSON.parse(out)).toMatchObject({
    status: { version: "0.1.0" },
    total: 7,
    dynamic_eroutes: [{ base_eroute: "fleet" }],
  });
});

test("a token file is sent to the daemon, and a wrong token is reported", async () => {
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

test("a missing daemon, or something else in its place, is reported in words", async () => {
  answer = () => new Response("<html>");
  const other = await status("--url", server.url.href);
  expect(other).toMatchObject({ code: 1, out: "" });
  expect(other.err).toContain("is that erouted?");
  answer = () => Response.json({ detail: "it is broken" }, { status: 500 });
  expect((await status("--url", server.url.href)).err).toContain("answers 500: it is broken");
  answer = () => Response.json({ version: "1" });
  expect((await status("--url", server.url.href)).err).toContain("is that erouted?");
  const nobody = await status("--url", "http://127.0.0.1:9");
  expect(nobody.code).toBe(1);
  expect(nobody.err).toContain("does erouted run");
});

test("an invalid address is wrong usage", async () => {
  for (const url of ["127.0.0.1:8080", "file:///etc/passwd", "http://"]) {
    expect([url, (await status("--url", url)).code]).toEqual([url, 2]);
  }
});
