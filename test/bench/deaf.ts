/**
 * How long nobody answers after the executable was killed: sites connect to it, it is killed, a
 * message of some sites waits in the kept sockets, and it is started again, as a supervisor would.
 * Arguments: the number of sites, of kills, and the command.
 */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Ke } from "../../src/crypto/transform.ts";
import { freeTcpPort, freeUdpPorts } from "../free-port.ts";
import { type LiveSite, openLiveSite } from "../real/live-site.ts";
import { FLEET_SUBNET, LOCAL_SUBNET, pskOfSite, subnetOfSite } from "./fleet.ts";
import { swarm } from "./swarm.ts";

const [sitesText = "1", killsText = "5", ...words] = process.argv.slice(2);
const [SITES, KILLS] = [Number(sitesText), Number(killsText)];
const command = words.length > 0 ? words : [join(import.meta.dir, "../../build/out/erouted")];
/** Sites whose messages wait: the oldest and the newest are among them. */
const PROBES = Math.min(SITES, 8);
const MS_MAX = 120_000;
const TICK_MS = 10;

const folder = mkdtempSync(join(tmpdir(), "erouted-deaf-"));
const [config, runtime, log] = ["erouted.toml", "run", "log"].map((name) => join(folder, name));
if (config === undefined || runtime === undefined || log === undefined) throw new Error("no name");
const [port, status] = [await freeUdpPorts(), freeTcpPort()];
let daemon: Bun.Subprocess | undefined;

try {
  prepare();
  await measure();
} finally {
  daemon?.kill("SIGKILL");
  Bun.spawnSync([
    "sh",
    "-c",
    `kill -9 $(grep -o '"pid":[0-9]*' ${runtime}/holder.json | cut -d: -f2)`,
  ]);
  rmSync(folder, { recursive: true, force: true });
}
process.exit(0);

async function measure(): Promise<void> {
  begin();
  await ready();
  const answered: (() => void)[] = [];
  const probes: LiveSite[] = [];
  let up = 0;
  const connectProbe = async (number: number, at: number): Promise<void> => {
    const call = { number, from: `127.0.3.${at + 1}`, port };
    const probe = await openLiveSite(call, (outputs) => {
      if (outputs.some(({ kind }) => kind === "child-up")) up++;
      if (outputs.some(({ kind }) => kind === "answer")) answered[at]?.();
    });
    probes.push(probe);
    probe.connect();
    for (let waited = 0; up <= at && waited < 10_000; waited += 5) await Bun.sleep(5);
  };
  const half = Math.floor(PROBES / 2);
  for (let at = 0; at < half; at++) await connectProbe(at + 1, at);
  const crowd = SITES - PROBES;
  if (crowd > 0) {
    const order = { port, first: half + 1, count: crowd, concurrency: 20, ke: Ke.X25519 };
    const { connected } = await swarm({ ...order, msMax: MS_MAX });
    if (connected < crowd) console.log(`${connected} of ${crowd} are connected`);
  }
  for (let at = half; at < PROBES; at++) await connectProbe(crowd + at + 1, at);
  for (let kill = 0; kill < KILLS; kill++) {
    await Bun.sleep(1_500);
    daemon?.kill("SIGKILL");
    await daemon?.exited;
    const began = performance.now();
    const times: number[] = [];
    const all = probes.map(async (probe, at) => {
      const { promise, resolve } = Promise.withResolvers<void>();
      answered[at] = resolve;
      probe.ask({ kind: "liveness" });
      await promise;
      times.push(performance.now() - began);
      if (times.length === 1) cpu = cpuOf(daemon?.pid ?? 0);
    });
    let cpu = "";
    begin();
    await Promise.all(all);
    await ready();
    const readyMs = performance.now() - began;
    const [first = 0, last = 0] = [times[0], times.at(-1)];
    const text = readFileSync(log ?? "", "utf8");
    const [, taken = "nothing taken over"] = /(taken over \d+ of \d+)/.exec(text) ?? [];
    console.log(
      `first answer ${first.toFixed(0)} ms, last ${last.toFixed(0)}; ready ${readyMs.toFixed(0)} ` +
        "ms; " +
        `CPU until the first ${cpu}; ${cpuOf(daemon?.pid ?? 0)} until ready; ${taken}; ` +
        `load ${readFileSync("/proc/loadavg", "utf8").split(" ")[0]}`,
    );
  }
}

/** In ms: of all threads, and of the first one. */
function cpuOf(pid: number): string {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  const all = (Number(fields[11]) + Number(fields[12])) * TICK_MS;
  const main = Number(readFileSync(`/proc/${pid}/schedstat`, "utf8").split(" ")[0]) / 1e6;
  return `${all} (main ${main.toFixed(0)})`;
}

function begin(): void {
  writeFileSync(log ?? "", "");
  daemon = Bun.spawn([...command, "run", "--config", config ?? ""], {
    env: { ...process.env, RUNTIME_DIRECTORY: runtime },
    stdout: Bun.file(log ?? ""),
    stderr: "inherit",
  });
}

async function ready(): Promise<void> {
  while (!readFileSync(log ?? "", "utf8").includes("daemon ready")) await Bun.sleep(2);
}

function prepare(): void {
  writeFileSync(config ?? "", configText(), { mode: 0o600 });
  Bun.spawnSync(["mkdir", "-m", "700", runtime ?? ""]);
  const rows = Array.from({ length: SITES }, (_, i) => {
    return `site-${i + 1},${pskOfSite(i + 1)},${subnetOfSite(i + 1)}/24`;
  });
  const fleet = join(folder, "fleet.csv");
  writeFileSync(fleet, `peerid,password,remip\n${rows.join("\n")}\n`, { mode: 0o600 });
  for (const words of [["init"], ["import", fleet]]) {
    const done = Bun.spawnSync([...command, "peers", ...words, "--config", config ?? ""]);
    if (done.exitCode !== 0) throw new Error(done.stderr.toString());
  }
}

function configText(): string {
  return `
[ike]
listen = ["127.0.0.1"]
port = ${port}
nat_port = ${port + 1}
cookie_above = 100000
warm_up = ${process.env.WARM_UP ?? "true"}

[dynamic_eroutes]
max = 20000

[dataplane]
kind = "none"

[status]
listen = "127.0.0.1:${status}"

[[egroup]]
name = "sites"
database = "sqlite:${join(folder, "peers.db")}"
remote_mask = 24

[[eroute]]
name = "fleet"
egroup = "sites"
peerid = "site-*"
ourid = "concentrator.example"
local_subnet = "${LOCAL_SUBNET}"
remote_subnet = "${FLEET_SUBNET}"
`;
}
