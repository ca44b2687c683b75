/** Rows that share a subnet with other rows, or with connected sites (R10). */

import type { OverlapView, Snapshot } from "../concentrator/snapshot.ts";
import type { Config } from "../config/config.ts";
import { matchConfigured } from "../eroute/configured-match.ts";
import { dynamicErouteOf } from "../eroute/dynamic-eroute.ts";
import { asPeerId, peerKey } from "../eroute/peer-id.ts";
import type { PeerRow } from "../eroute/row.ts";
import { childWith } from "../eroute/row-options.ts";
import { type Claim, overlapRule, sharedSubnet } from "../eroute/shared-subnet.ts";
import { wipe } from "../octets/secret.ts";
import type { PeerRepository } from "../peers/repository.ts";

export type SharingRows = {
  readonly plan: Config["plan"];
  readonly snapshot: Pick<Snapshot, "overlaps">;
  readonly repository: Pick<PeerRepository, "sameSubnet">;
};

/** Other sites that are listed for one row. */
const TOLD_MAX = 8;

/**
 * By peer key, the sites that each of these rows conflicts with. Connected sites are compared by
 * their subnets; other rows by the text of remip, which an index finds: `erouted peers check`
 * compares all of them.
 */
export async function overlapsOfRows(
  rows: readonly PeerRow[],
  { plan, snapshot, repository }: SharingRows,
): Promise<ReadonlyMap<string, readonly OverlapView[]>> {
  const remips = [...new Set(rows.flatMap(({ remip }) => remip ?? []))].filter((text) => text);
  const same = remips.length === 0 ? undefined : await repository.sameSubnet(remips);
  const byRemip = same?.ok === true ? groupByRemip(same.value) : new Map<string, PeerRow[]>();
  const found = new Map<string, readonly OverlapView[]>();
  for (const row of rows) {
    const claim = claimOfRow(plan, row);
    if (claim === undefined) continue;
    const views = new Map<string, OverlapView>();
    for (const view of snapshot.overlaps(row.peerid, claim)) views.set(peerKey(view.peerId), view);
    for (const other of byRemip.get(row.remip ?? "") ?? []) {
      const key = peerKey(other.peerid);
      if (key === peerKey(row.peerid) || views.has(key) || views.size >= TOLD_MAX) continue;
      const view = viewOf(claim, other, claimOfRow(plan, other));
      if (view !== undefined) views.set(key, view);
    }
    if (views.size > 0) found.set(peerKey(row.peerid), [...views.values()]);
  }
  return found;
}

/** What a row would have; undefined if it is disabled, or makes no site. */
function claimOfRow(plan: Config["plan"], row: PeerRow): Claim | undefined {
  const match = matchConfigured(plan, row.peerid);
  if (match.kind !== "base") return undefined;
  const made = dynamicErouteOf(match.eroute, match.egroup, asPeerId(row.peerid), [row]);
  if (!made.ok) return undefined;
  const { base, localSubnets, remoteSubnets, own, psk, ppk } = made.value;
  wipe(psk, ppk?.key);
  return { base, localSubnets, remoteSubnets, child: childWith(base.child, own) };
}

function viewOf(own: Claim, { peerid }: PeerRow, other: Claim | undefined) {
  const shared = other && sharedSubnet(own, other);
  if (other === undefined || shared === undefined) return undefined;
  return { ...shared, peerId: peerid, rule: overlapRule(own.base, other.base), isConnected: false };
}

function groupByRemip(rows: readonly PeerRow[]): ReadonlyMap<string, readonly PeerRow[]> {
  const groups = new Map<string, PeerRow[]>();
  for (const row of rows) {
    const group = groups.get(row.remip ?? "");
    if (group === undefined) groups.set(row.remip ?? "", [row]);
    else if (group.length <= TOLD_MAX) group.push(row);
  }
  return groups;
}
