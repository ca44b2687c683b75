/** `erouted upgrade` without a service manager: a process becomes another program, or returns. */

import { afterEach, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import packageJson from "../../../package.json";
import { patient } from "../../patience.ts";
import { createFolder } from "./folder.ts";
import {
  BUILT,
  endDaemons,
  hasExecutable,
  recordOf,
  startDaemon,
  until,
  upgrade,
  writeProgram,
} from "./upgraded.ts";

const TEST_MS_MAX = patient(90_000);

afterEach(endDaemons);

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
  const done = await upgrade(folder, BUILT);
  folder.dispose();
  expect([done.code, done.err]).toEqual([
    1,
    expect.stringMatching(/^erouted: no erouted runs with/),
  ]);
});
