/** The daemon as a process: its messages when something is missing, and how it ends. */

import { afterEach, beforeEach, expect, test } from "bun:test";
import { freeTcpPort } from "../../free-port.ts";
import { patient } from "../../patience.ts";
import { createFolder, type Folder } from "../cli/folder.ts";

const STATUS_PORT = freeTcpPort();
const STATUS_URL = `http://127.0.0.1:${STATUS_PORT}`;
let folder: Folder;

beforeEach(() => {
  folder = createFolder(["127.0.0.1:18080", `127.0.0.1:${STATUS_PORT}`]);
});

afterEach(() => folder.dispose());

/** The command `run`, with its standard output redirected by a shell. */
function spawnDaemon(output = "") {
  const command = `exec "$0" src/main.ts run --config "$1" ${output}`;
  return Bun.spawn(["bash", "-c", command, process.execPath, folder.config], {
    stdout: "pipe",
    stderr: "pipe",
  });
}

async function health(): Promise<{ status: number; body: unknown }> {
  for (let i = 0; i < 250; i++) {
    const answer = await fetch(`${STATUS_URL}/healthz`).catch(() => undefined);
    if (answer !== undefined) return { status: answer.status, body: await answer.json() };
    await Bun.sleep(20);
  }
  throw new Error("the daemon does not answer");
}

async function healthBecomes(status: number): Promise<unknown> {
  for (let i = 0; i < 100; i++) {
    const answer = await health();
    if (answer.status === status) return answer.body;
    await Bun.sleep(20);
  }
  throw new Error(`health never becomes ${status}`);
}

test("R6: without its database the daemon starts, and log and health say so", async () => {
  const daemon = spawnDaemon();
  expect(await healthBecomes(503)).toEqual({
    status: "degraded",
    problems: [expect.stringMatching(/^database of egroup sites: .*erouted peers init/)],
  });
  daemon.kill("SIGTERM");
  expect(await daemon.exited).toBe(0);
  const log = await new Response(daemon.stdout).text();
  expect(log).toMatch(
    / error daemon failed database-no-table: egroup sites: .*sites cannot connect/,
  );
  expect(log).toContain("info daemon stopped");
});

test("with standard output on a full disk it runs on, and health says so", async () => {
  const daemon = spawnDaemon(">/dev/full");
  const body = JSON.stringify(await healthBecomes(503));
  expect(body).toContain("standard output accepts no lines (ENOSPC");
  daemon.kill("SIGTERM");
  expect(await daemon.exited).toBe(0);
  expect(await new Response(daemon.stderr).text()).toBe("");
});

test("a reader of the log that goes away does not end it", async () => {
  const daemon = spawnDaemon("> >(head -c 1 >/dev/null)");
  await health();
  await Bun.sleep(100);
  expect(daemon.exitCode).toBe(null);
  daemon.kill("SIGINT");
  expect(await daemon.exited).toBe(0);
});

test("a second one finds the ports in use, says so, and leaves the first alone", async () => {
  const first = spawnDaemon();
  await health();
  const second = spawnDaemon();
  expect(await second.exited).toBe(1);
  expect(await new Response(second.stdout).text()).toMatch(/EADDRINUSE: .*another IKE daemon/);
  expect(first.exitCode).toBe(null);
  first.kill("SIGTERM");
  expect(await first.exited).toBe(0);
});

test("without sites it ends at once: a restart is no outage", async () => {
  const daemon = spawnDaemon();
  await health();
  const started = performance.now();
  daemon.kill("SIGTERM");
  expect(await daemon.exited).toBe(0);
  expect(performance.now() - started).toBeLessThan(patient(800));
});
