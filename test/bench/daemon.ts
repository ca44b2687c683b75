/** The built executable under test: started, watched through /proc, asked over UDP, stopped. */

import { type ChildProcess, spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Mariadb } from "../real/mariadb.ts";
import { MARIADB_USER } from "../real/mariadb.ts";
import { FLEET_SUBNET, LOCAL_SUBNET } from "./fleet.ts";

export type Ports = { readonly ike: number; readonly nat: number; readonly status: number };

/** In ms: the thread that does the work, the compiler's threads, and all others (collector). */
export type CpuUse = {
  readonly main: number;
  readonly compiler: number;
  readonly others: number;
};

export type Daemon = {
  readonly pid: number;
  readonly ports: Ports;
  /** From the start of the process to its first answer over UDP. */
  readonly startMs: number;
  /** CPU time so far, in ms. */
  cpu(): CpuUse;
  residentOctets(): number;
  /** A sample of /metrics. */
  metric(name: string): Promise<number>;
  stop(): Promise<void>;
};

const CLOCK_TICKS_PER_SECOND = 100;
const PAGE_OCTETS = 4_096;
const START_MS_MAX = 20_000;
const STOP_MS_MAX = 15_000;

/** More lines of its eroute, and how many sites can be connected. */
export type DaemonSettings = { readonly eroute?: string; readonly max?: number };

/** Writes the configuration and starts the command. */
export async function startDaemon(
  command: readonly string[],
  folder: string,
  mariadb: Mariadb,
  { eroute = "", max = 20_000 }: DaemonSettings = {},
): Promise<Daemon> {
  const ports = { ike: 15_500, nat: 15_501, status: 15_502 };
  const config = join(folder, "erouted.toml");
  await Bun.write(join(folder, "password"), MARIADB_USER.password);
  await Bun.write(config, `${configText({ folder, mariadb, ports, max })}${eroute}\n`);
  const [file, ...args] = [...command, "run", "--config", config];
  if (file === undefined) throw new Error("no command was given");
  const started = performance.now();
  const child = spawn(file, args, { stdio: ["ignore", "ignore", "inherit"], cwd: folder });
  const startMs = await firstAnswerMs(child, ports.ike, started).catch((fault: unknown) => {
    child.kill("SIGKILL");
    throw fault;
  });
  const pid = child.pid ?? 0;
  return {
    pid,
    ports,
    startMs,
    cpu: () => cpuOf(pid),
    residentOctets: () => Number(statOf(pid, "statm").split(" ")[1]) * PAGE_OCTETS,
    metric: (name) => metricOf(ports.status, name),
    stop: () => stop(child),
  };
}

/**
 * How long an answer takes that costs the daemon almost nothing: the notify about an unsupported
 * version (RFC 7296 §2.5). Undefined if none came.
 */
export async function openProbe(
  port: number,
  host = "127.0.0.1",
): Promise<{ ask(): void; readonly answersMs: readonly number[]; close(): void }> {
  const sentAt = new Map<bigint, number>();
  const answersMs: number[] = [];
  let number = 0n;
  const socket = await Bun.udpSocket({
    hostname: host,
    binaryType: "uint8array",
    socket: {
      data(_, octets) {
        const spi = new DataView(octets.buffer, octets.byteOffset, 8).getBigUint64(0);
        const sent = sentAt.get(spi);
        if (sent !== undefined) answersMs.push(performance.now() - sent);
        sentAt.delete(spi);
      },
      error: () => {},
    },
  });
  return {
    answersMs,
    ask() {
      number++;
      sentAt.set(number, performance.now());
      try {
        socket.send(versionThree(number), port, host);
      } catch {
        // Nobody listened when the one before was sent.
      }
    },
    close: () => socket.close(),
  };
}

/** IKE header of version 3.0: SPIi, SPIr, no payload, IKE_SA_INIT, initiator, ID 0, length 28. */
function versionThree(spiI: bigint): Uint8Array {
  const octets = new Uint8Array(28);
  const view = new DataView(octets.buffer);
  view.setBigUint64(0, spiI);
  view.setUint8(17, 0x30);
  view.setUint8(18, 34);
  view.setUint8(19, 0x08);
  view.setUint32(24, 28);
  return octets;
}

async function firstAnswerMs(child: ChildProcess, port: number, started: number): Promise<number> {
  const probe = await openProbe(port);
  try {
    while (probe.answersMs.length === 0) {
      const waited = performance.now() - started;
      if (child.exitCode !== null || waited > START_MS_MAX) {
        throw new Error(`the daemon does not answer (exit code ${child.exitCode})`);
      }
      probe.ask();
      await Bun.sleep(1);
    }
    return performance.now() - started;
  } finally {
    probe.close();
  }
}

function statOf(pid: number, name: string): string {
  return readFileSync(`/proc/${pid}/${name}`, "utf8");
}

function cpuOf(pid: number): CpuUse {
  const use = { main: 0, compiler: 0, others: 0 };
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    const stat = statOf(pid, `task/${thread}/stat`);
    const name = stat.slice(stat.indexOf("(") + 1, stat.lastIndexOf(")"));
    const isCompiler = name.startsWith("JIT") || name.startsWith("JSC");
    use[thread === `${pid}` ? "main" : isCompiler ? "compiler" : "others"] += cpuMs(stat);
  }
  return use;
}

/** utime and stime: fields 14 and 15, counted after the command's name. */
function cpuMs(stat: string): number {
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return ((Number(fields[11]) + Number(fields[12])) * 1_000) / CLOCK_TICKS_PER_SECOND;
}

async function metricOf(port: number, name: string): Promise<number> {
  const response = await fetch(`http://127.0.0.1:${port}/metrics`);
  const line = (await response.text()).split("\n").find((text) => text.startsWith(`${name} `));
  return Number(line?.slice(name.length + 1));
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  const ended = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGTERM");
  const inTime = await Promise.race([ended.then(() => true), Bun.sleep(STOP_MS_MAX)]);
  if (inTime !== true) child.kill("SIGKILL");
}

type Place = {
  readonly folder: string;
  readonly mariadb: Mariadb;
  readonly ports: Ports;
  readonly max: number;
};

function configText({ folder, mariadb, ports, max }: Place): string {
  return `
[ike]
listen = ["127.0.0.1"]
port = ${ports.ike}
nat_port = ${ports.nat}

[dataplane]
kind = "none"

[dynamic_eroutes]
max = ${max}

[status]
listen = "127.0.0.1:${ports.status}"

[log]
level = "warning"

[[egroup]]
name = "sites"
database = "mysql://${MARIADB_USER.name}@/${MARIADB_USER.database}?socket=${mariadb.socket}"
password_file = "${join(folder, "password")}"
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
