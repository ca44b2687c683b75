/** Limits: the table of dynamic eroutes, floods, scanners, and a kernel that refuses. */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { patient } from "../../patience.ts";
import { type Erouted, startErouted } from "./erouted.ts";
import { eventsOf, untilFailure } from "./events.ts";
import { addHost, configure, type Host, must, until } from "./hosts.ts";
import { buildLaboratory, CONCENTRATOR, type Laboratory, OFFICE, type Site } from "./laboratory.ts";
import {
  bringUp,
  dynamicPeerIds,
  pingBothWays,
  rowOf,
  type Scenario,
  startSite,
} from "./scenario.ts";
import { startPinging } from "./wire.ts";
import { xfrmStates } from "./xfrm-states.ts";

const FLOOD_REQUESTS = 100_000;
/** Half-open IKE SAs up to the limit, cookies for the rest; and Bun's own use of memory. */
const FLOOD_MIB_MAX = 96;

let laboratory: Laboratory;
let sites: Site[];

beforeAll(async () => {
  laboratory = await buildLaboratory();
  sites = [await laboratory.addSite(1), await laboratory.addSite(2), await laboratory.addSite(3)];
});

test("R7: a full table refuses the next site, and the reason says what to raise", async () => {
  const more = '[dynamic_eroutes]\nmax = 1\nevict_interval = "1h"';
  await withErouted(more, async (scenario) => {
    const [first, second] = sites as [Site, Site];
    const inside = await startSite(first);
    await bringUp(scenario, inside);
    const outside = await startSite(second);
    expect(await outside.initiate()).toBe(false);
    await untilFailure(scenario.erouted, "site-2", "table-full");
    const [event] = await eventsOf(scenario.erouted, "site-2");
    expect(event?.detail).toContain("dynamic_eroutes.max");
    await pingBothWays(scenario, first);
    await outside.stop();
    await inside.stop();
  });
});

test("R7: the oldest dynamic eroute is evicted, and its site notified", async () => {
  const more = '[dynamic_eroutes]\nmax = 3\nevict_below_free_percent = 40\nevict_interval = "1s"';
  await withErouted(more, async (scenario) => {
    const [first, second] = sites as [Site, Site];
    const oldest = await startSite(first);
    await bringUp(scenario, oldest);
    const newer = await startSite(second);
    await bringUp(scenario, newer);
    await until("the oldest is gone", async () => {
      return (await dynamicPeerIds(scenario)).join() === "site-2";
    });
    await until("its site knows", async () => (await oldest.childSas()) === 0);
    await pingBothWays(scenario, second);
    await oldest.stop();
    await newer.stop();
  });
});

test("ike-scan --ikev2 gets a handshake", async () => {
  await withErouted(
    "",
    async ({ erouted }) => {
      const [site] = sites as [Site];
      // The thread that computes MODP groups starts with the first of them.
      const patience = ["--retry=6", "--timeout=3000"];
      const command = ["ike-scan", "--ikev2", "--dhgroup=14", ...patience, CONCENTRATOR.v4];
      const scan = await must(site.host, command);
      expect(scan).toContain("IKEv2 SA_INIT Handshake returned");
      expect(await erouted.get("/healthz")).toContain("ok");
    },
    'ike = ["aes128gcm16-prfsha256-x25519", "aes128-sha1-modp2048"]',
  );
});

test("100,000 spoofed IKE_SA_INITs: memory is bounded, a site connects", async () => {
  await withErouted("", async (scenario) => {
    const [site] = sites as [Site];
    const attacker = await attackerHost();
    const swan = await startSite(site);
    const before = await residentMib(scenario.erouted);
    const flood = must(attacker, [
      process.execPath,
      join(import.meta.dir, "flood.ts"),
      String(FLOOD_REQUESTS),
    ]);
    await bringUp(scenario, swan);
    // A site that is silent has to answer a liveness check: the flood may drown each answer.
    const pinging = await startPinging(site.host, OFFICE.v4, site.inner.v4);
    expect(Number(await flood)).toBe(FLOOD_REQUESTS);
    await pinging.stop();
    await pingBothWays(scenario, site);
    const grown = (await residentMib(scenario.erouted)) - before;
    expect(grown).toBeLessThan(FLOOD_MIB_MAX);
    const metrics = await scenario.erouted.get("/metrics");
    expect(Number(/^erouted_cookies_sent_total (\d+)/m.exec(metrics)?.[1])).toBeGreaterThan(1000);
    await swan.stop();
  });
});

test("a kernel that refuses an SA: the reason says so, and the site comes up later", async () => {
  // Longer than everything that is checked meanwhile takes.
  const more = '[ike]\nhalf_open_timeout = "4m"';
  await withErouted(more, async (scenario) => {
    const [first, second] = sites as [Site, Site];
    const good = await startSite(first);
    await bringUp(scenario, good);
    const bad = await startSite(second, { esp: "aes128-sha256" });
    await withoutAuthenc(async () => {
      expect(await bad.initiate(2)).toBe(false);
      await untilFailure(scenario.erouted, "site-2", "kernel-refused");
      const event = (await eventsOf(scenario.erouted, "site-2")).find(
        ({ reason }) => reason === "kernel-refused",
      );
      expect(event?.detail).toMatch(/XFRM_MSG_NEWSA.*192\.0\.2\.12.*: E[A-Z]+/);
      const why = await scenario.erouted.command("why", "site-2");
      expect([why.status, why.out.split("\n")[0]]).toEqual([
        4,
        expect.stringContaining("site-2 has an IKE SA but no Child SA: refused by the kernel"),
      ]);
      expect(why.out).toMatch(/PROBLEM +attempt .*XFRM_MSG_NEWSA.*192\.0\.2\.12.*: E[A-Z]+/);
      const all = await scenario.erouted.command("why");
      expect([all.status, all.out]).toEqual([
        4,
        expect.stringMatching(
          /^site-2 +failed +.* ago +\d+ +Refused by the kernel +192\.0\.2\.12:/m,
        ),
      ]);
      expect(all.out).not.toMatch(/^site-1 /m);
      const states = await xfrmStates(laboratory.concentrator);
      const isOfBad = ({ src, dst }: (typeof states)[number]) => [src, dst].includes("192.0.2.12");
      expect(states.filter(isOfBad)).toEqual([]);
    });
    // strongSwan repeats its request, and has heard nothing that it would take for final.
    const isUp = async () => (await bad.childSas()) === 1 || (await bad.initiate(10));
    await until("site 2 is up", isUp, patient(60_000));
    expect(await bad.log()).not.toMatch(/NO_ADDITIONAL_SAS|NO_PROP|AUTHENTICATION_FAILED/);
    await pingBothWays(scenario, second);
    await bad.stop();
    await pingBothWays(scenario, first);
    await good.stop();
  });
});

let erouted: Erouted | undefined;

afterAll(async () => {
  await erouted?.stop();
});

async function withErouted(
  more: string,
  run: (scenario: Scenario) => Promise<void>,
  eroute = "",
): Promise<void> {
  const rows = erouted === undefined ? [rowOf(1), rowOf(2), rowOf(3)] : [];
  erouted = await startErouted(laboratory.concentrator, { sites: rows, more, eroute });
  try {
    await run({ laboratory, erouted });
  } catch (error) {
    throw new Error(`${String(error)}\nerouted:\n${tail(await erouted.log())}`, { cause: error });
  } finally {
    await erouted.stop();
  }
}

/** What the log says of sites, and its last lines. */
function tail(text: string): string {
  const lines = text.split("\n");
  const ofSites = lines.filter((line) => /\bsite-\d/.test(line));
  return [...ofSites.slice(-30), "…", ...lines.slice(-20)].join("\n");
}

async function attackerHost(): Promise<Host> {
  const host = await addHost("attacker");
  await configure(laboratory.internet, [
    "link add attacker type veth peer name wan netns attacker",
  ]);
  await configure(laboratory.internet, ["link set attacker master br0", "link set attacker up"]);
  await configure(host, ["addr add 192.0.2.66/24 dev wan", "link set wan up"]);
  return host;
}

async function residentMib(running: Erouted): Promise<number> {
  const status = await readFile(`/proc/${running.pid}/status`, "utf8");
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) / 1024;
}

/** The kernel has lost what ESP with separate integrity needs, and finds no module for it. */
async function withoutAuthenc(run: () => Promise<void>): Promise<void> {
  const before = await readFile("/proc/sys/kernel/modprobe", "utf8");
  // The guest's own modprobe, which knows where its modules are.
  await must(undefined, [before.trim(), "-r", "authencesn", "authenc"]);
  await writeFile("/proc/sys/kernel/modprobe", "/bin/false");
  try {
    await run();
  } finally {
    await writeFile("/proc/sys/kernel/modprobe", before);
  }
}
