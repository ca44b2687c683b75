/**
 * The OpenWrt service script under something that does what procd does with it: it runs the
 * command with its environment, starts it again when it ends, and sends it signals.
 */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Ke } from "../../src/crypto/transform.ts";
import { LOCAL_SUBNET, pskOfSite, subnetOfSite } from "../bench/fleet.ts";
import { freeUdpPorts } from "../free-port.ts";
import { lookUntil, patient } from "../patience.ts";
import type { SiteOutput } from "../simulation/site-state.ts";
import { type LiveSite, openLiveSite } from "./live-site.ts";

const folder = mkdtempSync(join(tmpdir(), "erouted-procd-"));
const path = (name: string) => join(folder, name);
const built = process.env.EROUTED_EXECUTABLE ?? "";
const source = `${process.execPath} ${join(import.meta.dir, "../../src/main.ts")}`;
const SCRIPT = join(import.meta.dir, "../../build/packaging/openwrt/erouted.init");

/** Stands for /etc/rc.common with procd behind it; `$1` is the service's script. */
const PROCD = `
procd_open_instance() { environment=; }
procd_set_param() {
  name=$1; shift
  case $name in command) command="$*";; env) environment=$*;; respawn) pause=$2;; esac
}
procd_append_param() { [ "$1" != env ] || environment="$environment $2"; }
procd_close_instance() {
  while :; do
    env $environment $command >>"$FOLDER/log" 2>&1 &
    echo $! >"$FOLDER/pid"
    wait $!
    sleep "$pause"
  done &
  echo $! >"$FOLDER/supervisor"
}
procd_send_signal() { kill -"$3" "$(cat "$FOLDER/pid")"; }
running() { kill -0 "$(cat "$FOLDER/pid")"; }
. "$1"
start() { start_service; }
"$2"
`;

let site: LiveSite | undefined;

beforeAll(async () => {
  const port = await freeUdpPorts();
  mkdirSync(path("run"), { mode: 0o700 });
  writeFileSync(path("key"), pskOfSite(1), { mode: 0o600 });
  writeFileSync(path("erouted.toml"), configText(port));
  writeFileSync(path("rc.common"), PROCD);
  const script = readFileSync(SCRIPT, "utf8")
    .replaceAll("/usr/bin/erouted", built === "" ? source : built)
    .replaceAll("/etc/erouted/erouted.toml", path("erouted.toml"))
    .replaceAll("/var/run/erouted", path("run"));
  writeFileSync(path("erouted.init"), script);
  writeFileSync(path("log"), "");
  service("start");
  await ready(1);
  const heard = (outputs: readonly SiteOutput[]) => void outputsOfSite.push(...outputs);
  site = await openLiveSite({ number: 1, from: "127.0.1.1", port }, heard);
  site.connect();
  await hears("child-up");
}, patient(60_000));

afterAll(() => {
  site?.close();
  process.kill(Number(readFileSync(path("supervisor"), "utf8")), "SIGKILL");
  process.kill(pid(), "SIGTERM");
  rmSync(folder, { recursive: true, force: true });
});

const outputsOfSite: SiteOutput[] = [];
const log = () => readFileSync(path("log"), "utf8");
const pid = () => Number(readFileSync(path("pid"), "utf8"));

test(
  "R5: `restart` keeps all SAs, under the same process ID",
  async () => {
    const before = pid();
    service("restart");
    await ready(2);
    expect(pid()).toBe(before);
    await goesOn(1);
  },
  patient(60_000),
);

test(
  "R5: a crash keeps all SAs: procd starts it again after a second",
  async () => {
    const before = pid();
    process.kill(before, "SIGKILL");
    await ready(3);
    expect(pid()).not.toBe(before);
    await goesOn(2);
  },
  patient(60_000),
);

/** The site is known, and its IKE SA gives new keys. */
async function goesOn(times: number): Promise<void> {
  expect(log().split("taken over 1 of 1 from the run before")).toHaveLength(times + 1);
  outputsOfSite.length = 0;
  site?.ask({ kind: "rekey-ike", ke: Ke.X25519 });
  await hears("rekeyed");
  expect(log()).not.toContain("closing the sites");
}

function service(what: "start" | "restart"): void {
  const command = ["sh", path("rc.common"), path("erouted.init"), what];
  const done = Bun.spawnSync(command, {
    env: { ...process.env, FOLDER: folder, NOTIFY_SOCKET: "" },
    stdio: ["ignore", "ignore", "ignore"],
  });
  expect([what, done.exitCode]).toEqual([what, 0]);
}

async function ready(times: number): Promise<void> {
  const isReady = () => log().split("daemon ready").length > times;
  await lookUntil(`erouted is ready for the ${times}. time`, isReady, patient(20_000));
}

async function hears(kind: SiteOutput["kind"]): Promise<void> {
  const isThere = () => outputsOfSite.some((output) => output.kind === kind);
  await lookUntil(`the site has ${kind}`, isThere, patient(10_000));
}

function configText(port: number): string {
  return `
[ike]
listen = ["127.0.0.1"]
port = ${port}
nat_port = ${port + 1}
[dataplane]
kind = "none"
[status]
listen = "off"
[[eroute]]
name = "fleet"
peerid = "site-1"
ourid = "concentrator.example"
local_subnet = "${LOCAL_SUBNET}"
remote_subnet = "${subnetOfSite(1)}/24"
[[user]]
name = "site-1"
password_file = "${path("key")}"
`;
}
