/** When a site has new keys: what asks for a rekey returns before there are any. */

import { patient } from "../../patience.ts";
import { type ErouteSeen, erouteViews } from "./agreement.ts";
import { until } from "./hosts.ts";
import type { Site } from "./laboratory.ts";
import type { Scenario } from "./scenario.ts";

/** What a site gets anew: a Child SA, or an IKE SA. */
export type OfSite = "child" | "ike";

/** The site's eroute as the status shows it. */
export async function erouteOf(scenario: Scenario, site: Site): Promise<ErouteSeen | undefined> {
  const eroutes = await erouteViews(scenario);
  return eroutes.find((eroute) => eroute.peer_id === `site-${site.number}`);
}

/** Asks for a rekey, and waits until the site has a new Child SA or IKE SA, and only that. */
export async function withNewKeys(
  scenario: Scenario,
  site: Site,
  of: OfSite,
  ask: () => Promise<unknown>,
): Promise<void> {
  let before: string | undefined;
  // While one is being replaced there may be two.
  await until(`site ${site.number} has one ${of} SA`, async () => {
    before = nameOf(await erouteOf(scenario, site), of);
    return before !== undefined;
  });
  await ask();
  const isAnother = async () => {
    const now = nameOf(await erouteOf(scenario, site), of);
    return now !== undefined && now !== before;
  };
  const what = `site ${site.number} has another ${of} SA than ${before}`;
  await until(what, isAnother, patient(60_000)).catch(async (cause) => {
    const now = JSON.stringify(await erouteOf(scenario, site));
    throw new Error(`${now}\n${await scenario.erouted.log()}`, { cause });
  });
}

/** Waits until somebody has rekeyed it so many times. */
export async function untilReplaced(
  scenario: Scenario,
  site: Site,
  of: OfSite,
  times = 1,
): Promise<void> {
  for (let round = 0; round < times; round++) await withNewKeys(scenario, site, of, nobodyAsks);
}

async function nobodyAsks(): Promise<void> {}

function nameOf(eroute: ErouteSeen | undefined, of: OfSite): string | undefined {
  if (of === "ike") return eroute?.ike_sa?.spi_i;
  const [child, ...more] = eroute?.child_sas ?? [];
  return more.length > 0 ? undefined : child?.spi_in;
}
