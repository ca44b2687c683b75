/**
 * `make bench`: what ML-KEM costs the end that is called, erouted and strongSwan 6.1 in turn
 * (A B A B): another strongSwan connects and disconnects again and again, with and without an
 * additional key exchange. No Child SAs are made, so the kernel needs no ESP. Each has been up for
 * a minute before, as a concentrator usually has. Needs root.
 * `HANDSHAKES` and `WARM_UP` are their numbers.
 */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { OUR_ID, startErouted } from "../real/guest/erouted.ts";
import { addHost, configure, type Host } from "../real/guest/hosts.ts";
import { newerStrongSwanMissing, startStrongSwan } from "../real/guest/strongswan.ts";
import { jobScript } from "../real/job.ts";

const CLASSICAL = "aes256gcm16-prfsha256-x25519";
const HYBRID = `${CLASSICAL}-ke1_mlkem768`;
const ROUNDS = 2;
const WARM_UP = Number(process.env.WARM_UP ?? 1_000);
const HANDSHAKES = Number(process.env.HANDSHAKES ?? 500);
/** By then erouted has done what it does while nobody calls. */
const REST_MS = 75_000;
const SECONDS_MAX = 3_600;
const [CALLED, CALLER] = ["192.0.2.1", "192.0.2.2"];
const PSK = "key of site 1";
/** Of /proc/PID/stat. */
const TICK_MS = 10;

const project = join(import.meta.dir, "../..");

/** Runs this file once more, where nothing of this host is seen. */
async function inNamespaces(): Promise<void> {
  const work = await mkdtemp(join(tmpdir(), "erouted-hybrid-"));
  const inside = `'${process.execPath}' '${import.meta.path}' --inside`;
  const job = { work, directory: project, secondsMax: SECONDS_MAX, script: inside };
  await Bun.write(join(work, "job"), jobScript(job));
  const unshare = "unshare --net --mount --pid --fork --kill-child --mount-proc bash".split(" ");
  const run = Bun.spawn([...unshare, join(work, "job")], { timeout: SECONDS_MAX * 1_000 });
  const status = await run.exited;
  process.stdout.write(await Bun.file(join(work, "output")).text());
  await rm(work, { recursive: true, force: true });
  process.exitCode = status;
}

/** An end that is called, and its process. */
type Called = { readonly pid: number; stop(): Promise<unknown> };

const RIVALS = [
  { name: "erouted", start: startOurs },
  { name: "strongSwan", start: startTheirs },
] as const;

/** µs of CPU for a handshake. */
type Figures = { readonly classical: number; readonly hybrid: number };

async function bench(): Promise<void> {
  const called = await addHost("called");
  const caller = await addHost("caller");
  await configure(called, [
    "link add wan type veth peer name wan netns caller",
    `addr add ${CALLED}/24 dev wan`,
    "link set wan up",
  ]);
  await configure(caller, [`addr add ${CALLER}/24 dev wan`, "link set wan up"]);
  const results: { readonly round: number; readonly name: string; readonly us: Figures }[] = [];
  for (let round = 1; round <= ROUNDS; round++) {
    for (const { name, start } of RIVALS) {
      const end = await start(called);
      await Bun.sleep(REST_MS);
      const classical = await measure(end, caller, CLASSICAL);
      const us = { classical, hybrid: await measure(end, caller, HYBRID) };
      await end.stop();
      results.push({ round, name, us });
      console.log(lineOf(`${round} ${name}`, us));
    }
  }
  const [ours, theirs] = RIVALS.map(({ name }) =>
    mean(results.flatMap((one) => (one.name === name ? [one.us] : []))),
  );
  if (ours === undefined || theirs === undefined) return;
  console.log(lineOf("erouted, mean", ours));
  console.log(lineOf("strongSwan, mean", theirs));
  const of = (kind: keyof Figures) => (ours[kind] / theirs[kind]).toFixed(2);
  console.log(`erouted / strongSwan: classical ${of("classical")}, hybrid ${of("hybrid")}`);
  const json = { handshakes: HANDSHAKES, results };
  await Bun.write(RESULTS_FILE, `${JSON.stringify(json, undefined, 2)}\n`);
}

const RESULTS_FILE = join(project, "build/out/hybrid.json");

function lineOf(what: string, { classical, hybrid }: Figures): string {
  const times = (hybrid / classical).toFixed(2);
  const [one, other] = [classical, hybrid].map((us) => `${us.toFixed(0)} us`);
  return `${what.padEnd(18)} classical ${one}, hybrid ${other}: ${times} times`;
}

function mean(all: readonly Figures[]): Figures {
  const of = (kind: keyof Figures) => all.reduce((sum, one) => sum + one[kind], 0) / all.length;
  return { classical: of("classical"), hybrid: of("hybrid") };
}

/** µs of CPU of the called end, all its threads, for a handshake and its end. */
async function measure({ pid }: Called, caller: Host, ike: string): Promise<number> {
  const swan = await startStrongSwan(caller, {
    ...{ newer: true, localId: "site-1", remoteId: OUR_ID, psk: PSK, remoteAddress: CALLED },
    ...{ ike, esp: "aes256gcm16", localSubnet: "192.168.1.0/24", remoteSubnet: "10.0.0.0/16" },
    connection: "childless = force",
  });
  const connect = async (times: number) => {
    for (let done = 0; done < times; done++) {
      if (!(await swan.initiateIke())) throw new Error(await swan.log());
      await swan.terminate();
    }
  };
  await connect(WARM_UP);
  const before = await cpuMs(pid);
  await connect(HANDSHAKES);
  const ms = (await cpuMs(pid)) - before;
  await swan.stop();
  return (ms * 1_000) / HANDSHAKES;
}

async function startOurs(host: Host): Promise<Called> {
  await rm("/run/erouted/peers.db", { force: true }); // of the round before
  const row = { peerid: "site-1", password: PSK, remip: "192.168.1.0", remmsk: "255.255.255.0" };
  const more = '[dataplane]\nkind = "none"';
  return await startErouted(host, { sites: [row], more, warmsUp: true });
}

async function startTheirs(host: Host): Promise<Called> {
  const before = new Set(pidsOf("charon-systemd"));
  const swan = await startStrongSwan(host, {
    ...{ newer: true, localId: OUR_ID, remoteId: "site-1", psk: PSK, remoteAddress: "%any" },
    ...{ ike: `${HYBRID},${CLASSICAL}`, esp: "aes256gcm16", localAddress: CALLED },
    ...{ localSubnet: "10.0.0.0/16", remoteSubnet: "192.168.1.0/24" },
    charon: "filelog { }",
  });
  const pid = pidsOf("charon-systemd").find((one) => !before.has(one));
  if (pid === undefined) throw new Error("no charon-systemd has been started");
  return { pid, stop: async () => await swan.stop() };
}

function pidsOf(name: string): readonly number[] {
  const found = Bun.spawnSync(["pgrep", "-f", name]);
  return found.stdout.toString().trim().split("\n").map(Number);
}

async function cpuMs(pid: number): Promise<number> {
  const stat = await Bun.file(`/proc/${pid}/stat`).text();
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}

const missing = process.getuid?.() === 0 ? newerStrongSwanMissing() : "namespaces need root";
if (process.argv.includes("--inside")) await bench();
else if (missing === undefined) await inNamespaces();
else console.log(`SKIPPED: ML-KEM beside strongSwan: ${missing}`);
