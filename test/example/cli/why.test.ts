/** `erouted why`: what it prints from a daemon's explanation, and without a daemon. */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { Glob } from "bun";
import { whyLines } from "../../../src/cli/why-lines.ts";
import { createFolder, type Folder } from "./folder.ts";
import { runWith } from "./terminal.ts";

const EXPLANATION = {
  peer_id: "site 1",
  connected: false,
  state: "failed",
  summary: "site 1 is not connected: no algorithms in common",
  findings: [
    { about: "eroute", verdict: "ok", detail: 'base eroute fleet matches it by peerid "site*"' },
    {
      about: "attempt",
      verdict: "problem",
      detail: `last attempt 3 s ago: ${"words ".repeat(30)}`,
    },
  ],
  comparison: {
    offered: ["3DES/MODP_2048"],
    configured: ["AES_CBC_256/AES_CBC_128/X25519/MODP_2048"],
    nearest: [
      {
        part: "encryption",
        offered: ["3DES"],
        configured: ["AES_CBC_256", "AES_CBC_128"],
        common: [],
      },
      {
        part: "key exchange",
        offered: ["MODP_2048"],
        configured: ["X25519", "MODP_2048"],
        common: ["MODP_2048"],
      },
    ],
  },
  advice: ["give both ends the same algorithms"],
  attempts: [
    {
      ...{ outcome: "failed", times: 3, first_at: "2026-01-05T08:00:00.000Z" },
      ...{ last_at: "2026-01-05T08:10:00.000Z", remote: "198.51.100.7:500" },
      ...{ step: "IKE_SA_INIT", reason: "no-proposal-chosen", detail: "\u001b[2J" },
    },
  ],
};

let server: ReturnType<typeof Bun.serve>;
let folder: Folder;
let answer: unknown = EXPLANATION;
const asked: string[] = [];

beforeAll(() => {
  server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch(request) {
      asked.push(new URL(request.url).pathname);
      return Response.json(answer);
    },
  });
  folder = createFolder();
});

afterAll(async () => {
  folder.dispose();
  await server.stop(true);
});

const atServer = () => ["--url", `http://127.0.0.1:${server.port}`];

test("an explanation in words: 4 if the site is not connected", async () => {
  const ran = await runWith(["why", "site 1", ...atServer()]);
  expect([ran.code, ran.err]).toEqual([4, ""]);
  expect(asked).toEqual(["/api/v1/peers/site%201/explain"]);
  expect(ran.out).toStartWith(
    "site 1 is not connected: no algorithms in common\n\nok       eroute ",
  );
  expect(ran.out).toContain(
    [
      "              THE SITE OFFERS  CONFIGURED HERE",
      "encryption    3DES             AES_CBC_256      <- nothing in common",
      "                               AES_CBC_128",
      "key exchange  MODP_2048        MODP_2048",
    ].join("\n"),
  );
  expect(ran.out).toContain("What to do:\n  - give both ends the same algorithms");
  expect(ran.out).toMatch(
    /2026-01-05 08:10:00 +failed +no-proposal-chosen +IKE_SA_INIT +3x in 10m/,
  );
});

test("0 if it is connected; JSON unchanged", async () => {
  answer = { ...EXPLANATION, connected: true };
  const ran = await runWith(["why", "site 1", "--json", ...atServer()]);
  expect(ran.code).toBe(0);
  expect(JSON.parse(ran.out)).toEqual(answer);
  answer = { something: "else" };
  expect((await runWith(["why", "site 1", ...atServer()])).code).toBe(1);
});

test("sides that cannot be parsed are shown unchanged", () => {
  const comparison = { ...EXPLANATION.comparison, nearest: [] };
  const lines = whyLines({ ...EXPLANATION, comparison }, undefined).join("\n");
  expect(lines).toContain("3DES/MODP_2048   AES_CBC_256/AES_CBC_128/X25519/MODP_2048");
});

test("sides that do not fit beside each other are shown one below the other", () => {
  const lines = whyLines(EXPLANATION, 40);
  expect(lines.join("\n")).toContain(
    [
      "encryption  <- nothing in common",
      "  site  3DES",
      "  here  AES_CBC_256",
      "  here  AES_CBC_128",
      "key exchange",
    ].join("\n"),
  );
});

test("colours are for terminals that want them", () => {
  const screen = { rows: 24, write: () => {}, interrupted: () => AbortSignal.timeout(1) };
  const coloured = whyLines(EXPLANATION, 80, { ...screen, colour: true });
  expect(coloured[0]).toBe("\u001b[31msite 1 is not connected: no algorithms in common\u001b[0m");
  expect(coloured.join("\n")).toContain("\u001b[32mok\u001b[0m       eroute");
  expect(coloured.join("\n")).toContain("\u001b[31mPROBLEM\u001b[0m  attempt");
  const plain = whyLines(EXPLANATION, 80, { ...screen, colour: false });
  expect(plain).toEqual(whyLines(EXPLANATION, 80));
});

test("lines fit the terminal, and nothing in them controls it", () => {
  for (const columns of [40, 60, 80, 120]) {
    const lines = whyLines({ ...EXPLANATION, summary: "a\u001b[31mb" }, columns);
    expect(lines[0]).toBe("a?[31mb");
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(columns);
  }
});

test("without a daemon: 1, and what configuration and table show", async () => {
  expect((await runWith(["peers", "init", "--config", folder.config])).code).toBe(0);
  const missing = await runWith(["why", "site-1", "--config", folder.config]);
  expect(missing.code).toBe(1);
  expect(missing.err).toContain("nobody listens there");
  expect(missing.out).toContain("site-1 cannot connect: no row in the database");
  expect(missing.out).toContain("ok       eroute ");
  expect(missing.out).toContain("peers add --peerid site-1");
  const unmatched = await runWith(["why", "nobody", "--config", folder.config]);
  expect(unmatched.out).toContain("nobody cannot connect: no eroute matches the peer ID");
  const address = await runWith(["why", "192.0.2.7", "--json", "--config", folder.config]);
  expect(address.code).toBe(1);
  expect(JSON.parse(address.out)).toMatchObject({ connected: null, state: "unknown" });
});

test("each command that an explanation recommends exists", async () => {
  const files = [...new Glob("src/why/**/*.ts").scanSync(".")];
  const texts = files.map((file) => readFileSync(file, "utf8"));
  const commands = texts.flatMap((text) => [...text.matchAll(/`erouted ([a-z -]*[a-z])/g)]);
  const distinct = new Set(commands.map(([, words = ""]) => words.replace(/ -.*/, "")));
  expect(distinct.size).toBeGreaterThan(5);
  for (const words of distinct) {
    const ran = await runWith([...words.split(" "), "--help"]);
    expect([words, ran.code, ran.out.includes(`erouted ${words}`)]).toEqual([words, 0, true]);
  }
});
