/** `--json`: every command that shows something has it, and then prints nothing but JSON. */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { type CommandInfo, flattened } from "../../../src/cli/command-tree.ts";
import { declaredCommands } from "../../../src/cli/program.ts";
import { createStatusApp } from "../../../src/status/app.ts";
import { sampleSource } from "../status/sample.ts";
import { createFolder, type Folder } from "./folder.ts";
import { runWith } from "./terminal.ts";

let folder: Folder;
let server: ReturnType<typeof Bun.serve>;

beforeAll(async () => {
  const app = createStatusApp(sampleSource({ sites: 2 }), { token: undefined, host: "127.0.0.1" });
  server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: app.fetch });
  folder = createFolder(["127.0.0.1:18080", `127.0.0.1:${server.port}`]);
  const rows = "peerid,password,remip\nsite-1,a-long-key-of-one-site,192.168.1.0\n";
  await runWith(["peers", "init", "--config", folder.config]);
  await runWith(["peers", "import", "-", "--config", folder.config], rows);
});

afterAll(async () => {
  folder.dispose();
  await server.stop(true);
});

/**
 * They show nothing: the daemon, scripts for shells, and a change of the executable: its result is
 * the exit code.
 */
const WITHOUT: ReadonlySet<string> = new Set(["run", "completion", "upgrade"]);

const nameOf = ({ words }: CommandInfo) => words.join(" ");
const commands = flattened(declaredCommands()).filter(
  (info) => info.commands.length === 0 && !WITHOUT.has(nameOf(info)),
);

test.each(commands.map(nameOf))("%s has --json", (name) => {
  const info = commands.find((one) => nameOf(one) === name);
  expect(info?.options.flatMap(({ names }) => names)).toContain("--json");
});

/** What each needs to succeed, beside --json and --config. */
const RUNS: Readonly<Record<string, readonly string[]>> = {
  check: ["--offline"],
  status: [],
  tunnels: [],
  sa: [],
  "peers init": [],
  "peers check": [],
  "peers list": [],
  "peers show": ["site-1"],
  "peers export": [],
  "peers import": ["-", "--update"],
  "peers remote-config": ["site-1", "--for", "saros"],
  "peers add": ["--peerid", "site-2", "--remip", "192.168.2.0", "--generate"],
  "peers remove": ["site-2"],
};

for (const [name, args] of Object.entries(RUNS)) {
  test(`${name} --json prints JSON only`, async () => {
    const words = [...name.split(" "), ...args, "--json", "--config", folder.config];
    const { code, out } = await runWith(words, "peerid,remip\nsite-1,192.168.1.0\n");
    expect([name, code]).toEqual([name, 0]);
    expect(typeof JSON.parse(out)).toBe("object");
  });
}

test("a faulty configuration is JSON too, for check", async () => {
  const file = folder.write("faulty.toml", "[ike]\nlisten = 7\n");
  const { code, out, err } = await runWith(["check", "--json", "--config", file]);
  expect([code, err]).toEqual([78, ""]);
  expect(JSON.parse(out)).toMatchObject({ ok: false, points: [{ verdict: "problem" }] });
});

test("peers check --json has a point for what is refused", async () => {
  const strict = createFolder();
  const at = ["--config", strict.config];
  await runWith(["peers", "init", ...at]);
  const add = ["peers", "add", "--peerid", "site-1", "--remip", "192.168.1.0", "--generate"];
  await runWith([...add, ...at]);
  const narrow = strict.write(
    "narrow.toml",
    (await Bun.file(strict.config).text()).replace("192.168.0.0/16", "192.168.7.0/24"),
  );
  const { code, out } = await runWith(["peers", "check", "--json", "--config", narrow]);
  expect(code).toBe(1);
  expect(JSON.parse(out)).toMatchObject({ ok: false, points: [{ about: "site-1" }, {}] });
  strict.dispose();
});
