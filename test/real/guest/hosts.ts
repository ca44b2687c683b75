/** Hosts of a test: network namespaces with addresses and routes, and what is visible from them. */

import { readFile } from "node:fs/promises";
import { lookUntil, patient } from "../../patience.ts";

/** A network namespace; with `undefined` as host, a command runs where the test itself runs. */
export type Host = { readonly name: string };

export type Ended = { readonly status: number; readonly out: string; readonly err: string };

/** A program that runs until it is stopped. */
export type Running = {
  readonly pid: number;
  readonly exited: Promise<number>;
  /** What it wrote so far. */
  output(): Promise<string>;
  /** SIGTERM, then SIGKILL; settles when it is gone. */
  stop(): Promise<void>;
};

const COMMAND_MS_MAX = patient(60_000);
const STOP_MS_MAX = patient(5_000);

/** Adds a namespace with its loopback up, forwarding between its interfaces. */
export async function addHost(name: string): Promise<Host> {
  await must(undefined, ["ip", "netns", "add", name]);
  const host = { name };
  const forward = "net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1";
  await must(host, ["sysctl", "-q", "-w", ...forward.split(" ")]);
  await configure(host, ["link set lo up"]);
  return host;
}

/** Runs several `ip` commands in one process: each begins like `addr add …`. */
export async function configure(host: Host | undefined, lines: readonly string[]): Promise<void> {
  const where = host === undefined ? [] : ["-n", host.name];
  const batch = Bun.spawn(["ip", ...where, "-batch", "-"], {
    stdin: new Blob([`${lines.join("\n")}\n`]),
    stdout: "ignore",
    stderr: "pipe",
    timeout: COMMAND_MS_MAX,
  });
  const complaint = await new Response(batch.stderr).text();
  if ((await batch.exited) !== 0) throw new Error(`ip -batch in ${host?.name}: ${complaint}`);
}

/** Runs a command to its end. */
export async function run(host: Host | undefined, command: readonly string[]): Promise<Ended> {
  const child = Bun.spawn(inHost(host, command), {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    timeout: COMMAND_MS_MAX,
  });
  const [out, err, status] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return { status, out, err };
}

/** Runs a command that has to succeed; returns its output. */
export async function must(host: Host | undefined, command: readonly string[]): Promise<string> {
  const ended = await run(host, command);
  if (ended.status === 0) return ended.out;
  const where = host === undefined ? "" : ` in ${host.name}`;
  throw new Error(`${command.join(" ")}${where}: ${ended.status}\n${ended.out}${ended.err}`);
}

/** Starts a program that keeps running; its output is kept in /run. */
export function start(
  host: Host | undefined,
  command: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Running {
  const log = `/run/${host?.name ?? "here"}-${crypto.randomUUID().slice(0, 8)}.log`;
  const child = Bun.spawn(["sh", "-c", 'exec "$@" 2>&1', "sh", ...inHost(host, command)], {
    stdin: "ignore",
    stdout: Bun.file(log),
    stderr: "ignore",
    env: { ...process.env, ...env },
  });
  return {
    pid: child.pid,
    exited: child.exited,
    output: async () => await readFile(log, "utf8").catch(() => ""),
    stop: async () => {
      child.kill("SIGTERM");
      const hard = setTimeout(() => child.kill("SIGKILL"), STOP_MS_MAX);
      await child.exited;
      clearTimeout(hard);
    },
  };
}

/** Waits until `holds` is true; an error names what was awaited. */
export async function until(
  what: string,
  holds: () => Promise<boolean>,
  msMax = patient(15_000),
): Promise<void> {
  await lookUntil(what, holds, msMax);
}

function inHost(host: Host | undefined, command: readonly string[]): string[] {
  if (host === undefined) return [...command];
  const [program, ...words] = command;
  // One process instead of two: in a guest this halves the time.
  if (program === "ip") return ["ip", "-n", host.name, ...words];
  return ["ip", "netns", "exec", host.name, ...command];
}
