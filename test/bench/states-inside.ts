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
import { nextTurn } from "../../src/status/lists/turns.ts";
import { openProbe } from "./daemon.ts";
import { FLEET_SUBNET, LOCAL_SUBNET, pskOfSite, subnetOfSite } from "./fleet.ts";
import { outputOf } from "./report.ts";
import type { SwarmOrder, SwarmResult } from "./swarm.ts";

export type StatesOrder = { readonly command: readonly string[]; readonly sites: number };

/** One figure; `unit` belongs to its value. */
export type StatesFigure = { readonly what: string; readonly value: number; readonly unit: string };

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
  const empty = kernelMemory();
  await connectAll(sites);
  await Bun.sleep(SETTLE_MS);
  sayMemory(empty, kernelMemory(), sites);
  say("erouted resident", residentKib(daemon.pid ?? 0) / KIB, "MiB");
  await measureDumps(kernel);
  await measureQuiet("beside samples");
  await measureStatus();
  await measureRestart(daemon);
  await measureStop(daemon, kernel);
  const after = kernelMemory();
  say("kernel memory that stays", (after.slabKib - before.slabKib) / KIB, "MiB");
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
  say("a handshake, with the site's part", (result.ms / sites) * 1_000, "µs");
  say("handshake, p99", result.p99Ms, "ms");
  say("handshakes repeated", result.retransmissions, "");
}

type KernelMemory = { readonly slabKib: number; readonly caches: ReadonlyMap<string, number> };

/** What the kernel has allocated, and how much of it in each cache. */
function kernelMemory(): KernelMemory {
  const meminfo = readFileSync("/proc/meminfo", "utf8");
  const of = (name: string) => Number(new RegExp(`^${name}: +(\\d+)`, "m").exec(meminfo)?.[1] ?? 0);
  const caches = new Map<string, number>();
  for (const text of readFileSync("/proc/slabinfo", "utf8").split("\n").slice(2)) {
    const [name = "", , objects, octets] = text.split(/\s+/);
    if (name !== "") caches.set(name, (Number(objects) * Number(octets)) / KIB);
  }
  return { slabKib: of("Slab") + of("VmallocUsed"), caches };
}

function sayMemory(before: KernelMemory, after: KernelMemory, sites: number): void {
  say("kernel memory, a site", (after.slabKib - before.slabKib) / sites, "KiB");
  const grown = [...after.caches]
    .map(([name, kib]) => [name, kib - (before.caches.get(name) ?? 0)] as const)
    .toSorted(([, a], [, b]) => b - a)
    .slice(0, 8);
  for (const [name, kib] of grown) say(`– ${name}, a site`, kib / sites, "KiB");
}

/** As erouted reads them, in this process. */
async function measureDumps(kernel: Kernel): Promise<void> {
  for (let times = 0; times < 2; times++) {
    await inTurns("all counters read", () => kernel.stateCounts(() => {}));
    await inTurns("all names read", () => kernel.tables());
  }
}

async function inTurns(what: string, work: () => Promise<unknown>): Promise<void> {
  let isOver = false;
  let longest = 0;
  const began = performance.now();
  const watch = async () => {
    for (let from = performance.now(); !isOver; from = performance.now()) {
      await nextTurn();
      longest = Math.max(longest, performance.now() - from);
    }
  };
  const watched = watch();
  await work();
  say(what, performance.now() - began, "ms");
  isOver = true;
  await watched;
  say(`– its longest turn`, longest, "ms");
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
  say(`an answer ${what}, median`, at(0.5), "ms");
  say(`an answer ${what}, p99`, at(0.99), "ms");
  say(`an answer ${what}, longest`, at(1), "ms");
  say(`answers longer than 5 ms ${what}`, sorted.filter((ms) => ms > 5).length, "");
  say(`of answers ${what}`, sorted.length, "");
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
    say(path, performance.now() - began, "ms");
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
  say("restart: longest time without an answer", longest, "ms");
  say("erouted resident after it", residentKib(daemon.pid ?? 0) / KIB, "MiB");
}

async function measureStop(daemon: ChildProcess, kernel: Kernel): Promise<void> {
  const ended = new Promise((resolve) => daemon.once("exit", resolve));
  const began = performance.now();
  daemon.kill("SIGTERM");
  const code = await Promise.race([ended, Bun.sleep(STOP_MS_MAX).then(() => "too late")]);
  say("the shutdown", performance.now() - began, "ms");
  if (code !== 0) say(`exit status ${code}`, 1, "");
  const left = await kernel.tables();
  if (!left.ok) throw new Error(left.error.detail);
  say("states that are left", left.value.states.size, "");
  say("policies that are left", left.value.policies.size, "");
}

function residentKib(pid: number): number {
  return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0);
}

function say(what: string, value: number, unit: string): void {
  const figure: StatesFigure = { what, value, unit };
  console.log(`FIGURE ${JSON.stringify(figure)}`);
}

function ip(...args: readonly string[]): void {
  execFileSync("ip", args, { stdio: ["ignore", "ignore", "inherit"] });
}
