/**
 * Sites that are configured only with IDs, keys and subnets: the rest is their software's default.
 */

import { expect } from "bun:test";
import { OUR_ID, type SiteRow } from "./erouted.ts";
import { eventsOf, type SiteEvent } from "./events.ts";
import { CONCENTRATOR, OFFICE, type Site } from "./laboratory.ts";
import { startLibreswan } from "./libreswan.ts";
import { dropsSince, whenTheyCame } from "./losses.ts";
import { startOpeniked } from "./openiked.ts";
import { pskOf, rowOf, type Scenario, startSite } from "./scenario.ts";
import { capture, startPinging, watchEsp } from "./wire.ts";
import { watchStates, xfrmDrops } from "./xfrm-states.ts";

/** A site's software, reduced to what these tests need. */
export type DefaultPeer = {
  initiate(): Promise<boolean>;
  rekeyChild(): Promise<void>;
  rekeyIke(): Promise<void>;
  log(): Promise<string>;
  stop(): Promise<void>;
};

export type DefaultSite = {
  readonly software: string;
  readonly number: number;
  /** `more`: additional settings for a peer that can only rekey by itself. */
  start(site: Site, role: "calls" | "called"): Promise<DefaultPeer>;
};

export const DEFAULT_SITES: readonly DefaultSite[] = [
  {
    ...{ software: "strongSwan", number: 1 },
    start: async (site) => await startSite(site, { ike: "default", esp: "default" }),
  },
  {
    ...{ software: "libreswan", number: 2 },
    start: async (site) => await startLibreswan(site.host, endsOf(site)),
  },
  {
    ...{ software: "libreswan with pfs=no", number: 3 },
    start: async (site) => await startLibreswan(site.host, { ...endsOf(site), more: ["pfs=no"] }),
  },
  {
    ...{ software: "OpenIKED", number: 4 },
    start: async (site, role) =>
      await startOpeniked(site.host, {
        ...{ ...endsOf(site), called: role === "called" },
        // There is no command for it: it only rekeys by itself.
        ...{ rekeyChildSeconds: 20, rekeyIkeSeconds: 45 },
      }),
  },
];

/** The row of such a site; with its address, where it is to be called. */
export function defaultRow(number: number, isCalled = false): SiteRow {
  return { ...rowOf(number), ...(isCalled ? { peerip: `192.0.2.${10 + number}` } : {}) };
}

/** How our kernel counts packets in clear that should have been encrypted. */
const CLEAR_TEXT = "XfrmInTmplMismatch";

/**
 * Pings in both directions while the work lasts. Lost ones have to be the site's own doing: packets
 * that it sends with new keys before we have its answer, or in clear before its own policies are in
 * (we drop those), or that its own kernel drops.
 */
export async function expectNoLossWhile(
  scenario: Scenario,
  site: Site,
  work: () => Promise<void>,
  itsOwnReasons: readonly string[] = ["XfrmInNoStates", "XfrmAcquireError"],
): Promise<void> {
  const { concentrator, internet, office } = scenario.laboratory;
  const [ours, theirs] = [await xfrmDrops(concentrator), await xfrmDrops(site.host)];
  const states = await watchStates(concentrator);
  const esp = await watchEsp(concentrator, "wan");
  const wire = await capture(internet, "br0");
  const there = await startPinging(site.host, OFFICE.v4, site.inner.v4);
  const back = await startPinging(office, site.inner.v4);
  await work();
  await Bun.sleep(1_000);
  const lost = [...(await there.stop()).lost, ...(await back.stop()).lost];
  const dropped = await dropsSince(concentrator, ours, ["XfrmInNoStates", CLEAR_TEXT]);
  const inClear = ((await xfrmDrops(concentrator))[CLEAR_TEXT] ?? 0) - (ours[CLEAR_TEXT] ?? 0);
  const itsOwn = await dropsSince(site.host, theirs, itsOwnReasons);
  const { early, late } = whenTheyCame(await esp.stop(), await states.stop());
  console.error(`${lost.length} lost, ${early} early, ${itsOwn} dropped by the site`);
  expect(late).toEqual([]);
  expect(dropped - inClear).toBeLessThanOrEqual(early);
  const bySite = (await wire.stop()).pings.filter((line) =>
    line.includes(`IP ${site.inner.v4} > `),
  );
  expect(inClear).toBeLessThanOrEqual(bySite.length);
  expect(lost.length).toBeLessThanOrEqual(dropped + itsOwn);
}

function endsOf(site: Site) {
  return {
    localId: `site-${site.number}`,
    remoteId: OUR_ID,
    psk: pskOf(site.number),
    localAddress: site.address.v4,
    remoteAddress: CONCENTRATOR.v4,
    localSubnet: site.subnet.v4,
    remoteSubnet: "10.0.0.0/16",
  };
}

/** What the site has refused of ours, except when it was busy: each is one request too many. */
export async function refusalsOf(scenario: Scenario, number: number): Promise<readonly string[]> {
  const events = await eventsOf(scenario.erouted, `site-${number}`);
  const refused = events.filter(({ step, outcome }) => {
    return step === "CREATE_CHILD_SA" && outcome !== "ok";
  });
  const isBusy = ({ reason }: SiteEvent) => reason.endsWith("temporary-failure");
  return refused
    .filter((event) => !isBusy(event))
    .map(({ reason, detail }) => `${reason}: ${detail}`);
}
