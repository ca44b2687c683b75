/**
 * `erouted peers set|disable|enable|remove`: what is written, and what a daemon is told at once.
 */

import { afterEach, beforeEach, expect, test } from "bun:test";
import { createFolder, type Folder } from "./folder.ts";
import { type Ran, runWith } from "./terminal.ts";

const TOKEN = "0123456789abcdefghijklmnopqrstuv";
const KEY = "a-key-that-is-long-enough-0123";

let server: ReturnType<typeof Bun.serve>;
let at: Folder;
let asked: string[];
let status: number;

beforeEach(async () => {
  asked = [];
  status = 202;
  server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch(request) {
      const { pathname } = new URL(request.url);
      asked.push(`${request.method} ${pathname} ${request.headers.get("authorization")}`);
      return Response.json({ detail: "the row of the site is read anew" }, { status });
    },
  });
  const operated = `listen = "127.0.0.1:${server.port}"\noperate_token_file = "FOLDER/token"`;
  at = createFolder(['listen = "127.0.0.1:18080"', operated]);
  at.write("token", `${TOKEN}\n`);
  expect((await peers("init")).code).toBe(0);
  const site1 = ["--peerid", "site-1", "--remip", "192.168.1.0", "--password-stdin"];
  expect((await peersWith(KEY, "add", ...site1)).code).toBe(0);
});

afterEach(async () => {
  at.dispose();
  await server.stop(true);
});

function peers(...args: readonly string[]): Promise<Ran> {
  return peersWith("", ...args);
}

function peersWith(stdin: string, ...args: readonly string[]): Promise<Ran> {
  return runWith(["peers", ...args, "--config", at.config], stdin);
}

async function row(peerid = "site-1"): Promise<Record<string, unknown>> {
  const { out } = await peers("export", "--json", "--with-passwords");
  const rows = out.split("\n").map((line) => JSON.parse(line));
  return rows.find((found) => found.peerid === peerid);
}

const RELOAD = `POST /api/v1/peers/site-1/reload Bearer ${TOKEN}`;

test("set changes only what is given, and a running daemon reads it at once", async () => {
  const ran = await peersWith(`${KEY}9\n`, "set", "SITE-1", "peerip=192.0.2.7", "--password-stdin");
  expect(ran.code).toBe(0);
  expect(ran.err).toContain("site-1: changed password, peerip");
  expect(ran.err).toContain("the row of the site is read anew");
  expect(await row()).toMatchObject({
    peerip: "192.0.2.7",
    password: `${KEY}9`,
    remip: "192.168.1.0",
  });
  expect(asked).toEqual([RELOAD]);
  expect(ran.out + ran.err).not.toContain(KEY);
  await peers("set", "site-1", "peerip=");
  expect(await row()).toMatchObject({ peerip: null });
});

test("keys are generated and printed for routers as password_format says", async () => {
  for (const [format, shape] of [
    ["hex", /^[0-9a-f]{64}$/],
    ["base64", /^[A-Za-z0-9+/]{43}=$/],
  ] as const) {
    const text = await Bun.file(at.config).text();
    const plain = text.replace(/^password_format.*\n/m, "");
    const line = `[[egroup]]\npassword_format = "${format}"`;
    await Bun.write(at.config, plain.replace("[[egroup]]", line));
    const ran = await peers("set", "site-1", "--generate");
    expect([format, ran.code, ran.out]).toEqual([format, 0, expect.stringMatching(shape)]);
    const octets = format === "hex" ? ran.out : Buffer.from(ran.out, "base64").toString("hex");
    const remote = ["remote-config", "site-1", "--for", "strongswan", "--address", "192.0.2.1"];
    expect((await peers(...remote)).out).toContain(`0x${octets}`);
  }
});

test("set --generate prints the new key once, as JSON too", async () => {
  const ran = await peers("set", "site-1", "--generate", "--json");
  const said = JSON.parse(ran.out);
  expect(said).toMatchObject({ peerid: "site-1", changed: ["password"], counts: "at once" });
  expect(await row()).toMatchObject({ password: said.password });
});

test("set refuses what add would refuse, and writes nothing", async () => {
  await peers("add", "--peerid", "site-2", "--remip", "192.168.2.0", "--generate");
  const cases = [
    [["remip=10.0.0.0/24"], 1, "the subnet of site-1 is 10.0.0.0/24"],
    [["remip=192.168.2.0"], 1, "has the subnet 192.168.2.0/24, and so has site-2"],
    [["peerip=not an address"], 1, "peerip of site-1"],
    [["disabled=perhaps"], 1, "write 0 or 1"],
    [["password=secret"], 2, "--password-file"],
    [["peerid=site-3"], 2, "cannot be changed"],
    [["remipp=192.168.2.0"], 2, "perhaps remip"],
    [["remip"], 2, "NAME=VALUE"],
    [["peerip=192.0.2.1", "peerip=192.0.2.2"], 2, "given twice"],
    [[], 2, "nothing to change"],
  ] as const;
  const before = await row();
  for (const [settings, code, says] of cases) {
    const ran = await peers("set", "site-1", ...settings);
    expect([settings, ran.code, ran.err]).toEqual([settings, code, expect.stringContaining(says)]);
  }
  expect(await row()).toEqual(before);
  expect((await peers("set", "site-9", "peerip=192.0.2.7")).err).toContain("no row for site-9");
  expect((await peers("set", "site-1", "remip=192.168.2.0", "--allow-overlap")).code).toBe(0);
  expect(asked).toEqual([RELOAD]);
});

test("disable and enable reach the daemon at once, even if the row is already so", async () => {
  expect((await peers("disable", "site-1")).err).toContain("changed disabled");
  expect(await row()).toMatchObject({ disabled: "1" });
  expect((await peers("disable", "site-1")).err).toContain("is already so");
  expect((await peers("enable", "site-1")).code).toBe(0);
  expect(await row()).toMatchObject({ disabled: "0" });
  expect(asked).toEqual([RELOAD, RELOAD, RELOAD]);
});

test("enable refuses a site whose subnet another one has got in the meantime", async () => {
  await peers("disable", "site-1");
  await peers("add", "--peerid", "site-2", "--remip", "192.168.1.0", "--generate");
  expect((await peers("enable", "site-1")).err).toContain("and so has site-2");
  expect(await row()).toMatchObject({ disabled: "1" });
  expect((await peers("enable", "site-1", "--allow-overlap")).code).toBe(0);
});

test("remove makes a running daemon close the site at once", async () => {
  const ran = await peers("remove", "site-1");
  expect(ran).toMatchObject({ code: 0, out: expect.stringContaining("removed site-1") });
  expect(ran.err).toBe("the row of the site is read anew");
  expect(asked).toEqual([RELOAD]);
  expect((await peers("remove", "site-1")).code).toBe(1);
});

test("without a daemon, or its token, the output says when the change takes effect", async () => {
  status = 401;
  const denied = await peers("disable", "site-1");
  expect(denied.code).toBe(0);
  expect(denied.err).toContain("this token is not accepted");
  expect(denied.err).toContain("it takes effect from the next look, at most 4 minutes from now");
  await server.stop(true);
  const alone = await peers("remove", "site-1", "--json");
  expect(JSON.parse(alone.out)).toMatchObject({ removed: true, counts: "from the next look" });
});
