/**
 * `make bench`: IKEv1 in Aggressive Mode, with MODP-2048 and with ECP-256: the built executable
 * with MariaDB, called by a swarm over UDP, against the bare arithmetic.
 */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { transformName } from "../../src/crypto/names.ts";
import { Ke, TransformType } from "../../src/crypto/transform.ts";
import { type Mariadb, startMariadb } from "../real/mariadb.ts";
import { measureIkev1Arithmetic } from "./arithmetic.ts";
import { type CpuUse, type Daemon, startDaemon } from "./daemon.ts";
import { fillTable, kib, line, ms, outputOf, us } from "./report.ts";
import type { SwarmOrder, SwarmResult } from "./swarm.ts";

const SITES = Number(process.env.SITES ?? 5_000);
const CONCURRENCY = Number(process.env.CONCURRENCY ?? 16);
const WARM_UP = 1_000;
const MS_MAX = 120_000;
const EROUTE = 'ike_version = "v1"';
/** After a load the garbage collector takes a while to free memory. */
const SETTLE_MS = 10_000;

const command = process.env.EROUTED?.split(" ") ?? [
  join(import.meta.dir, "../../build/out/erouted"),
];

const mariadb = await startMariadb();
try {
  await fillTable(mariadb, WARM_UP + SITES);
  for (const group of [Ke.MODP_2048, Ke.ECP_256]) await measureGroup(mariadb, group);
} finally {
  await mariadb.dispose();
}

async function measureGroup(database: Mariadb, group: number): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "erouted-bench-"));
  let daemon: Daemon | undefined;
  try {
    daemon = await startDaemon(command, folder, database, { eroute: EROUTE });
    await measure(daemon, group);
  } finally {
    await daemon?.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

async function measure(daemon: Daemon, group: number): Promise<void> {
  const name = transformName(TransformType.KE, group, undefined);
  line(`IKEv1, Aggressive Mode, ${SITES} sites, AES_CBC_256/${name}`, "");
  const { keyExchangeUs, hmacUs, cipherUs } = measureIkev1Arithmetic(group);
  const bareUs = keyExchangeUs + hmacUs + cipherUs;
  const parts = `key exchange ${us(keyExchangeUs)}, HMACs ${us(hmacUs)}, AES ${us(cipherUs)}`;
  line("bare arithmetic of a handshake", `${us(bareUs)} (${parts})`);
  const order = { port: daemon.ports.ike, ke: group, version: 1, msMax: MS_MAX } as const;
  await runSwarm({ ...order, first: 1, count: WARM_UP, concurrency: CONCURRENCY });
  const residentBefore = daemon.residentOctets();
  const before = daemon.cpu();
  const result = await runSwarm({
    ...{ ...order, first: WARM_UP + 1 },
    ...{ count: SITES, concurrency: CONCURRENCY },
  });
  const after = daemon.cpu();
  const perSite = (part: keyof CpuUse) => ((after[part] - before[part]) * 1_000) / SITES;
  const [mainUs, othersUs] = [perSite("main"), perSite("others")];
  const allUs = mainUs + othersUs + perSite("compiler");
  if (result.connected !== SITES) line("NOT CONNECTED", `${result.failed} of ${SITES}`);
  line(
    `handshakes, ${CONCURRENCY} at a time`,
    `${((result.connected / result.ms) * 1_000).toFixed(0)} /s (${result.retransmissions} repeats)`,
  );
  line("first message to Child SA", `${ms(result.p50Ms)} p50, ${ms(result.p99Ms)} p99`);
  // Slow groups are computed by a thread of their own.
  const ratio = ((mainUs + othersUs) / bareUs).toFixed(1);
  line("responder CPU a handshake", `${us(mainUs + othersUs)}, ${ratio} x the bare one`);
  line("same, compiler threads included", us(allUs));
  await Bun.sleep(SETTLE_MS);
  line("resident memory a site", kib((daemon.residentOctets() - residentBefore) / SITES));
}

async function runSwarm(order: SwarmOrder): Promise<SwarmResult> {
  return JSON.parse(await outputOf("swarm.ts", JSON.stringify(order))) as SwarmResult;
}
