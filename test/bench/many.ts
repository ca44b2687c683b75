/**
 * The built executable with MariaDB and up to 100,000 sites, which stay connected: what a handshake
 * takes when so many are there, what memory they take, and how long monitoring and pages wait. No
 * packets pass. SIZES=10000,50000 measures others. Prints a Markdown table.
 */

import { mkdtemp, rm } from "node:fs/promises";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { Ke } from "../../src/crypto/transform.ts";
import { startMariadb } from "../real/mariadb.ts";
import { type Daemon, startDaemon } from "./daemon.ts";
import { fillTable, outputOf } from "./report.ts";
import type { SwarmOrder, SwarmResult } from "./swarm.ts";

const SIZES = (process.env.SIZES ?? "1000,10000,50000,100000").split(",").map(Number);
const SITES = Math.max(...SIZES);
const CONCURRENCY = 16;
const MS_MAX = 900_000;
/** After a load the garbage collector takes a while to free memory. */
const SETTLE_MS = 10_000;
/** Of 100,000 sites one or two draw the SPI of another: all have the same address here. */
const FAILED_MAX = 10;
const MIB = 1024 * 1024;

const project = join(import.meta.dir, "../..");
const command = process.env.EROUTED?.split(" ") ?? [join(project, "build/out/erouted")];

await bench();

async function bench(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "erouted-many-"));
  const mariadb = await startMariadb();
  let daemon: Daemon | undefined;
  try {
    await fillTable(mariadb, SITES);
    // The swarm forgets its sites: they would not answer. A fifth of the places stays free.
    const settings = { eroute: 'dpd = "off"', max: SITES * 1.2 };
    daemon = await startDaemon(command, folder, mariadb, settings);
    await measure(daemon);
  } finally {
    await daemon?.stop();
    await mariadb.dispose();
    await rm(folder, { recursive: true, force: true });
  }
}

async function measure(daemon: Daemon): Promise<void> {
  console.log(
    "| sites | handshake, µs of CPU | resident, MiB | a site, KiB | metrics, ms | page, ms |",
  );
  console.log("| --- | --- | --- | --- | --- | --- |");
  const empty = daemon.residentOctets();
  let connected = 0;
  let failed = 0;
  for (const size of SIZES) {
    const count = size - connected;
    const before = cpuMs(daemon);
    const order = { port: daemon.ports.ike, ke: Ke.X25519, msMax: MS_MAX };
    const result = await runSwarm({
      ...order,
      first: connected + 1,
      count,
      concurrency: CONCURRENCY,
    });
    failed += count - result.connected;
    if (failed > FAILED_MAX) throw new Error(`${result.failed} of ${count} failed`);
    const us = ((cpuMs(daemon) - before) * 1_000) / count;
    connected = size;
    await Bun.sleep(SETTLE_MS);
    const up = await daemon.metric("erouted_dynamic_eroutes");
    if (up < size - failed) throw new Error(`${up} sites are up, not ${size}`);
    const resident = daemon.residentOctets();
    const cells = [
      size.toLocaleString("en-US"),
      us.toFixed(0),
      (resident / MIB).toFixed(0),
      ((resident - empty) / size / 1_024).toFixed(1),
      (await answerMs(daemon, "/metrics")).toFixed(0),
      (await answerMs(daemon, `/api/v1/eroutes?offset=${size >> 1}&limit=50`)).toFixed(0),
    ];
    console.log(`| ${cells.join(" | ")} |`);
  }
  console.log(`\nLoad at the end: ${loadavg()[0]?.toFixed(1)}`);
}

/** Of all threads. */
function cpuMs(daemon: Daemon): number {
  const { main, compiler, others } = daemon.cpu();
  return main + compiler + others;
}

async function runSwarm(order: SwarmOrder): Promise<SwarmResult> {
  return JSON.parse(await outputOf("swarm.ts", JSON.stringify(order))) as SwarmResult;
}

/** The shortest of three. */
async function answerMs({ ports }: Daemon, path: string): Promise<number> {
  let shortest = Number.POSITIVE_INFINITY;
  for (let times = 0; times < 3; times++) {
    const started = performance.now();
    const answer = await fetch(`http://127.0.0.1:${ports.status}${path}`);
    await answer.text();
    if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
    shortest = Math.min(shortest, performance.now() - started);
  }
  return shortest;
}
