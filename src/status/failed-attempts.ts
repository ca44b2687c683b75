/** The attempts that failed, one for each site and reason: why a site is not in. */

import type { JournalRecord } from "../concentrator/journal.ts";
import { peerKey } from "../eroute/peer-id.ts";

/** The same site failing for the same reason, once or again and again. */
export type FailedAttempt = {
  readonly latest: JournalRecord;
  readonly times: number;
  /** Whether the site has got in since, and nobody has to get up for it. */
  readonly hasConnectedSince: boolean;
};

/** Of `records`, oldest first: at most `max`, those of the latest failures first. */
export function failedAttempts(records: readonly JournalRecord[], max: number): FailedAttempt[] {
  const attempts = new Map<string, FailedAttempt>();
  const connected = new Set<string>();
  for (const record of records.toReversed()) {
    const site = siteOf(record);
    if (isConnected(record)) connected.add(site);
    if (!isFailed(record)) continue;
    const key = `${record.reason} ${site}`;
    const known = attempts.get(key);
    if (known !== undefined) attempts.set(key, { ...known, times: known.times + 1 });
    else if (attempts.size < max) {
      const hasConnectedSince = connected.has(site);
      attempts.set(key, { latest: record, times: 1, hasConnectedSince });
    }
  }
  return [...attempts.values()];
}

/** A negotiation that ended, or one that left an IKE SA without its Child SA; of a site only. */
function isFailed({ outcome, step }: JournalRecord): boolean {
  if (step === "daemon") return false;
  return outcome === "failed" || (outcome === "refused" && step === "IKE_AUTH");
}

function isConnected({ outcome, step }: JournalRecord): boolean {
  return outcome === "ok" && step === "IKE_AUTH";
}

/** The peer ID where it is known; else the address, for the port changes with each attempt. */
function siteOf({ peerId, remote }: JournalRecord): string {
  if (peerId !== undefined) return `id ${peerKey(peerId)}`;
  return `at ${remote?.replace(/:\d+$/, "") ?? ""}`;
}
