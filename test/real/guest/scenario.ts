/** A concentrator with its sites, ready for a scenario. */

import { expect } from "bun:test";
import {
  type Erouted,
  type EroutedSettings,
  OUR_ID,
  type SiteRow,
  startErouted,
} from "./erouted.ts";
import { until } from "./hosts.ts";
import { buildLaboratory, CONCENTRATOR, type Laboratory, OFFICE, type Site } from "./laboratory.ts";
import { type StrongSwan, type StrongSwanSettings, startStrongSwan } from "./strongswan.ts";
import { isAnswered, ping } from "./wire.ts";
import { xfrmStates } from "./xfrm-states.ts";

export type Scenario = { readonly laboratory: Laboratory; readonly erouted: Erouted };

/** Laboratory and daemon; `rows` has all sites that the database knows. */
export async function startScenario(settings: EroutedSettings): Promise<Scenario> {
  const laboratory = await buildLaboratory();
  return { laboratory, erouted: await startErouted(laboratory.concentrator, settings) };
}

/** The row of site n, in the tables' words. */
export function rowOf(number: number): SiteRow {
  return {
    peerid: `site-${number}`,
    password: pskOf(number),
    remip: `192.168.${number}.0`,
    remmsk: "255.255.255.0",
  };
}

export function pskOf(number: number): string {
  return `key of site ${number}`;
}

/** A strongSwan that calls the concentrator as site n does; nothing is initiated yet. */
export async function startSite(
  site: Site,
  changes: Partial<StrongSwanSettings> = {},
): Promise<StrongSwan> {
  return await startStrongSwan(site.host, siteSettings(site, changes));
}

/** The configuration of such a strongSwan. */
export function siteSettings(
  site: Site,
  changes: Partial<StrongSwanSettings> = {},
): StrongSwanSettings {
  return {
    ike: "aes128-sha256-x25519",
    esp: "aes128gcm16",
    localId: `site-${site.number}`,
    remoteId: OUR_ID,
    psk: pskOf(site.number),
    remoteAddress: CONCENTRATOR.v4,
    localSubnet: site.subnet.v4,
    remoteSubnet: "10.0.0.0/16",
    ...changes,
  };
}

/** Initiates; a failure shows both logs. */
export async function bringUp(scenario: Scenario, swan: StrongSwan): Promise<void> {
  if (await swan.initiate()) return;
  const logs = [`strongSwan:\n${await swan.log()}`, `erouted:\n${await scenario.erouted.log()}`];
  throw new Error(`the tunnel does not come up\n${logs.join("\n")}`);
}

/** Pings from the site to the office and back: none may be lost. */
export async function pingBothWays(
  scenario: Scenario,
  site: Site,
  family: "v4" | "v6" = "v4",
): Promise<void> {
  const there = await ping(site.host, OFFICE[family], { from: site.inner[family] });
  const back = await ping(scenario.laboratory.office, site.inner[family]);
  expect({ there, back }).toEqual({
    there: { sent: 3, received: 3 },
    back: { sent: 3, received: 3 },
  });
}

/**
 * The same as soon as pings are answered: where the concentrator has said that a site is up, the
 * site may still be working on the last message.
 */
export async function untilBothWays(scenario: Scenario, site: Site): Promise<void> {
  const isThere = () => isAnswered(site.host, OFFICE.v4, { from: site.inner.v4, count: 1 });
  await until(`site-${site.number} is answered`, isThere);
  await pingBothWays(scenario, site);
}

/** How many packets the concentrator's kernel decrypted from and encrypted to an address. */
export async function packetsOf(
  scenario: Scenario,
  address: string,
): Promise<{ readonly from: number; readonly to: number }> {
  const states = await xfrmStates(scenario.laboratory.concentrator);
  const sum = (end: "src" | "dst") =>
    states
      .filter((state) => state[end] === address)
      .reduce((packets, state) => packets + state.packets, 0);
  return { from: sum("src"), to: sum("dst") };
}

/** The peer IDs that the status server lists as dynamic eroutes. */
export async function dynamicPeerIds(scenario: Scenario): Promise<string[]> {
  const text = await scenario.erouted.get("/api/v1/dynamic-eroutes");
  return [...text.matchAll(/"peer_?[iI]d":\s*"([^"]*)"/g)].map((match) => match[1] ?? "").sort();
}
