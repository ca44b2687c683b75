/**
 * The part of `states.ts` that runs on a kernel with ESP: the built executable with its rows in
 * SQLite, and sites that connect from addresses of their own and stay. Prints lines of figures.
 */

import { Database } from "bun:sqlite";
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { Ke } from "../../src/crypto/transform.ts";
import { RUNTIME_OPTIONS } from "../../src/daemon/runtime-options.ts";
import { type Kernel, openKernel } from "../../src/linux/xfrm-kernel.ts";
import { openProbe } from "./daemon.ts";
import { FLEET_SUBNET, LOCAL_SUBNET, pskOfSite, subnetOfSite } from "./fleet.ts";
import { kernelMemory } from "./kernel-memory.ts";
import { outputOf } from "./report.ts";
import { say } from "./states-figure.ts";
import type { SwarmOrder, SwarmResult } from "./swarm.ts";

export type StatesOrder = { readonly command: readonly string[]; readonly sites: number };

const FOLDER = "/run/erouted";
const HUB = "198.51.100.1";
/** Sites call from here on, each from an address of its own. */
const OUTSIDE = "172.16.0.0";
const PORTS = { ike: 500, status: 8080 };
const CONCURRENCY = 16;
const MS_MAX = 1_500_000;
const FAILED_MAX = 10;
const SETTLE_MS = 15_000;
/** Long enough for three samples of all counters, which are taken every 10 s. */
const QUIET_MS = 35_000;
const ASK_EVERY_MS = 5;
const STOP_MS_MAX = 300_000;
const ANSWER_MS_MAX = 60_000;
const KIB = 1_024;

const order = JSON.parse(process.argv[2] ?? "") as StatesOrder;
await bench(order);

async function bench({ command, sites }: StatesOrder): Promise<void> {
  ip("addr", "add", `${HUB}/32`, "dev", "lo");
  ip("route", "add", "local", "172.16.0.0/12", "dev", "lo");
  await prepare(command, sites);
  const opened = openKernel();
  if (!opened.ok) throw new Error(opened.error.detail);
  const kernel = opened.value;
  const before = kernelMemory();
  const daemon = start(command);
  await firstAnswer(daemon);
  await connectAll(sites);
  await Bun.sleep(SETTLE_MS);
  say("erouted resident, MiB", residentKib(daemon.pid ?? 0) / KIB);
  await measureQuiet("beside samples");
  await measureStatus();
  await measureRestart(daemon);
  await measureStop(daemon, kernel);
  say("kernel memory that stays, MiB", (kernelMemory().kib - before.kib) / KIB);
  kernel.close();
}

async function prepare(command: readonly string[], sites: number): Promise<void> {
  mkdirSync(FOLDER, { recursive: true, mode: 0o700 });
  writeFileSync(`${FOLDER}/erouted.toml`, configuration(sites), { mode: 0o600 });
  const [file = "", ...args] = command;
  const words = [...args, "peers", "init", "--config", `${FOLDER}/erouted.toml`];
  execFileSync(file, words, { stdio: ["ignore", "ignore", "inherit"] });
  const database = new Database(`${FOLDER}/peers.db`);
  const insert = database.prepare("INSERT INTO eroutes (peerid, password, remip) VALUES (?, ?, ?)");
  database.transaction(() => {
    for (let number = 1; number <= sites; number++) {
      insert.run(`site-${number}`, pskOfSite(number), subnetOfSite(number));
    }
  })();
  database.close();
}

function configuration(sites: number): string {
  return `
[ike]
listen = ["${HUB}"]
half_open_max = 100000

[dynamic_eroutes]
max = ${Math.ceil(sites * 1.2)}

[log]
level = "warning"

[status]
listen = "127.0.0.1:${PORTS.status}"

[[egroup]]
name = "sites"
database = "sqlite:${FOLDER}/peers.db"
remote_mask = 24

[[eroute]]
name = "fleet"
egroup = "sites"
peerid = "site-*"
ourid = "concentrator.example"
local_subnet = "${LOCAL_SUBNET}"
remote_subnet = "${FLEET_SUBNET}"
dpd = "off"
`;
}

function start(command: readonly string[]): ChildProcess {
  const [file = "", ...args] = [...command, "run", "--config", `${FOLDER}/erouted.toml`];
  const env = { ...process.env, ...RUNTIME_OPTIONS, RUNTIME_DIRECTORY: FOLDER };
  return spawn(file, args, { stdio: ["ignore", "inherit", "inherit"], env });
}

async function firstAnswer(daemon: ChildProcess): Promise<void> {
  const probe = await openProbe(PORTS.ike, HUB);
  while (probe.answersMs.length === 0) {
    if (daemon.exitCode !== null) throw new Error(`erouted has ended: ${daemon.exitCode}`);
    probe.ask();
    await Bun.sleep(ASK_EVERY_MS);
  }
  probe.close();
}

async function connectAll(sites: number): Promise<void> {
  const places = { from: OUTSIDE, to: HUB, port: PORTS.ike, msMax: MS_MAX };
  const load = { first: 1, count: sites, concurrency: CONCURRENCY, ke: Ke.X25519 };
  const order: SwarmOrder = { ...places, ...load };
  const text = await outputOf("swarm.ts", JSON.stringify(order));
  const result = JSON.parse(text) as SwarmResult;
  if (sites - result.connected > FAILED_MAX) throw new Error(text);
  say("a handshake, with the site's part, µs", (result.ms / sites) * 1_000);
  say("handshake, p99, ms", result.p99Ms);
  say("handshakes repeated", result.retransmissions);
}

/** How long an answer takes while nothing else happens. */
async function measureQuiet(what: string): Promise<void> {
  const probe = await openProbe(PORTS.ike, HUB);
  const until = performance.now() + QUIET_MS;
  while (performance.now() < until) {
    probe.ask();
    await Bun.sleep(ASK_EVERY_MS);
  }
  probe.close();
  const sorted = probe.answersMs.toSorted((a, b) => a - b);
  const at = (share: number) => sorted[Math.floor((sorted.length - 1) * share)] ?? 0;
  say(`an answer ${what}, median, ms`, at(0.5));
  say(`an answer ${what}, p99, ms`, at(0.99));
  say(`an answer ${what}, longest, ms`, at(1));
  say(`answers longer than 5 ms ${what}`, sorted.filter((ms) => ms > 5).length);
  say(`of answers ${what}`, sorted.length);
}

async function measureStatus(): Promise<void> {
  for (const path of [
    "/metrics",
    "/metrics/sites",
    "/api/v1/eroutes?limit=50",
    "/api/v1/peers/site-7/explain",
  ]) {
    // Counters that were read a moment ago are not read again.
    await Bun.sleep(1_500);
    const began = performance.now();
    const answer = await fetch(`http://127.0.0.1:${PORTS.status}${path}`, {
      signal: AbortSignal.timeout(ANSWER_MS_MAX),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${text.slice(0, 200)}`);
    say(`${path}, ms`, performance.now() - began);
  }
}

/** SIGUSR2: the process becomes another one, and all SAs stay. */
async function measureRestart(daemon: ChildProcess): Promise<void> {
  const probe = await openProbe(PORTS.ike, HUB);
  daemon.kill("SIGUSR2");
  const began = performance.now();
  let longest = 0;
  let answered = began;
  let seen = 0;
  while (performance.now() < began + QUIET_MS * 2) {
    probe.ask();
    await Bun.sleep(ASK_EVERY_MS);
    if (probe.answersMs.length > seen) {
      longest = Math.max(longest, performance.now() - answered);
      answered = performance.now();
      seen = probe.answersMs.length;
    }
  }
  probe.close();
  say("restart: longest time without an answer, ms", longest);
  say("erouted resident after it, MiB", residentKib(daemon.pid ?? 0) / KIB);
}

async function measureStop(daemon: ChildProcess, kernel: Kernel): Promise<void> {
  const ended = new Promise((resolve) => daemon.once("exit", resolve));
  const began = performance.now();
  daemon.kill("SIGTERM");
  const hard = setTimeout(() => daemon.kill("SIGKILL"), STOP_MS_MAX);
  const code = await ended;
  clearTimeout(hard);
  say("the shutdown, ms", performance.now() - began);
  if (code !== 0) say(`exit status ${code}`, 1);
  const left = await kernel.tables();
  if (!left.ok) throw new Error(left.error.detail);
  say("states that are left", left.value.states.size);
  say("policies that are left", left.value.policies.size);
}

function residentKib(pid: number): number {
  return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0);
}

function ip(...args: readonly string[]): void {
  execFileSync("ip", args, { stdio: ["ignore", "ignore", "inherit"] });
}
