/**
 * Executables for several machines negotiate IKE and Child SAs with one of them, without a
 * dataplane; then all are killed, and go on.
 */

import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { patient } from "../patience.ts";
import { until } from "./guest/hosts.ts";

/** How an executable is run here, and what it is called. */
export type End = { readonly name: string; readonly command: readonly string[] };

export type Handshakes = {
  readonly exits: readonly number[];
  /** The log of each end, by name. */
  readonly logs: Readonly<Record<string, string>>;
  /** The same of the processes that came after those that were killed. */
  readonly nextLogs: Readonly<Record<string, string>>;
};

const UP_MS_MAX = patient(40_000);

/** Each end is a host of its own; returns when all are up again, or after a while. */
export async function handshakes(
  folder: string,
  answering: End,
  calling: readonly End[],
): Promise<Handshakes> {
  writeFileSync(join(folder, "key"), "a pre-shared key of the test\n", { mode: 0o600 });
  const ends = [answering, ...calling];
  for (const { name } of ends) ip(`netns add ${namespace(name)}`);
  try {
    for (const [i, { name }] of calling.entries()) connect(i, answering.name, name);
    write(folder, answering.name, answeringConfig(folder, answering, calling));
    for (const [i, end] of calling.entries()) {
      write(folder, end.name, callingConfig(folder, answering, end, i));
    }
    for (const { name } of ends) mkdirSync(join(folder, `${name}.run`), { mode: 0o700 });
    const killed = ends.map((end) => start(folder, end, "log"));
    const logOf = (name: string) => read(join(folder, `${name}.log`));
    const ups = (name: string) => logOf(name).match(/ ok child-sa-up: /g)?.length ?? 0;
    const isUp = async () =>
      calling.every(({ name }) => ups(name) > 0) && ups(answering.name) >= calling.length;
    await until("all are up", isUp, UP_MS_MAX).catch(() => undefined);
    for (const daemon of killed) daemon.kill("SIGKILL");
    await Promise.all(killed.map((daemon) => daemon.exited));
    const daemons = ends.map((end) => start(folder, end, "next.log"));
    const nextLogOf = (name: string) => read(join(folder, `${name}.next.log`));
    const isReady = async () =>
      ends.every(({ name }) => nextLogOf(name).includes(" daemon ready: "));
    await until("all are ready again", isReady, UP_MS_MAX).catch(() => undefined);
    for (const daemon of daemons) daemon.kill("SIGTERM");
    const exits = await Promise.all(daemons.map((daemon) => daemon.exited));
    const by = (log: (name: string) => string) =>
      Object.fromEntries(ends.map(({ name }) => [name, log(name)]));
    return { exits, logs: by(logOf), nextLogs: by(nextLogOf) };
  } finally {
    for (const { name } of ends) Bun.spawnSync(["ip", "netns", "delete", namespace(name)]);
  }
}

const namespace = (name: string) => `erouted-${name}-${process.pid}`;

function ip(step: string): void {
  const child = Bun.spawnSync(["ip", ...step.split(" ")]);
  if (!child.success) throw new Error(`ip ${step}: ${child.stderr}`);
}

/** A cable of its own for each caller; .1 is the responder. */
function connect(i: number, answering: string, calling: string): void {
  const [one, other] = [namespace(answering), namespace(calling)];
  ip(`link add eth${i} netns ${one} type veth peer name eth0 netns ${other}`);
  ip(`-n ${one} address add 198.51.${100 + i}.1/24 dev eth${i}`);
  ip(`-n ${other} address add 198.51.${100 + i}.2/24 dev eth0`);
  ip(`-n ${one} link set eth${i} up`);
  ip(`-n ${other} link set eth0 up`);
}

function start(folder: string, { name, command }: End, log: string) {
  const run = [...command, "run", "--config", join(folder, `${name}.toml`)];
  return Bun.spawn(["ip", "netns", "exec", namespace(name), ...run], {
    env: { ...process.env, RUNTIME_DIRECTORY: join(folder, `${name}.run`) },
    ...{ stdin: "ignore", stdout: Bun.file(join(folder, `${name}.${log}`)), stderr: "inherit" },
  });
}

const read = (file: string) => (existsSync(file) ? readFileSync(file, "utf8") : "");
const write = (folder: string, name: string, text: string) =>
  writeFileSync(join(folder, `${name}.toml`), text);

const HEAD = `[dataplane]
kind = "none"
[status]
listen = "off"
[log]
level = "debug"
`;

function answeringConfig(folder: string, { name: own }: End, calling: readonly End[]): string {
  const peers = calling.map(({ name }, i) => eroute(folder, { own, name, ours: 0, theirs: i + 1 }));
  return [HEAD, ...peers].join("");
}

function callingConfig(folder: string, { name }: End, { name: own }: End, i: number): string {
  const called = `peerip = "198.51.${100 + i}.1"\nstart = "always"\n`;
  return `${HEAD}${eroute(folder, { own, name, ours: i + 1, theirs: 0 }, called)}`;
}

type Sides = {
  readonly own: string;
  readonly name: string;
  readonly ours: number;
  readonly theirs: number;
};

function eroute(folder: string, { own, name, ours, theirs }: Sides, more = ""): string {
  return `[[eroute]]
name = "${name}"
peerid = "${name}"
ourid = "${own}"
local_subnet = "10.${ours}.0.0/16"
remote_subnet = "10.${theirs}.0.0/16"
${more}[[user]]
name = "${name}"
password_file = "${join(folder, "key")}"
`;
}
