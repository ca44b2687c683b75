/** A flood of slow key exchanges, over loopback: sites still connect, and get new keys. */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Ke } from "../../src/crypto/transform.ts";
import { ExchangeType } from "../../src/wire/v2/exchange-type.ts";
import { FLEET_SUBNET, LOCAL_SUBNET, pskOfSite, subnetOfSite } from "../bench/fleet.ts";
import { freeTcpPort, freeUdpPorts } from "../free-port.ts";
import { lookUntil, patient } from "../patience.ts";
import type { SiteOutput } from "../simulation/site-state.ts";
import { toyKeyExchange } from "../simulation/toy-key-exchange.ts";
import { type LiveSite, liveCall, openLiveSite } from "./live-site.ts";

const SITES = 40;
/** Far more than a thread can do: each takes tens of milliseconds. */
const FLOOD_PER_TURN = 20;
const TURN_MS = 50;
/** Sites under the flood against sites without it: first come, first served would be thousands. */
const RATIO_MAX = 60;
/** What counts as the figure without a flood, however fast the machine is. */
const UNLOADED_MS_MIN = 50;

const folder = mkdtempSync(join(tmpdir(), "erouted-slow-groups-"));
const logFile = join(folder, "log");
const log = () => readFileSync(logFile, "utf8");
let daemon: Bun.Subprocess | undefined;
let port = 0;
let status = 0;

beforeAll(async () => {
  [port, status] = [await freeUdpPorts(), freeTcpPort()];
  const config = join(folder, "erouted.toml");
  writeFileSync(config, configText(), { mode: 0o600 });
  const rows = Array.from({ length: SITES }, (_, i) => {
    return `site-${i + 1},${pskOfSite(i + 1)},${subnetOfSite(i + 1)}/24`;
  });
  const fleet = join(folder, "fleet.csv");
  writeFileSync(fleet, `peerid,password,remip\n${rows.join("\n")}\n`, { mode: 0o600 });
  const built = process.env.EROUTED_EXECUTABLE ?? "";
  const source = [process.execPath, join(import.meta.dir, "../../src/main.ts")];
  const command = built === "" ? source : [built];
  for (const words of [["init"], ["import", fleet]]) {
    const done = Bun.spawnSync([...command, "peers", ...words, "--config", config]);
    expect(`${done.exitCode} ${done.stderr}`).toStartWith("0 ");
  }
  daemon = Bun.spawn([...command, "run", "--config", config], {
    stdout: Bun.file(logFile),
    stderr: "inherit",
  });
  await lookUntil("erouted is ready", () => log().includes("daemon ready"), patient(20_000));
}, patient(60_000));

afterAll(async () => {
  daemon?.kill("SIGTERM");
  await daemon?.exited;
  rmSync(folder, { recursive: true, force: true });
}, patient(20_000));

test(
  "a flood of MODP-4096 with cookies: sites connect, and rekeys are not refused",
  async () => {
    // The first exchange of a group prepares it.
    await connectMs(1);
    const unloaded = Math.max(UNLOADED_MS_MIN, ...(await inTurn([2, 3, 4, 5])));
    const heard: SiteOutput[] = [];
    const standing = await openLiveSite(siteCall(6), (outputs) => void heard.push(...outputs));
    standing.connect();
    const has = (kind: SiteOutput["kind"]) => heard.some((output) => output.kind === kind);
    await lookUntil("the site is up", () => has("child-up"), patient(20_000));
    const flood = await startFlood();
    const waiting = () => metric("erouted_key_exchanges_waiting");
    await lookUntil("the flood waits", async () => (await waiting()) > 50, patient(20_000));
    const loaded = await inTurn([11, 12, 13, 14, 15]);
    standing.ask({ kind: "rekey-ike", ke: Ke.MODP_2048 });
    await lookUntil("new keys, or none", () => has("rekeyed") || has("refused"), patient(30_000));
    expect(heard.filter(({ kind }) => kind === "refused")).toEqual([]);
    expect(await waiting()).toBeGreaterThan(0);
    flood.stop();
    standing.close();
    expect(Math.max(...loaded)).toBeLessThan(RATIO_MAX * unloaded);
  },
  patient(120_000),
);

const siteCall = (number: number) => {
  return { number, from: `127.0.6.${number}`, port, ke: Ke.MODP_2048 };
};

async function connectMs(number: number): Promise<number> {
  const began = performance.now();
  const { isUp } = await liveCall(siteCall(number), patient(30_000));
  expect(isUp).toBe(true);
  return performance.now() - began;
}

async function inTurn(numbers: readonly number[]): Promise<readonly number[]> {
  const took: number[] = [];
  for (const number of numbers) took.push(await connectMs(number));
  return took;
}

/** Each request from a socket of its own, all of one address; cookies are returned. */
async function startFlood(): Promise<{ stop(): void }> {
  const open = new Set<LiveSite>();
  let isOver = false;
  const one = async (): Promise<void> => {
    const call = { number: 30, from: "127.0.7.1", port, ke: Ke.MODP_4096 };
    const only = ExchangeType.IKE_SA_INIT;
    const site = await openLiveSite(
      { ...call, only, keyExchange: toyKeyExchange },
      () => undefined,
    );
    open.add(site);
    site.connect();
    await Bun.sleep(5_000);
    open.delete(site);
    site.close();
  };
  const timer = setInterval(() => {
    for (let i = 0; i < FLOOD_PER_TURN && !isOver; i++) void one();
  }, TURN_MS);
  return {
    stop() {
      isOver = true;
      clearInterval(timer);
    },
  };
}

async function metric(name: string): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${status}/metrics`)).text();
  const line = text.split("\n").find((one) => one.startsWith(`${name} `));
  return Number(line?.slice(name.length + 1));
}

function configText(): string {
  return `
[ike]
listen = ["127.0.0.1"]
port = ${port}
nat_port = ${port + 1}
cookie_above = 16

[dataplane]
kind = "none"

[status]
listen = "127.0.0.1:${status}"

[[egroup]]
name = "sites"
database = "sqlite:${join(folder, "peers.db")}"

[[eroute]]
name = "fleet"
egroup = "sites"
peerid = "site-*"
ourid = "concentrator.example"
local_subnet = "${LOCAL_SUBNET}"
remote_subnet = "${FLEET_SUBNET}"
ike = ["aes128gcm16-prfsha256-x25519-modp2048-modp4096"]
`;
}
