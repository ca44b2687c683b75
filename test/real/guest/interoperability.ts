/** One peer's rows of the table of interoperability, each as a test. */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type ErouteSeen, erouteViews, ikeSaCount } from "./agreement.ts";
import { forwardTo, hideBehind } from "./filters.ts";
import { type Host, until } from "./hosts.ts";
import {
  CASES,
  type Case,
  caseText,
  PEERS,
  type PeerName,
  reasonAgainst,
  type Seen,
  type Step,
} from "./interoperability-table.ts";
import { OFFICE, type Site } from "./laboratory.ts";
import { pingBothWays, rowOf, type Scenario, startScenario } from "./scenario.ts";
import type { SitePeer } from "./site-life.ts";
import { startPinging } from "./wire.ts";
import { DELETED_STATE, xfrmDrops, xfrmStates } from "./xfrm-states.ts";

export type Interoperating = {
  readonly peer: PeerName;
  /** Why it is not here, in words. */
  readonly missing: string | undefined;
  /** More lines of erouted's eroute. */
  readonly eroute?: string;
  start(site: Site, one: Case): Promise<SitePeer>;
  version(peer: SitePeer): Promise<string>;
  /**
   * It sends with new keys before our kernel has them, or before its own has: such packets are
   * dropped (RFC 7296 §2.8 allows the former).
   */
  readonly isEarly: boolean;
};

/** Where results go: {@link file:../../../build/interoperability.ts} collects them. */
const RESULTS = join(import.meta.dir, "../../../build/out/interoperability");
const NAT: Host = { name: "nat" };
const NAT_ADDRESS = "192.0.2.9";

/** Registers the tests of one peer. */
export function interoperability(software: Interoperating): void {
  const { software: name, version } = PEERS[software.peer];
  const cases = CASES.filter((one) => reasonAgainst(software.peer, one) === undefined);
  const missing = cases.length === 0 ? "no case is tried with it" : software.missing;
  if (missing !== undefined) {
    test.skip(`${name} ${version}: ${missing}`, () => {});
    return;
  }
  let scenario: Scenario;
  let sites: Record<Case["path"], Site>;
  let told = "";
  const seen: Seen[] = [];

  beforeAll(async () => {
    scenario = await startScenario({
      sites: [
        { ...rowOf(1), peerip: "192.0.2.11" },
        { ...rowOf(2), peerip: NAT_ADDRESS },
      ],
      eroute: software.eroute ?? "",
      status: 'operate_token_file = "/run/erouted/operate.token"',
      files: { "operate.token": "an-operators-token" },
    });
    const { laboratory } = scenario;
    const plain = await laboratory.addSite(1);
    sites = { plain, NAT: await laboratory.addSite(2, "behind-nat") };
  });

  afterAll(async () => {
    await scenario?.erouted.stop();
    if (seen.length < cases.length) return;
    await mkdir(RESULTS, { recursive: true });
    const result = JSON.stringify({ version: told, cases: seen }, undefined, 2);
    await writeFile(join(RESULTS, `${software.peer}.json`), `${result}\n`);
  });

  for (const one of cases) {
    test(`${name} ${version}: ${caseText(one)}: connects, new keys, nothing is left`, async () => {
      const site = sites[one.path];
      const isForwarded = one.path === "NAT" && one.caller === "erouted";
      if (isForwarded) await forwardTo(NAT, "wan", site.address.v4);
      const peer = await software.start(site, one);
      try {
        seen.push({ ...one, ...(await tryOut({ scenario, site, peer, software, one })) });
        told = await software.version(peer);
      } catch (cause) {
        const logs = `${await peer.log()}\nerouted:\n${await scenario.erouted.log()}`;
        throw new Error(`${String(cause)}\n${logs}`, { cause });
      } finally {
        await peer.stop();
        if (isForwarded) await hideBehind(NAT, "wan", NAT_ADDRESS);
      }
    });
  }
}

type Trial = {
  readonly scenario: Scenario;
  readonly site: Site;
  readonly peer: SitePeer;
  readonly software: Interoperating;
  readonly one: Case;
};

/** All steps of a case. */
async function tryOut(trial: Trial): Promise<Omit<Seen, keyof Case>> {
  const { scenario, site, peer, one } = trial;
  const { concentrator, office } = scenario.laboratory;
  const peerId = `site-${site.number}`;
  const steps: Step[] = [];
  const step = async (name: Step, work: () => Promise<unknown>) => {
    await work();
    steps.push(name);
    console.error(`${caseText(one)}: ${name}`);
  };
  await step("connects", async () => {
    if (one.caller === "erouted") await command(scenario, "connect", peerId, "--wait");
    else expect(await peer.initiate()).toBe(true);
    await pingBothWays(scenario, site);
  });
  const isEncapsulated = (await viewOf(scenario, peerId))?.child_sas[0]?.udp_encapsulation;
  expect(isEncapsulated).toBe(one.path === "NAT");
  const droppedAt = async (host: Host) =>
    await dropped(host, host === site.host ? [...MISSING_STATE, DELETED_STATE] : MISSING_STATE);
  const before = { site: await droppedAt(site.host), here: await droppedAt(concentrator) };
  const there = await startPinging(site.host, OFFICE.v4, site.inner.v4);
  const back = await startPinging(office, site.inner.v4);
  const renewed = async (kind: "ike" | "child", ask: () => Promise<unknown>) =>
    await renew(async () => await viewOf(scenario, peerId), kind, ask);
  const ours = async (...words: string[]) => await command(scenario, "rekey", ...words, peerId);
  await step("Child rekey by erouted", async () => await renewed("child", ours));
  await step("IKE rekey by erouted", async () => await renewed("ike", () => ours("--ike")));
  await step("Child rekey by the site", async () => await renewed("child", peer.rekeyChild));
  await step("IKE rekey by the site", async () => await renewed("ike", peer.rekeyIke));
  await Bun.sleep(500);
  const lost = (await there.stop()).lost.length + (await back.stop()).lost.length;
  const droppedBySite = (await droppedAt(site.host)) - before.site;
  const droppedHere = (await droppedAt(concentrator)) - before.here;
  const allowed = droppedBySite + (trial.software.isEarly ? droppedHere : 0);
  expect(lost).toBeLessThanOrEqual(allowed);
  const view = await viewOf(scenario, peerId);
  const agreed = (view?.ike_sa as { key_exchange?: string } | undefined)?.key_exchange ?? "";
  expect(agreed.includes("ML_KEM")).toBe(one.keyExchange === "hybrid");
  await step("nothing is left", async () => {
    await peer.terminate();
    await until("the eroute is gone", async () => (await erouteViews(scenario)).length === 0);
    const states = async (host: Host) => (await xfrmStates(host)).length;
    await until("the site has no state", async () => (await states(site.host)) === 0);
    await until("erouted has no state", async () => (await states(concentrator)) === 0);
    await until("erouted has no IKE SA", async () => (await ikeSaCount(scenario)) === 0);
  });
  return { steps, agreed, lost, droppedBySite };
}

async function command(scenario: Scenario, ...words: string[]): Promise<void> {
  const done = await scenario.erouted.command(...words);
  expect([done.status, done.err]).toEqual([0, ""]);
}

async function viewOf(scenario: Scenario, peerId: string): Promise<ErouteSeen | undefined> {
  return (await erouteViews(scenario)).find(({ peer_id }) => peer_id === peerId);
}

/** Asks for new keys of this kind, and waits until there are some, and only those. */
async function renew(
  look: () => Promise<ErouteSeen | undefined>,
  kind: "ike" | "child",
  ask: () => Promise<unknown>,
): Promise<void> {
  const keys = async () => {
    const view = await look();
    if (kind === "ike") return [view?.ike_sa?.spi_i ?? ""];
    return view?.child_sas.map(({ spi_in }) => spi_in) ?? [];
  };
  const before = await keys();
  await ask();
  await until(`${kind}: new keys`, async () => {
    const now = await keys();
    return now.length === 1 && now[0] !== "" && !before.includes(now[0] ?? "");
  });
}

/** Packets that a host's XFRM dropped, for these reasons alone. */
async function dropped(host: Host, reasons: readonly string[]): Promise<number> {
  const drops = Object.entries(await xfrmDrops(host));
  expect(drops.filter(([reason]) => !reasons.includes(reason))).toEqual([]);
  return drops.reduce((all, [, count]) => all + count, 0);
}

const MISSING_STATE = ["XfrmInNoStates", "XfrmOutNoStates", "XfrmAcquireError"];
