/** The executable is killed at any moment, and the next start goes on: no site connects anew. */

import { afterAll, beforeAll, expect, test } from "bun:test";
import {
  existsSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Ke } from "../../src/crypto/transform.ts";
import { FLEET_SUBNET, LOCAL_SUBNET, pskOfSite, subnetOfSite } from "../bench/fleet.ts";
import { freeTcpPort, freeUdpPorts } from "../free-port.ts";
import { lookUntil, patient } from "../patience.ts";
import type { SiteOutput } from "../simulation/site-state.ts";
import { type LiveSite, openLiveSite } from "./live-site.ts";

const SITES = 20;
/** From before the first message of a rekey to after the last one. */
const KILLED_AFTER_MS = [0, 2, 5, 8, 12, 16, 20, 25, 30, 40, 60, 100];
const REPEAT_MS = 300;

const folder = mkdtempSync(join(tmpdir(), "erouted-keep-"));
const runtime = join(folder, "run");
const logFile = join(folder, "log");
const config = join(folder, "erouted.toml");
const built = process.env.EROUTED_EXECUTABLE ?? "";
const source = [process.execPath, join(import.meta.dir, "../../src/main.ts")];
const command = built === "" ? source : [built];
const heard: SiteOutput[][] = [];
const sites: LiveSite[] = [];
let daemon: Bun.Subprocess | undefined;
let port = 0;
let status = 0;

beforeAll(async () => {
  [port, status] = [await freeUdpPorts(), freeTcpPort()];
  writeFileSync(config, configText(), { mode: 0o600 });
  Bun.spawnSync(["mkdir", "-m", "700", runtime]);
  const rows = Array.from({ length: SITES }, (_, i) => {
    return `site-${i + 1},${pskOfSite(i + 1)},${subnetOfSite(i + 1)}/24`;
  });
  const fleet = join(folder, "fleet.csv");
  writeFileSync(fleet, `peerid,password,remip\n${rows.join("\n")}\n`, { mode: 0o600 });
  for (const words of [["init"], ["import", fleet]]) {
    const done = Bun.spawnSync([...command, "peers", ...words, "--config", config]);
    expect(`${done.exitCode} ${done.stderr}`).toStartWith("0 ");
  }
}, patient(60_000));

afterAll(async () => {
  for (const site of sites) site.close();
  daemon?.kill("SIGKILL");
  await daemon?.exited;
  rmSync(folder, { recursive: true, force: true });
}, patient(20_000));

test(
  "R5: sites go on with the executable that follows one that was killed",
  async () => {
    await start();
    for (let number = 1; number <= SITES; number++) {
      const outputs: SiteOutput[] = [];
      heard.push(outputs);
      const call = { number, from: `127.0.1.${number}`, port };
      const site = await openLiveSite(call, (more) => void outputs.push(...more));
      sites.push(site);
      site.connect();
    }
    await every("child-up");
    expect(statSync(join(runtime, "state")).mode & 0o777).toBe(0o600);
    const before = await metric("erouted_ike_sas_established_total");
    for (let round = 1; round <= 3; round++) {
      await end("SIGKILL");
      const log = await start();
      expect(log).toContain(`taken over ${SITES} of ${SITES} from the run before`);
      expect(await metric("erouted_dynamic_eroutes")).toBe(SITES);
      for (const outputs of heard) outputs.length = 0;
      // The IKE SA goes on: new keys from the old ones.
      for (const site of sites) site.ask({ kind: "rekey-ike", ke: Ke.X25519 });
      await every("rekeyed");
      expect(heard.flat().filter((output) => output.kind === "ended")).toEqual([]);
    }
    expect(before).toBe(SITES);
    expect(await metric("erouted_ike_sas_established_total")).toBe(0);
  },
  patient(60_000),
);

test(
  "R5: what sites have sent while nothing ran is answered once, without a repeat of theirs",
  async () => {
    await end("SIGKILL");
    for (const outputs of heard) outputs.length = 0;
    for (const site of sites) site.ask({ kind: "liveness" });
    expect(await start()).toContain(`taken over ${SITES} of ${SITES} from the run before`);
    await every("answer");
    for (const site of sites) site.ask({ kind: "rekey-ike", ke: Ke.X25519 });
    await every("rekeyed");
    const isAnswer = (one: SiteOutput) => one.kind === "answer" && one.asked === "liveness";
    expect(heard.map((outputs) => outputs.filter(isAnswer).length)).toEqual(heard.map(() => 1));
    expect(await metric("erouted_dynamic_eroutes")).toBe(SITES);
  },
  patient(60_000),
);

test(
  "R5: killed at any moment of a rekey, it goes on: every site gets its answer",
  async () => {
    for (const ms of KILLED_AFTER_MS) {
      for (const outputs of heard) outputs.length = 0;
      for (const site of sites) site.ask({ kind: "rekey-ike", ke: Ke.X25519 });
      await Bun.sleep(ms);
      await end("SIGKILL");
      expect(await start()).toContain(`taken over ${SITES} of ${SITES} from the run before`);
      // As every IKE daemon does; what the process had read when it was killed is lost.
      const waiting = () =>
        heard.flatMap((outputs, i) => {
          return outputs.some(({ kind }) => kind === "rekeyed") ? [] : [sites[i]];
        });
      const repeating = setInterval(() => {
        for (const site of waiting()) site?.repeat();
      }, REPEAT_MS);
      await every("rekeyed").finally(() => clearInterval(repeating));
      expect(heard.flat().filter((output) => output.kind === "ended")).toEqual([]);
    }
    expect(await metric("erouted_dynamic_eroutes")).toBe(SITES);
    expect(await metric("erouted_ike_sas_established_total")).toBe(0);
  },
  patient(120_000),
);

test(
  "events go on with the same numbers over a crash, and why still knows earlier attempts",
  async () => {
    for (const outputs of heard) outputs.length = 0;
    for (const site of sites) site.ask({ kind: "rekey-ike", ke: Ke.X25519 });
    await every("rekeyed");
    const before = await events();
    expect(before.some(({ site }) => site === "site-1")).toBe(true);
    // What happened in the last second may be lost.
    await Bun.sleep(1_500);
    await end("SIGKILL");
    await start();
    const [last] = before.slice(-1);
    const after = await events();
    const from = after.findIndex(({ sequence }) => sequence === last?.sequence);
    expect(after.slice(0, from + 1)).toEqual(before.slice(-from - 1));
    expect(from).toBeGreaterThan(0);
    expect(after.length).toBeGreaterThan(from + 1);
    const words = ["why", "site-1", "--config", config];
    const why = Bun.spawnSync([...command, ...words], { stderr: "inherit" });
    expect(why.stdout.toString()).toContain("site-1");
    expect(statSync(join(runtime, "events.1")).mode & 0o777).toBe(0o600);
  },
  patient(60_000),
);

test(
  "R4: without its database at the start, erouted goes on with all sites, and closes none later",
  async () => {
    const peers = join(folder, "peers.db");
    const closedPort = freeTcpPort();
    const password = join(folder, "password");
    writeFileSync(password, "secret\n", { mode: 0o600 });
    const elsewhere = configText()
      .replace(`sqlite:${peers}"`, `mysql://erouted@127.0.0.1:${closedPort}/peers"`)
      .replace("remote_mask", `password_file = "${password}"\nremote_mask`);
    for (const how of ["gone", "refuses"] as const) {
      await end("SIGKILL");
      if (how === "gone") renameSync(peers, `${peers}.away`);
      else writeFileSync(config, elsewhere, { mode: 0o600 });
      expect(await start()).toContain(`taken over ${SITES} of ${SITES} from the run before`);
      for (const outputs of heard) outputs.length = 0;
      for (const site of sites) site.ask({ kind: "rekey-ike", ke: Ke.X25519 });
      await every("rekeyed");
      // Rows are read again after a start: that fails, and nobody goes because of it.
      await Bun.sleep(3_000);
      expect(await metric("erouted_dynamic_eroutes")).toBe(SITES);
      expect(heard.flat().filter((output) => output.kind === "ended")).toEqual([]);
      await end("SIGKILL");
      if (how === "gone") renameSync(`${peers}.away`, peers);
      else writeFileSync(config, configText(), { mode: 0o600 });
      expect(await start()).toContain(`taken over ${SITES} of ${SITES} from the run before`);
    }
  },
  patient(120_000),
);

test(
  "SIGUSR2 keeps everything for the next start, SIGTERM says goodbye and leaves nothing",
  async () => {
    // Nobody supervises it here: it becomes the next process itself.
    daemon?.kill("SIGUSR2");
    const log = () => readFileSync(logFile, "utf8");
    const isAgain = () => log().split("daemon ready").length > 2;
    await lookUntil("it is ready again", isAgain, patient(20_000));
    expect(log().split("all SAs stay")[1]).toContain(
      `taken over ${SITES} of ${SITES} from the run`,
    );
    expect(await end("SIGTERM")).toBe(0);
    expect(existsSync(join(runtime, "state"))).toBe(false);
    expect(await start()).not.toContain("taken over");
    expect(await metric("erouted_dynamic_eroutes")).toBe(0);
  },
  patient(60_000),
);

test(
  "a configuration that has changed meanwhile closes whom it concerns, and nobody else",
  async () => {
    await end("SIGTERM");
    await start();
    const numbers = [1, 2, 3];
    for (const number of numbers) {
      const call = { number, from: `127.0.2.${number}`, port };
      const site = await openLiveSite(call, () => undefined);
      sites.push(site);
      site.connect();
    }
    const count = () => metric("erouted_dynamic_eroutes");
    await lookUntil("all are up", async () => (await count()) === 3, patient(10_000));
    // Until then the configuration of the start is kept.
    await Bun.sleep(2_500);
    await end("SIGKILL");
    writeFileSync(config, `${configText()}dpd = "77s"\n`, { mode: 0o600 });
    expect(await start()).toContain("taken over 3 of 3 from the run before");
    const has = (words: string) => () => readFileSync(logFile, "utf8").includes(words);
    await lookUntil("the change is applied", has("3 take new values"), patient(10_000));
    expect(await count()).toBe(3);
    await Bun.sleep(2_500);
    await end("SIGKILL");
    const moved = configText().replace(LOCAL_SUBNET, "10.99.0.0/16");
    writeFileSync(config, moved, { mode: 0o600 });
    await start();
    await lookUntil("they are closed", async () => (await count()) === 0, patient(10_000));
    expect(readFileSync(logFile, "utf8")).toContain("local_subnet of eroute fleet");
  },
  patient(60_000),
);

async function start(): Promise<string> {
  writeFileSync(logFile, "");
  daemon = Bun.spawn([...command, "run", "--config", config], {
    env: { ...process.env, RUNTIME_DIRECTORY: runtime },
    stdout: Bun.file(logFile),
    stderr: "inherit",
  });
  const log = () => readFileSync(logFile, "utf8");
  await lookUntil("erouted is ready", () => log().includes("daemon ready"), patient(20_000));
  return log();
}

async function end(signal: "SIGKILL" | "SIGUSR2" | "SIGTERM"): Promise<number | undefined> {
  daemon?.kill(signal);
  return await daemon?.exited;
}

async function every(kind: SiteOutput["kind"]): Promise<void> {
  const isThere = () => heard.every((outputs) => outputs.some((one) => one.kind === kind));
  await lookUntil(`every site has ${kind}`, isThere, patient(10_000));
}

async function metric(name: string): Promise<number> {
  const response = await fetch(`http://127.0.0.1:${status}/metrics`);
  const line = (await response.text()).split("\n").find((text) => text.startsWith(`${name} `));
  return Number(line?.slice(name.length + 1));
}

type EventShown = { readonly sequence: number; readonly site: string | null };

async function events(): Promise<readonly EventShown[]> {
  const response = await fetch(`http://127.0.0.1:${status}/api/v1/events?limit=1000`);
  const answer: { readonly events: readonly EventShown[] } = JSON.parse(await response.text());
  return answer.events;
}

function configText(): string {
  return `
[ike]
listen = ["127.0.0.1"]
port = ${port}
nat_port = ${port + 1}

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
