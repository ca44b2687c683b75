/** Whether packets pass through the Child SAs that are up, and what to do if not. Pure. */

import type { ErouteView } from "../concentrator/snapshot.ts";
import type { Instant } from "../octets/instant.ts";

/** The kernel's counters of one Child SA. */
export type ChildTraffic = {
  readonly packetsIn: number;
  readonly packetsOut: number;
};

/** By the inbound SPI. */
export type Traffic = ReadonlyMap<number, ChildTraffic>;

export type TrafficJudgement = {
  readonly verdict: "ok" | "problem" | "note";
  readonly detail: string;
  readonly advice: string | undefined;
};

/** What the counters of a site's Child SAs say; undefined if there are none. */
export function judgeTraffic(
  eroutes: readonly ErouteView[],
  traffic: Traffic,
  now: Instant,
): TrafficJudgement | undefined {
  const children = eroutes.flatMap(({ childSas }) => childSas);
  const counted = children.flatMap(({ spiIn }) => traffic.get(spiIn) ?? []);
  if (counted.length === 0) return undefined;
  const received = counted.reduce((sum, { packetsIn }) => sum + packetsIn, 0);
  const sent = counted.reduce((sum, { packetsOut }) => sum + packetsOut, 0);
  const detail = `${packets(received)} came from the site, ${packets(sent)} went to it`;
  const ageMs = now - Math.min(...children.map(({ installedAt }) => installedAt));
  // After a rekey the counters start at zero, and an answer may still be on its way.
  const isYoung = ageMs < JUDGED_MS_MIN;
  if (isYoung || (received > 0 && sent > 0)) return { verdict: "ok", detail, advice: undefined };
  if (received === 0 && sent === 0) return { verdict: "note", detail, advice: undefined };
  const isDeaf = received === 0;
  return { verdict: "problem", detail, advice: isDeaf ? DEAF : MUTE };
}

const JUDGED_MS_MIN = 60_000;

const DEAF =
  "packets go to the site and none come back: look for a firewall that drops ESP (protocol 50, " +
  "or UDP 4500 behind a NAT), for the site's own firewall, and whether its hosts answer at all";
const MUTE =
  "packets come from the site and none go back: look for the route from the hosts here to the " +
  "site's network, for a firewall on this host, and for net.ipv4.ip_forward";

function packets(count: number): string {
  return `${count} packet${count === 1 ? "" : "s"}`;
}
