/**
 * What has to hold at the end of each test with a concentrator and sites: its kernel contains what
 * its status says, and the sites' kernels contain the other ends, with the same SPIs.
 */

import { expect } from "bun:test";
import { patient } from "../../patience.ts";
import { drainingSpis, expectKernelAsStatusSays } from "./agreement.ts";
import type { Erouted } from "./erouted.ts";
import type { Host } from "./hosts.ts";
import type { Site } from "./laboratory.ts";
import { isOurState, type XfrmStateSeen, xfrmStates } from "./xfrm-states.ts";

/** What runs in this guest at present. */
type Living = {
  /** Undefined before the first start, and after kill -9. */
  concentrator: { readonly host: Host; readonly erouted: Erouted | "stopped" } | undefined;
  readonly sites: Map<string, Site>;
  /** Hosts whose states prove nothing: their daemon was killed, or ours was while theirs was up. */
  readonly deaf: Set<string>;
  readonly killed: Set<string>;
  /** Leaves behind what explains a difference, the logs for example. */
  explain: (() => Promise<void>) | undefined;
};

const living: Living = {
  concentrator: undefined,
  sites: new Map(),
  deaf: new Set(),
  killed: new Set(),
  explain: undefined,
};

/** A site's daemon has started: from now on it has to agree with the concentrator. */
export function noteDaemon(host: Host): void {
  living.deaf.delete(host.name);
}

/** A site's daemon has ended without a word. */
export function noteKilled(host: Host): void {
  living.deaf.add(host.name);
  living.killed.add(host.name);
}

/** Whether a daemon was killed there, whose states are still in the kernel. */
export function takeKilled(host: Host): boolean {
  return living.killed.delete(host.name);
}

export function noteSite(site: Site): void {
  living.sites.set(site.host.name, site);
}

export function noteErouted(host: Host, erouted: Erouted | "stopped" | "killed"): void {
  living.concentrator = erouted === "killed" ? undefined : { host, erouted };
  if (erouted !== "killed") return;
  for (const name of living.sites.keys()) living.deaf.add(name);
}

/** Called when the ends do not agree. */
export function explainDifferences(explain: () => Promise<void>): void {
  living.explain = explain;
}

/** It goes on from what the one before has kept, so the sites have to agree with it at once. */
export function noteGoesOn(): void {
  living.deaf.clear();
}

/** A rekey leaves states for some seconds, at either end; answers and Deletes take time. */
const SETTLE_MS_MAX = patient(20_000);

/** For `afterEach`: fails if the ends, or a kernel and its daemon, do not agree after a while. */
export async function expectBothEndsAgree(): Promise<void> {
  const { concentrator } = living;
  if (concentrator === undefined) return;
  const { host, erouted } = concentrator;
  if (erouted === "stopped") {
    expect((await xfrmStates(host)).filter(isOurState)).toEqual([]);
    return;
  }
  const where = { laboratory: { concentrator: host }, erouted };
  await expectKernelAsStatusSays(where);
  const deadline = performance.now() + SETTLE_MS_MAX;
  // States that are rekeyed in the meantime may stay at a site for some seconds.
  const seen = new Set<number>();
  /** Since when each difference has been there. */
  let since = new Map<number, number>();
  for (;;) {
    const draining = await drainingSpis(where);
    const { here, there } = await spisOfBoth(host);
    for (const spi of here) seen.add(spi);
    const differences = {
      missingAtSites: here.filter((spi) => !there.includes(spi) && !draining.includes(spi)),
      onlyAtSites: there.filter((spi) => !seen.has(spi)),
    };
    const all = Object.values(differences).flat();
    if (all.length === 0) return;
    const now = performance.now();
    since = new Map(all.map((spi) => [spi, since.get(spi) ?? now]));
    if (now > deadline) {
      // Where keys change all the time, each look may find one that is only just being made.
      const isOld = (spi: number) => now - (since.get(spi) ?? now) > SETTLE_MS_MAX / 2;
      const { missingAtSites, onlyAtSites } = differences;
      const old = [missingAtSites.filter(isOld), onlyAtSites.filter(isOld)];
      if (old.flat().length > 0) await living.explain?.();
      expect(old, "missing at sites, and only at sites").toEqual([[], []]);
      return;
    }
    await Bun.sleep(300);
  }
}

/** The SPIs in the concentrator's kernel, and in those of all sites. */
async function spisOfBoth(host: Host) {
  const sites = [...living.sites.values()];
  const isDeaf = (site: Site) => living.deaf.has(site.host.name);
  const silent = sites.filter(isDeaf).flatMap(({ address }) => [address.v4, address.v6]);
  const ofTheDeaf = ({ src, dst }: XfrmStateSeen) => silent.includes(src) || silent.includes(dst);
  const ours = (await xfrmStates(host)).filter(isOurState).filter((state) => !ofTheDeaf(state));
  const theirs: XfrmStateSeen[] = [];
  for (const site of sites) if (!isDeaf(site)) theirs.push(...(await xfrmStates(site.host)));
  return { here: ours.map(({ spi }) => spi), there: theirs.map(({ spi }) => spi) };
}
