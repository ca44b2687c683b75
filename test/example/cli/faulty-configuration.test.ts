/**
 * Commands that ask a daemon need little of the file: a fault in the rest is reported in one line.
 */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { chmodSync, readFileSync } from "node:fs";
import { createFolder, type Folder } from "./folder.ts";
import { type Ran, runWith } from "./terminal.ts";

let server: ReturnType<typeof Bun.serve>;
let folder: Folder;
let text: string;
let asked: (string | null)[] = [];

beforeAll(() => {
  server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch(request) {
      asked.push(request.headers.get("authorization"));
      const { pathname } = new URL(request.url);
      return Response.json(ANSWERS.get(pathname) ?? { version: "9", dynamic_eroutes: [] });
    },
  });
  folder = createFolder(["127.0.0.1:18080", `127.0.0.1:${server.port}`]);
  text = readFileSync(folder.config, "utf8");
});

afterAll(async () => {
  folder.dispose();
  await server.stop(true);
});

const ANSWERS = new Map<string, unknown>([
  ["/api/v1/peers/site-1/explain", { summary: "connected", connected: true, facts: [] }],
  ["/api/v1/events", { events: [], oldest: 1 }],
  ["/api/v1/dynamic-eroutes", { total: 0, dynamic_eroutes: [] }],
  ["/api/v1/eroutes", { total: 0, eroutes: [] }],
]);

function run(config: string, ...args: readonly string[]): Promise<Ran> {
  asked = [];
  return runWith([...args, "--config", folder.write("faulty.toml", config)]);
}

const COMMANDS = [["status"], ["why", "site-1"], ["tunnels"], ["events"]];

test.each(COMMANDS)("an unknown key elsewhere does not stop %s", async (...args) => {
  const ran = await run(`${text}\n[log]\nlvel = "info"\nformt = "text"\n`, ...args);
  expect([ran.code, asked.length > 0]).toEqual([0, true]);
  expect(ran.err).toMatch(
    /^warning: \S+faulty\.toml:\d+: log\.lvel is not a known key; .*, and 1 more fault \(erouted/,
  );
  expect(ran.err.match(/warning/g)?.length).toBe(1);
});

test("a wrong type, a missing secret, eroutes that contradict: no matter", async () => {
  const wrong = text
    .replace("[ike]", "[ike]\nhalf_open_max = true")
    .replace("[dataplane]", '[[user]]\nname = "a"\npassword_file = "/nowhere"\n[dataplane]');
  expect((await run(wrong, "status")).code).toBe(0);
  const fine = await run(
    text.replace('peerid = "site-*"', 'peerid = "*"\npeerip = "192.0.2.1"'),
    "status",
  );
  expect([fine.code, fine.err]).toEqual([0, ""]);
});

test("a file that is cut off, or not TOML after [status], still says where to ask", async () => {
  const cut = await run(text.slice(0, text.indexOf("remote_mask") + 16), "status");
  expect([cut.code, asked.length > 0]).toEqual([0, true]);
  expect(cut.err).toMatch(/^warning: \S+faulty\.toml:\d+: column \d+: /);
  const within = text.replace(/(\[status\]\nlisten = .*\n)[\s\S]*/, '$1token_file = "');
  expect(within).toEndWith('token_file = "');
  expect((await run(within, "status")).code).toBe(0);
});

test("the token of a faulty file is still sent; one that cannot be read is not", async () => {
  const token = folder.write("token", "t0ken-of-the-daemon");
  const wrong = text.replace("[status]", `[status]\ntoken_file = "${token}"\nlissen = "x"`);
  expect((await run(wrong, "status")).code).toBe(0);
  expect(asked[0]).toBe("Bearer t0ken-of-the-daemon");
  const gone = await run(wrong.replace("lissen", "operate_token_file"), "status");
  expect([gone.code, asked[0]]).toEqual([0, "Bearer t0ken-of-the-daemon"]);
  expect(gone.err).toContain('operate_token_file is "x": there is no such file');
});

test("a file that cannot be read does not matter with --url", async () => {
  const file = folder.path("is-not-there.toml");
  const url = server.url.href;
  expect((await runWith(["status", "--config", file, "--url", url])).code).toBe(0);
  const without = await runWith(["status", "--config", file]);
  expect([without.code, without.err]).toEqual([1, expect.stringContaining("give --url")]);
  const folded = folder.path(".");
  chmodSync(folded, 0o700);
  expect((await runWith(["status", "--config", folded, "--url", url])).code).toBe(0);
});
