/** `erouted upgrade` without a service manager: a process becomes another program, or returns. */

import { afterEach, expect, test } from "bun:test";
import { chmodSync, copyFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import packageJson from "../../../package.json";
import { freeUdpPorts } from "../../free-port.ts";
import { patient } from "../../patience.ts";
import { createFolder, type Folder, IKE_PORT, NAT_PORT } from "./folder.ts";

const BUILT = process.env.EROUTED_EXECUTABLE ?? "";
const hasExecutable = existsSync(BUILT);
const TEST_MS_MAX = patient(90_000);

const ends: (() => void)[] = [];

afterEach(() => {
  for (const end of ends.splice(0).reverse()) end();
});

/** A folder with a copy of the executable, and the daemon that runs from it. */
async function startDaemon() {
  const port = await freeUdpPorts();
  const folder = createFolder(
    [String(IKE_PORT), String(port)],
    [`nat_port = ${NAT_PORT}`, `nat_port = ${port + 1}`],
    ['"127.0.0.1:18080"', '"off"'],
  );
  const executable = folder.path("erouted");
  copyFileSync(BUILT, executable);
  chmodSync(executable, 0o755);
  const daemon = Bun.spawn([executable, "run", "--config", folder.config], {
    env: { ...process.env, RUNTIME_DIRECTORY: folder.path(""), NOTIFY_SOCKET: "" },
    stdio: ["ignore", Bun.file(folder.path("log")), "inherit"],
  });
  ends.push(
    folder.dispose,
    () => endAll(folder),
    () => daemon.kill("SIGKILL"),
  );
  await until("it is ready", () => existsSync(folder.path("run.json")));
  return { folder, executable, daemon };
}

/** Processes that outlive a failed test. */
function endAll(folder: Folder): void {
  for (const name of ["run.json", "holder.json"]) {
    if (!existsSync(folder.path(name))) continue;
    const found = [JSON.parse(readFileSync(folder.path(name), "utf8"))].flat();
    for (const { pid, began } of found) {
      const stat = existsSync(`/proc/${pid}/stat`) ? readFileSync(`/proc/${pid}/stat`, "utf8") : "";
      if (stat.includes(` ${began} `)) process.kill(pid, "SIGKILL");
    }
  }
}

async function upgrade(folder: Folder, file: string) {
  const command = [BUILT, "upgrade", file, "--folder", folder.path("")];
  const child = Bun.spawn(command, { stdio: ["ignore", "pipe", "pipe"] });
  const [out, err] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  return { code: await child.exited, out, err };
}

const recordOf = (folder: Folder) => JSON.parse(readFileSync(folder.path("run.json"), "utf8"));

/** A program that claims to be a later erouted; `run` is what it does instead. */
function writeProgram(folder: Folder, run: string, check = "true"): string {
  const text = `#!/bin/sh
case $1 in --version) echo 99.0.0;; check) ${check};; *) ${run};; esac
`;
  const file = folder.path("next");
  writeFileSync(file, text, { mode: 0o755 });
  return file;
}

test.skipIf(!hasExecutable)(
  "the running process becomes the new executable, with the same sockets",
  async () => {
    const { folder, executable, daemon } = await startDaemon();
    const before = recordOf(folder);
    const done = await upgrade(folder, BUILT);
    expect(done).toEqual({
      code: 0,
      out:
        `${packageJson.version} is replaced by ${packageJson.version}, ` +
        `and stays as ${executable}.former\n` +
        `waiting for ${packageJson.version}: up to 60 s until it is ready\n` +
        `${packageJson.version} runs\n`,
      err: "",
    });
    const after = recordOf(folder);
    expect([after.pid, after.executable]).toEqual([before.pid, executable]);
    expect(after.readyMs).toBeGreaterThan(before.readyMs);
    expect(existsSync(`${executable}.new`)).toBe(false);
    daemon.kill("SIGTERM");
    expect(await daemon.exited).toBe(0);
    const log = readFileSync(folder.path("log"), "utf8");
    expect(log.match(/closing the sites' IKE SAs/g)).toHaveLength(1);
  },
  TEST_MS_MAX,
);

test.skipIf(!hasExecutable)(
  "an executable that does not come up is replaced by the former one, which runs again",
  async () => {
    const { folder, executable } = await startDaemon();
    const inode = () => Bun.spawnSync(["stat", "-c", "%i", executable]).stdout.toString();
    const before = [inode(), recordOf(folder)] as const;
    const done = await upgrade(folder, writeProgram(folder, "exit 1"));
    expect(done.code).toBe(1);
    expect(done.out).toContain(`${packageJson.version} is replaced by 99.0.0`);
    expect(done.err).toMatch(/99\.0\.0 does not come up: process \d+ has ended/);
    expect(done.err).toContain(`${packageJson.version} is put back, and started again`);
    expect(done.err).toContain(`the former executable, ${packageJson.version}, runs again`);
    expect(inode()).toBe(before[0]);
    const after = recordOf(folder);
    expect(after.readyMs).toBeGreaterThan(before[1].readyMs);
    expect(existsSync(`${executable}.refused`)).toBe(true);
    // Nobody supervised it: it runs on its own, until it is stopped.
    process.kill(after.pid, "SIGTERM");
    await until("it has ended", () => !existsSync(folder.path("run.json")));
  },
  TEST_MS_MAX,
);

test.skipIf(!hasExecutable)(
  "what is no erouted, or refuses the configuration, changes nothing",
  async () => {
    const { folder, executable } = await startDaemon();
    const before = recordOf(folder);
    const text = folder.write("text", "no program");
    const none = await upgrade(folder, text);
    expect([none.code, none.err]).toEqual([1, expect.stringContaining("it is no erouted that")]);
    const faulty = writeProgram(folder, "exit 1", "echo 'line 3: a fault'; exit 78");
    const refused = await upgrade(folder, faulty);
    expect([refused.code, refused.err]).toEqual([78, expect.stringContaining("line 3: a fault")]);
    expect(recordOf(folder)).toEqual(before);
    for (const more of [".new", ".former"]) expect(existsSync(executable + more)).toBe(false);
  },
  TEST_MS_MAX,
);

test.skipIf(!hasExecutable)("without a running erouted nothing is done", async () => {
  const folder = createFolder();
  ends.push(folder.dispose);
  const done = await upgrade(folder, BUILT);
  expect([done.code, done.err]).toEqual([
    1,
    expect.stringMatching(/^erouted: no erouted runs with/),
  ]);
});

async function until(what: string, holds: () => boolean): Promise<void> {
  const end = performance.now() + patient(15_000);
  while (!holds()) {
    if (performance.now() > end) throw new Error(`not in time: ${what}`);
    await Bun.sleep(20);
  }
}
