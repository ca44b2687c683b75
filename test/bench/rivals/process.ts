/** A responder as a process: on one core, with all its threads counted, by the kernel's figures. */

import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";

/** CPU time of all threads so far, in ms: in the program, and in the kernel on its behalf. */
export type Cpu = { readonly user: number; readonly kernel: number };

export type Responder = {
  cpu(): Cpu;
  residentOctets(): number;
  /** What it says about sites that called and are not connected, if it can. */
  notConnected?(): string;
  stop(): Promise<void>;
};

const CLOCK_TICKS_PER_SECOND = 100;
const PAGE_OCTETS = 4_096;
const UP_MS_MAX = 30_000;
const STOP_MS_MAX = 20_000;

/** The core of all responders; the generator and the database have the others. */
export const RESPONDER_CORE = 0;

/** Starts a command in a network namespace, on the responder's core. */
export function startPinned(
  namespace: string,
  command: readonly string[],
  options: { readonly cwd: string; readonly env?: Readonly<Record<string, string>> },
): ChildProcess {
  const pinned = ["netns", "exec", namespace, "taskset", "-c", `${RESPONDER_CORE}`, ...command];
  const env = { ...process.env, ...options.env };
  return spawn("ip", pinned, { stdio: ["ignore", "ignore", "inherit"], cwd: options.cwd, env });
}

/** Waits until UDP port 500 is open in its namespace. */
export async function whenUp(child: ChildProcess, name: string): Promise<Responder> {
  const responder = responderOf(child);
  const until = performance.now() + UP_MS_MAX;
  const hasEnded = () => child.exitCode !== null || child.signalCode !== null;
  while (hasEnded() || !isOpen(child.pid)) {
    if (performance.now() > until || hasEnded()) {
      await responder.stop();
      throw new Error(`${name} does not come up`);
    }
    await Bun.sleep(10);
  }
  return responder;
}

/** Port 500 among the sockets of the process's network namespace, in hex. */
function isOpen(pid: number | undefined): boolean {
  const program = readFileSync(`/proc/${pid}/comm`, "utf8").trim();
  if (["ip", "taskset", "sh", "chroot", "mount"].includes(program)) return false;
  return readFileSync(`/proc/${pid}/net/udp`, "utf8").includes(":01F4 ");
}

/** `ip`, `taskset`, `sh` and `chroot` become the program: its process ID is that of the child. */
function responderOf(child: ChildProcess): Responder {
  const read = (name: string) => readFileSync(`/proc/${child.pid}/${name}`, "utf8");
  return {
    cpu: () => cpuOf(read("stat")),
    residentOctets: () => Number(read("statm").split(" ")[1]) * PAGE_OCTETS,
    stop: () => stop(child),
  };
}

/** utime and stime of the whole process: fields 14 and 15, counted after the command's name. */
function cpuOf(stat: string): Cpu {
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const ms = (ticks: string | undefined) => (Number(ticks) * 1_000) / CLOCK_TICKS_PER_SECOND;
  return { user: ms(fields[11]), kernel: ms(fields[12]) };
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGKILL");
  await Promise.race([ended, Bun.sleep(STOP_MS_MAX)]);
}
