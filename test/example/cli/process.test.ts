/** The commands as a process: exit codes, standard input, a reader that goes away. */

import { Database } from "bun:sqlite";
import { afterAll, beforeAll, expect, test } from "bun:test";
import { createFolder, type Folder } from "./folder.ts";

let folder: Folder;

beforeAll(async () => {
  folder = createFolder();
  expect((await erouted(["peers", "init", "--config", folder.config])).code).toBe(0);
});

afterAll(() => folder.dispose());

type Ended = { readonly code: number; readonly out: string; readonly err: string };

async function erouted(args: readonly string[], stdin = ""): Promise<Ended> {
  const child = Bun.spawn([process.execPath, "src/main.ts", ...args], {
    stdin: new Blob([stdin]),
    stdout: "pipe",
    stderr: "pipe",
  });
  const [out, err] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  return { code: await child.exited, out, err };
}

test("the exit codes are those of the help", async () => {
  const cases = [
    { args: ["--help"], code: 0 },
    { args: ["peers", "list", "--config", folder.config], code: 0 },
    { args: ["peers", "remove", "nobody", "--config", folder.config], code: 1 },
    { args: ["nonsense"], code: 2 },
    { args: ["run", "--config", "/nowhere.toml"], code: 78 },
  ];
  const ended = await Promise.all(cases.map(({ args }) => erouted(args)));
  expect(ended.map(({ code }) => code)).toEqual(cases.map(({ code }) => code));
  for (const { err } of ended) expect(err).not.toContain("    at ");
});

test("a key is read from standard input", async () => {
  const site = ["--peerid", "site-9", "--remip", "192.168.9.0"];
  const args = ["peers", "add", ...site, "--password-stdin", "--config", folder.config];
  expect(await erouted(args, "correct horse\n")).toMatchObject({ code: 0, out: "" });
  const database = new Database(folder.path("peers.db"), { readonly: true });
  const key = database.prepare("select password from eroutes where peerid = 'site-9'").values();
  database.close();
  expect(key).toEqual([["correct horse"]]);
});

test("a result that does not fit on the disk is a failure, and reported", async () => {
  const command = '"$0" src/main.ts peers list --config "$1" >/dev/full';
  const child = Bun.spawn(["bash", "-c", command, process.execPath, folder.config], {
    stderr: "pipe",
  });
  expect(await new Response(child.stderr).text()).toMatch(
    /^erouted: standard output: ENOSPC.*lost/,
  );
  expect(await child.exited).toBe(1);
});

test("a key may come from a pipe, and endless input is refused", async () => {
  const add = (id: string, net: string, file: string) =>
    `"$0" src/main.ts peers add --config "$1" --peerid ${id} --remip ${net}/24 ` +
    `--password-file ${file}`;
  const run = (command: string) =>
    Bun.spawnSync(["bash", "-c", command, process.execPath, folder.config], { timeout: 10_000 });
  const piped = run(add("site-7", "192.168.7.0", "<(echo piped key)"));
  expect([piped.exitCode, piped.stderr.toString()]).toEqual([
    0,
    expect.stringContaining("added site-7"),
  ]);
  const endless = run(add("site-8", "192.168.8.0", "/dev/zero"));
  expect([endless.exitCode, endless.stderr.toString()]).toEqual([
    1,
    "erouted: /dev/zero: has more than 1048576 octets\n",
  ]);
});

test("a reader that goes away ends the command without a complaint", async () => {
  const database = new Database(folder.path("peers.db"));
  const insert = database.prepare("insert into eroutes (peerid, password) values (?, 'k')");
  database.transaction(() => {
    for (let i = 0; i < 20_000; i++) insert.run(`many-${i}`);
  })();
  insert.finalize();
  database.close();
  const command = `"$0" src/main.ts peers list --config "$1" | head -1`;
  const child = Bun.spawn(["bash", "-c", command, process.execPath, folder.config], {
    stderr: "pipe",
  });
  const [out, err] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  expect(out).toStartWith("PEERID");
  expect(err).toBe("");
});

type Typed = { after: string; keys: string; env?: Readonly<Record<string, string>> };

/**
 * On a terminal of its own (util-linux's `script`): shows its output, and takes keys to be typed.
 */
async function onTerminal(args: readonly string[], type: Typed) {
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: () => Response.json({ problems: ["the moon"], eroutes: [EROUTE], total: 1 }),
  });
  // Without `exec`, there would be a shell as well, which dies of Ctrl-C with an exit code of its
  // own.
  const words = ["exec", process.execPath, "src/main.ts", ...args, "--url", server.url.href];
  const child = Bun.spawn(["script", "-qefc", words.join(" "), "/dev/null"], {
    env: { ...process.env, TERM: "xterm", NO_COLOR: "", ...type.env },
    stdin: "pipe",
    stdout: "pipe",
  });
  let shown = "";
  for await (const chunk of child.stdout) {
    const before = shown;
    shown += new TextDecoder().decode(chunk);
    if (!before.includes(type.after) && shown.includes(type.after)) {
      child.stdin.write(type.keys);
      await child.stdin.flush();
    }
  }
  await server.stop(true);
  return { code: await child.exited, shown };
}

const EROUTE = { peer_id: "site-1", state: "established", child_sas: [{}] };
const CTRL_C = "\x03";

test("Ctrl-C ends --watch with 0, and the cursor is visible again", async () => {
  const type = { after: "1 tunnel: 1 established", keys: CTRL_C };
  const { code, shown } = await onTerminal(["tunnels", "--watch", "60"], type);
  expect([code, shown]).toEqual([0, expect.stringContaining("\x1b[32mestablished")]);
  expect(shown.lastIndexOf("\x1b[?25h")).toBeGreaterThan(shown.lastIndexOf("\x1b[?25l"));
});

test("NO_COLOR is honoured on a terminal", async () => {
  const type = { after: "never", keys: "", env: { NO_COLOR: "1" } };
  const { code, shown } = await onTerminal(["tunnels"], type);
  expect([code, shown.includes("established"), shown.includes("\x1b[3")]).toEqual([
    ...[0, true, false],
  ]);
});
