/** `erouted completion`: what a shell offers, tested in a real bash. */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { chmodSync } from "node:fs";
import { createStatusApp } from "../../../src/status/app.ts";
import { sampleSource } from "../status/sample.ts";
import { createFolder, type Folder } from "./folder.ts";
import { runWith } from "./terminal.ts";

let folder: Folder;
let server: ReturnType<typeof Bun.serve>;

beforeAll(async () => {
  const source = sampleSource({
    sites: 3,
    adapt: (view, n) => ({ ...view, peerId: n === 3 ? "site-$(id)" : `site-${n}` }),
  });
  const app = createStatusApp(source, { token: undefined, host: "127.0.0.1" });
  server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: app.fetch });
  folder = createFolder(["127.0.0.1:18080", `127.0.0.1:${server.port}`]);
  folder.write("completion", (await runWith(["completion", "bash"])).out);
  folder.write("erouted", `#!/bin/sh\nexec "${process.execPath}" "${MAIN}" "$@"\n`);
  chmodSync(folder.path("erouted"), 0o755);
});

afterAll(async () => {
  folder.dispose();
  await server.stop(true);
});

const MAIN = new URL("../../../src/main.ts", import.meta.url).pathname;

/** What bash offers after these words, the last of which is incomplete. */
async function offered(...words: readonly string[]): Promise<readonly string[]> {
  const script = [
    `source ${folder.path("completion")}`,
    `COMP_WORDS=(erouted "$@") COMP_CWORD=$#`,
    `compopt() { :; }; _erouted; printf "%s\\n" "\${COMPREPLY[@]}"`,
  ].join("\n");
  const child = Bun.spawn(["bash", "--norc", "-c", script, "bash", ...words], {
    env: { PATH: `${folder.path("")}:${process.env.PATH}` },
    cwd: folder.path(""),
    stderr: "pipe",
  });
  const [out, err] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  expect([await child.exited, err]).toEqual([0, ""]);
  return out.split("\n").filter((line) => line !== "");
}

test("bash completes commands, and what is below them", async () => {
  expect(await offered("st")).toEqual(["status"]);
  expect(await offered("peers", "re")).toEqual(["reload", "remove", "remote-config"]);
  expect(await offered("import", "")).toEqual(["saros"]);
  expect(await offered("completion", "")).toEqual(["bash", "zsh", "fish"]);
});

test("bash completes options of the command that is typed, and their choices", async () => {
  expect(await offered("tunnels", "--s")).toEqual(["--state", "--sort"]);
  expect(await offered("tunnels", "--sort", "r")).toEqual(["received"]);
  const added = ["peers", "add", "--peerid", "x", "--print", "m"];
  expect(await offered(...added)).toEqual(["mikrotik"]);
  expect(await offered("run", "--s")).toEqual([]);
});

test("bash completes each argument by its place: of debug a peer ID, then on or off", async () => {
  const config = ["--config", folder.config];
  expect(await offered("debug", ...config, "site-4711")).toEqual(["site-4711"]);
  expect(await offered("debug", ...config, "site-4711", "")).toEqual(["on", "off"]);
  expect(await offered("debug", "--for", "2h", "site-4711", "of")).toEqual(["off"]);
  expect(await offered("debug", "site-4711", "on", "")).toEqual([]);
  expect(await offered("log-level", "w")).toEqual(["warning"]);
  expect(await offered("log-level", "warning", "")).toEqual([]);
});

test("bash completes files where one is expected", async () => {
  expect(await offered("run", "--config", "erouted.")).toEqual(["erouted.toml"]);
  expect(await offered("peers", "import", "erouted.")).toEqual(["erouted.toml"]);
});

test("bash completes peer IDs of the running daemon, and none that it could run", async () => {
  const ids = await offered("why", "--config", folder.config, "site-");
  const rows = [1, 2, 3, 4].map((n) => `site-${n}.customer.example`);
  expect(ids).toEqual(["site-1", ...rows.slice(0, 1), "site-2", ...rows.slice(1), "site-4711"]);
  // A row whose site has never called, which is offered for its whole ID, too.
  const never = ["site-4.customer.example"];
  expect(await offered("why", "--config", folder.config, "site-4.")).toEqual(never);
  expect(await offered("why", "--config", folder.config, ...never)).toEqual(never);
  expect(await offered("disconnect", "--config", folder.config, "SITE-2")).toEqual([
    ...["site-2", "site-2.customer.example"],
  ]);
});

test("without a daemon nothing is offered, and nothing is printed", async () => {
  expect(await offered("why", "--config", folder.path("nowhere.toml"), "s")).toEqual([]);
});

test.each(["zsh", "fish"])("the script for %s names every command", async (shell) => {
  const { code, out } = await runWith(["completion", shell]);
  expect(code).toBe(0);
  const options = shell === "fish" ? ["-l with-passwords"] : ["--with-passwords"];
  for (const word of ["tunnels", "remote-config", "saros", ...options]) {
    expect(out).toContain(word);
  }
  const checker = Bun.which(shell);
  if (checker === null) return;
  const checked = Bun.spawnSync([checker, "-n", "-c", out]);
  expect([checked.exitCode, checked.stderr.toString()]).toEqual([0, ""]);
});

test("an unknown shell is wrong usage", async () => {
  expect((await runWith(["completion", "tcsh"])).code).toBe(2);
});
