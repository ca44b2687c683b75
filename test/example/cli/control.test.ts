/** `erouted connect|disconnect|reload`, `peers reload`: what they request, and how they end. */

import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { pcapngHead, pcapngPacket } from "../../../src/inet/pcapng.ts";
import { createFolder, type Folder } from "./folder.ts";
import { type Ran, runWith } from "./terminal.ts";

const TOKEN = "0123456789abcdefghijklmnopqrstuv";
let server: ReturnType<typeof Bun.serve>;
let folder: Folder;
let asked: string[] = [];
let answer: (request: string) => Response;

beforeAll(() => {
  server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch(request) {
      const { pathname, search } = new URL(request.url);
      const what = `${request.method} ${pathname}${search}`;
      asked.push(`${what} ${request.headers.get("authorization")}`);
      return answer(what);
    },
  });
  folder = createFolder([
    'listen = "127.0.0.1:18080"',
    `listen = "127.0.0.1:${server.port}"\noperate_token_file = "FOLDER/token"`,
  ]);
  folder.write("token", `${TOKEN}\n`);
});

beforeEach(() => {
  asked = [];
});

afterAll(async () => {
  folder.dispose();
  await server.stop(true);
});

function run(...args: readonly string[]): Promise<Ran> {
  return runWith([...args, "--config", folder.config]);
}

test("the configuration's operate token is sent, and the answer printed in words", async () => {
  answer = () => Response.json({ outcome: "closing", detail: "site-1 is told" }, { status: 202 });
  expect(await run("disconnect", "C=DE/site 1")).toEqual({
    code: 0,
    out: "site-1 is told",
    err: "",
  });
  expect(await run("rekey", "site-1")).toMatchObject({ code: 0 });
  expect(await run("rekey", "site-1", "--ike")).toMatchObject({ code: 0 });
  expect(await run("peers", "reload", "site-1")).toMatchObject({ code: 0 });
  expect(await run("debug", "site-1", "on", "--for", "2h")).toMatchObject({ code: 0 });
  expect(await run("debug", "site-1", "off")).toMatchObject({ code: 0 });
  expect(await run("log-level", "debug")).toMatchObject({ code: 0 });
  expect((await run("connect", "site-1", "--json")).out).toContain('"outcome": "closing"');
  expect(asked).toEqual([
    `POST /api/v1/peers/C%3DDE%2Fsite%201/disconnect Bearer ${TOKEN}`,
    `POST /api/v1/peers/site-1/rekey Bearer ${TOKEN}`,
    `POST /api/v1/peers/site-1/rekey-ike Bearer ${TOKEN}`,
    `POST /api/v1/peers/site-1/reload Bearer ${TOKEN}`,
    `POST /api/v1/peers/site-1/debug?seconds=7200 Bearer ${TOKEN}`,
    `POST /api/v1/peers/site-1/debug?seconds=0 Bearer ${TOKEN}`,
    `POST /api/v1/log-level?level=debug Bearer ${TOKEN}`,
    `POST /api/v1/peers/site-1/connect Bearer ${TOKEN}`,
  ]);
});

test("redirect: one site, all, or no more; the request has to be clear", async () => {
  answer = () => Response.json({ outcome: "redirecting", detail: "told" }, { status: 202 });
  expect(await run("redirect", "site-1", "--to", "192.0.2.2")).toMatchObject({ code: 0 });
  expect(await run("redirect", "--all", "--to", "vpn2.example")).toMatchObject({ out: "told" });
  expect(await run("redirect", "--stop")).toMatchObject({ code: 0 });
  const wrong = [
    [[], "exactly one of"],
    [["site-1", "--all", "--to", "192.0.2.2"], "exactly one of"],
    [["site-1", "--stop"], "exactly one of"],
    [["--stop", "--to", "192.0.2.2"], "--stop takes no --to"],
    [["site-1"], "--to is missing"],
    [["--all", "--to", "192.0.2.300"], "neither an IP address nor a host name"],
  ] as const;
  for (const [words, said] of wrong) {
    const ran = await run("redirect", ...words);
    expect({ words, code: ran.code }).toEqual({ words, code: 2 });
    expect(ran.err).toContain(said);
  }
  expect(asked).toEqual([
    `POST /api/v1/peers/site-1/redirect?to=192.0.2.2 Bearer ${TOKEN}`,
    `POST /api/v1/redirect?to=vpn2.example Bearer ${TOKEN}`,
    `POST /api/v1/redirect/stop Bearer ${TOKEN}`,
  ]);
});

test("reload says what could not be taken over, and ends with 3 for a faulty file", async () => {
  answer = () =>
    Response.json({
      detail: "read anew",
      databases: ["database of egroup pumps opened"],
      warnings: ["eroute[0].peerid: blanks"],
      needs_restart: ["ike.port"],
    });
  expect((await run("reload")).out.split("\n")).toEqual([
    "read anew",
    "database of egroup pumps opened",
    "warning: eroute[0].peerid: blanks",
    "needs a restart: ike.port",
  ]);
  answer = () =>
    Response.json({ detail: "the file has faults", faults: ["a.toml:1: x"] }, { status: 422 });
  const faulty = await run("reload");
  expect(faulty.code).toBe(78);
  expect(faulty.err).toContain("a.toml:1: x");
  expect(faulty.err).toContain("the file has faults");
});

test("a refusal by the daemon is printed, and ends with 1", async () => {
  answer = () => Response.json({ detail: "site-9 is not connected" }, { status: 404 });
  const refused = await run("disconnect", "site-9");
  expect([refused.code, refused.out]).toEqual([1, ""]);
  expect(refused.err).toBe("erouted: site-9 is not connected");
  answer = () => new Response("", { status: 401 });
  expect((await run("reload")).err).toContain("--token-file");
});

test("without a token nothing is sent", async () => {
  const without = await runWith(["reload", "--url", server.url.href]);
  expect([without.code, asked]).toEqual([1, []]);
  expect(without.err).toContain("operate_token_file");
  answer = () => Response.json({ detail: "done" });
  const file = folder.path("token");
  const given = await runWith(["reload", "--url", server.url.href, "--token-file", file]);
  expect(given.code).toBe(0);
});

test("connect --wait ends when the site is up", async () => {
  let looks = 0;
  answer = (what) => {
    if (what.startsWith("POST")) return Response.json({ outcome: "calling", after: 41 });
    if (what.startsWith("GET /api/v1/events")) return Response.json({ events: [] });
    return Response.json({ peer_id: "site-1", connected: ++looks > 2 });
  };
  expect(await run("connect", "site-1", "--wait")).toMatchObject({
    code: 0,
    out: "site-1 is connected",
  });
  expect(asked).toContain(`GET /api/v1/events?after=41&limit=1000 null`);
});

test("connect --wait goes on while the IKE SA is up without its Child SA", async () => {
  let looks = 0;
  answer = (what) => {
    if (what.startsWith("POST")) return Response.json({ outcome: "calling", after: 41 });
    if (what.startsWith("GET /api/v1/events")) return Response.json({ events: [] });
    return Response.json({ connected: ++looks > 2, calling: false, eroutes: [{ name: "fleet" }] });
  };
  expect(await run("connect", "site-1", "--wait")).toMatchObject({ code: 0 });
});

test("connect --wait says why a site is not up, in the journal's words", async () => {
  const event = { site: "SITE-1", sequence: 44, outcome: "failed", reason: "wrong-psk" };
  const first = { ...event, sequence: 42, reason: "timeout", detail: "no answer" };
  let looks = 0;
  const others = { ...event, site: "site-2", sequence: 43, detail: "of another site" };
  answer = (what) => {
    if (what.startsWith("POST")) return Response.json({ outcome: "calling", after: 41 });
    if (!what.startsWith("GET /api/v1/events")) {
      // The first address fails, the second as well.
      return Response.json({ connected: false, calling: ++looks < 3 });
    }
    if (what.includes("after=41")) return Response.json({ events: [first] });
    return Response.json({ events: [others, { ...event, detail: "AUTH does not fit" }] });
  };
  const failed = await run("connect", "site-1", "--wait", "5");
  expect([failed.code, failed.out]).toEqual([1, ""]);
  expect(failed.err).toContain("site-1 is not connected: wrong-psk: AUTH does not fit");
  expect(failed.err).not.toContain("another site");
});

test("connect --wait ends in time when nothing happens", async () => {
  answer = (what) => {
    if (what.startsWith("POST")) return Response.json({ outcome: "calling", after: 41 });
    return Response.json({ connected: false, events: [] });
  };
  const failed = await run("connect", "site-1", "--wait", "1");
  expect(failed.code).toBe(1);
  expect(failed.err).toContain("site-1 is not connected after 1 s: it has not answered");
  expect((await run("connect", "site-1", "--wait", "0")).code).toBe(2);
  expect((await run("connect", "site-1", "--wait", "soon")).code).toBe(2);
});

test("a peer ID has to be named", async () => {
  for (const command of [["connect"], ["disconnect"], ["peers", "reload"]]) {
    expect((await run(...command)).code).toBe(2);
  }
});

test("debug and log-level accept only valid values", async () => {
  asked = [];
  for (const words of [
    ["debug", "site-1", "maybe"],
    ["debug", "site-1", "on", "--for", "2 weeks"],
    ["debug", "site-1", "on", "--for", "25h"],
    ["log-level", "loud"],
  ]) {
    expect((await run(...words)).code).toBe(2);
  }
  expect(asked).toEqual([]);
});

test("an ID that no address can carry is wrong usage, and no request is sent", async () => {
  const commands = [["disconnect"], ["connect"], ["why"], ["sa"], ["peers", "show"], ["capture"]];
  for (const [id, words] of ["", " ", "..", "."].flatMap((id) =>
    commands.map((words) => [id, words] as const),
  )) {
    const ran = await run(...words, id);
    expect([words, id, ran.code]).toEqual([words, id, 2]);
    expect(ran.err).toMatch(/argument 'peerid'. (It is empty|No site can have this ID)/);
  }
  expect(asked).toEqual([]);
});

test("no token, a wrong one, and the read token where an operator's is required", async () => {
  answer = () => new Response(null, { status: 401 });
  const url = `http://127.0.0.1:${server.port}`;
  const other = folder.write("other", "another token\n");
  expect((await runWith(["status", "--url", url])).err).toContain(
    "requires a token: give it with --token-file",
  );
  const read = await runWith(["status", "--url", url, "--token-file", other]);
  expect([read.code, read.err]).toEqual([1, expect.stringContaining("status.token_file")]);
  const operate = await runWith(["disconnect", "site-1", "--url", url, "--token-file", other]);
  expect(operate.err).toContain("this token is not accepted: the one of its status.operate_");
});

test("a capture says how many messages it holds, wherever the network has cut it", async () => {
  const packet = pcapngPacket(1_000_000, new Uint8Array(41), "from site-1");
  const file = Buffer.concat([pcapngHead("erouted"), packet, packet, packet]);
  answer = () => {
    let at = 0;
    const pull = (controller: ReadableStreamDefaultController<Uint8Array>) => {
      if (at >= file.length) return controller.close();
      controller.enqueue(file.subarray(at, at + 29));
      at += 29;
    };
    return new Response(new ReadableStream({ pull }));
  };
  const out = folder.path("site-1.pcapng");
  const ran = await run("capture", "site-1", "--out", out, "--for", "1s", "--json");
  expect(JSON.parse(ran.out)).toMatchObject({ file: out, octets: file.length, messages: 3 });
  const [name] = (await run("capture", "site-1", "--out", out)).out.split("\n");
  expect(name).toBe(`${out}: 3 messages, ${file.length} B`);
});
