/** What `/api/v1/events` says about a site, as an operator reads it with curl. */

import type { Erouted } from "./erouted.ts";
import { until } from "./hosts.ts";

export type SiteEvent = {
  readonly site: string | null;
  readonly step: string;
  readonly outcome: string;
  readonly reason: string;
  readonly detail: string;
};

/** All events so far that name this site, oldest first. */
export async function eventsOf(erouted: Erouted, site: string): Promise<readonly SiteEvent[]> {
  const answer = (await erouted.json("/api/v1/events?limit=1000")) as { events: SiteEvent[] };
  return answer.events.filter((event) => event.site === site);
}

/** The reasons of a site's failures, oldest first. */
export async function failuresOf(erouted: Erouted, site: string): Promise<readonly string[]> {
  const events = await eventsOf(erouted, site);
  return events.filter((event) => event.outcome === "failed").map((event) => event.reason);
}

/** Waits until a site has failed for this reason. */
export async function untilFailure(
  erouted: Erouted,
  site: string,
  reason: string,
  msMax?: number,
): Promise<void> {
  const has = async () => (await failuresOf(erouted, site)).includes(reason);
  await until(`${site} fails with ${reason}`, has, msMax);
}
