/** Gathers what is known about a site, for explaining why it is or is not connected. */

import type { Concentrator } from "../concentrator/concentrator.ts";
import type { ErouteView } from "../concentrator/snapshot.ts";
import type { Config } from "../config/config.ts";
import { matchConfigured } from "../eroute/configured-match.ts";
import { nearestText } from "../eroute/nearest.ts";
import { formatAddress, parseAddress } from "../inet/address.ts";
import { now, wallMs } from "../linux/clock.ts";
import type { PeerRepository } from "../peers/repository.ts";
import type { SiteExplanation, StateUses } from "../status/source.ts";
import type { Attempt } from "../why/attempt.ts";
import type { Attempts } from "../why/attempts.ts";
import { type Explanation, explain } from "../why/explain.ts";
import type { ChildTraffic, Traffic } from "../why/explain-traffic.ts";
import { configuredOf } from "./explain-row.ts";

export type Explained = {
  readonly config: Config;
  readonly concentrator: Concentrator;
  readonly attempts: Attempts;
  readonly peers: ReadonlyMap<string, PeerRepository>;
  readonly listening: readonly string[];
  usesOf(views: readonly ErouteView[]): Promise<StateUses>;
};

/** IDs that are listed among those that came from an address. */
const PEERS_THERE_MAX = 8;
const STRANGERS_MAX = 8;
const SIMILAR_COMPARED_MAX = 256;

/**
 * Explains a site by its peer ID, or what came from an address. Its row is read as it is now; the
 * look-up has the repository's deadline.
 */
export async function explainSite(daemon: Explained, asked: string): Promise<SiteExplanation> {
  const { attempts, concentrator } = daemon;
  const [{ match, row, overlaps }, uses] = await Promise.all([
    configuredOf(daemon.config, asked, {
      repositoryOf: (egroup) => daemon.peers.get(egroup),
      snapshot: { overlaps: (id, claim) => concentrator.snapshot().overlaps(id, claim) },
    }),
    daemon.usesOf(concentrator.snapshot().site(asked)),
  ]);
  const snapshot = concentrator.snapshot();
  const { dynamicEroutes, dynamicEroutesMax } = snapshot.gauges;
  const address = parseAddress(asked);
  const host = address === undefined ? undefined : formatAddress(address);
  const ofSite = attempts.ofPeer(asked);
  const there = host === undefined ? [] : attempts.ofAddress(host);
  const known = ofSite.length > 0 ? ofSite : there;
  const isNobody = host !== undefined && match.kind === "none" && ofSite.length === 0;
  const eroutes = snapshot.site(asked);
  const explanation: Explanation = explain({
    asked,
    now: now(),
    nowWallMs: wallMs(),
    isRunning: true,
    match: isNobody ? { kind: "address" } : match,
    row,
    eroutes,
    traffic: trafficOf(eroutes, uses),
    call: snapshot.call(asked),
    attempts: known,
    removals: attempts.removalsOf(asked),
    peersThere: host === undefined ? [] : attempts.peersAt(host, PEERS_THERE_MAX),
    strangers: there.length > 0 ? [] : attempts.strangers(STRANGERS_MAX),
    similar: similarTo(asked, attempts),
    listening: daemon.listening,
    overlaps,
    tableIsFull: dynamicEroutes >= dynamicEroutesMax,
    redirectedTo: snapshot.redirecting?.to ?? redirectOf(daemon.config, asked),
  });
  return { explanation, attempts: known };
}

/** Where the configuration redirects a site. */
function redirectOf({ plan }: Config, asked: string): string | undefined {
  const match = matchConfigured(plan, asked);
  return match.kind === "refused" ? undefined : match.eroute.redirect?.host;
}

/** Failures of an ID without a row, which may be this site's ID with a mistake in it. */
function similarTo(asked: string, attempts: Attempts): Attempt | undefined {
  const others = attempts.unknownIds(SIMILAR_COMPARED_MAX).filter((id) => id !== asked);
  const nearest = nearestText(asked, others);
  return nearest === undefined ? undefined : attempts.ofPeer(nearest)[0];
}

function trafficOf(eroutes: readonly ErouteView[], uses: StateUses): Traffic {
  const traffic = new Map<number, ChildTraffic>();
  for (const child of eroutes.flatMap(({ childSas }) => childSas)) {
    const inbound = uses.of(child.localAddress, child.spiIn);
    const outbound = uses.of(child.remoteAddress, child.spiOut);
    if (inbound === undefined || outbound === undefined) continue;
    const packetsIn = Number(inbound.packets);
    traffic.set(child.spiIn, { packetsIn, packetsOut: Number(outbound.packets) });
  }
  return traffic;
}
