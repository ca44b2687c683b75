/** `make bench`: the built executable with MariaDB and 10,000 sites, called by a swarm over UDP. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { transformName } from "../../src/crypto/names.ts";
import { Ke, TransformType } from "../../src/crypto/transform.ts";
import { startMariadb } from "../real/mariadb.ts";
import { measureArithmetic } from "./arithmetic.ts";
import { type CpuUse, type Daemon, openProbe, startDaemon } from "./daemon.ts";
import { fillTable, kib, line, ms, outputOf, us } from "./report.ts";
import { quantilesOf, type SwarmOrder, type SwarmResult } from "./swarm.ts";

const SITES = Number(process.env.SITES ?? 10_000);
const CONCURRENCY = Number(process.env.CONCURRENCY ?? 16);
const ONE_AT_A_TIME = 500;
const WARM_UP = 1_000;
const MS_MAX = 120_000;
const PROBE_EVERY_MS = 5;
/** After a load the garbage collector takes a while to free memory. */
const SETTLE_MS = 10_000;

const project = join(import.meta.dir, "../..");
const command = process.env.EROUTED?.split(" ") ?? [join(project, "build/out/erouted")];

await bench();

async function bench(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "erouted-bench-"));
  const mariadb = await startMariadb();
  let daemon: Daemon | undefined;
  try {
    await fillTable(mariadb, SITES);
    daemon = await startDaemon(command, folder, mariadb);
    await measure(daemon);
  } finally {
    await daemon?.stop();
    await mariadb.dispose();
    await rm(folder, { recursive: true, force: true });
  }
}

async function measure(daemon: Daemon): Promise<void> {
  const ke = Ke.X25519;
  line(`${SITES} sites, AES_GCM_16_128/${transformName(TransformType.KE, ke, undefined)}`, "");
  const { keyExchangeUs, hmacUs, cipherUs } = measureArithmetic(ke);
  const bareUs = keyExchangeUs + hmacUs + cipherUs;
  const parts = `key exchange ${us(keyExchangeUs)}, HMACs ${us(hmacUs)}, AES ${us(cipherUs)}`;
  line("bare arithmetic of a handshake", `${us(bareUs)} (${parts})`);
  line("start to first answer", ms(daemon.startMs));
  const order = { port: daemon.ports.ike, ke, msMax: MS_MAX };
  await runSwarm({ ...order, first: 1, count: WARM_UP, concurrency: CONCURRENCY });
  const alone = await runSwarm({ ...order, first: 1, count: ONE_AT_A_TIME, concurrency: 1 });
  line(
    "IKE_SA_INIT to IKE_AUTH response, one at a time",
    `${ms(alone.p50Ms)} p50, ${ms(alone.p99Ms)} p99`,
  );
  const idle = await probing(daemon, () => Bun.sleep(2_000));
  const residentBefore = daemon.residentOctets();
  const before = daemon.cpu();
  const count = SITES - WARM_UP;
  const loaded = await probing(daemon, () =>
    runSwarm({ ...order, first: WARM_UP + 1, count, concurrency: CONCURRENCY }),
  );
  const after = daemon.cpu();
  const perSite = (part: keyof CpuUse) => ((after[part] - before[part]) * 1_000) / count;
  const mainUs = perSite("main");
  const allUs = mainUs + perSite("compiler") + perSite("others");
  const { result } = loaded;
  if (result.connected !== count) line("NOT CONNECTED", `${result.failed} of ${count}`);
  line(
    `handshakes, ${CONCURRENCY} at a time`,
    `${((result.connected / result.ms) * 1_000).toFixed(0)} /s (${result.retransmissions} repeats)`,
  );
  line(
    "responder CPU a handshake",
    `${us(mainUs)}, ${(mainUs / bareUs).toFixed(1)} x the bare one`,
  );
  line("same, compiler and collector threads included", us(allUs));
  line("probe answered, idle", `${ms(idle.p99Ms)} p99, ${ms(idle.longestMs)} longest`);
  line("probe answered, under load", `${ms(loaded.p99Ms)} p99, ${ms(loaded.longestMs)} longest`);
  await Bun.sleep(SETTLE_MS);
  const resident = (daemon.residentOctets() - residentBefore) / count;
  line("resident memory a site", `${kib(resident)} (${await up(daemon)} up)`);
  line("live heap a site, engine alone", kib(await heapOctets()));
  line("longest turn, worst messages known", await longestTurn());
  line("kept for the next start", (await outputOf("keep.ts", String(SITES))).trim());
}

/**
 * While `work` runs, a cheap request every few ms shows how long the daemon keeps others waiting.
 */
async function probing<T>(daemon: Daemon, work: () => Promise<T>) {
  const probe = await openProbe(daemon.ports.ike);
  const timer = setInterval(() => probe.ask(), PROBE_EVERY_MS);
  const result = await work();
  clearInterval(timer);
  await Bun.sleep(50);
  probe.close();
  return { result, ...quantilesOf(probe.answersMs) };
}

async function runSwarm(order: SwarmOrder): Promise<SwarmResult> {
  return JSON.parse(await outputOf("swarm.ts", JSON.stringify(order))) as SwarmResult;
}

async function heapOctets(): Promise<number> {
  return Number(await outputOf("heap.ts"));
}

/** `2.1 ms (CREATE_CHILD_SA: hosts)`. */
async function longestTurn(): Promise<string> {
  const [, milliseconds, name] =
    /^(\S+) (.*)$/.exec((await outputOf("worst-turn.ts")).trim()) ?? [];
  return `${ms(Number(milliseconds))} (${name})`;
}

async function up(daemon: Daemon): Promise<number> {
  return await daemon.metric("erouted_dynamic_eroutes");
}
