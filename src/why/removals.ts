/** What other programs removed from the kernel, for each site and for all: bounded. */

import type { JournalRecord } from "../concentrator/journal/journal.ts";
import { peerKey } from "../eroute/peer-id.ts";

/** The last line of the journal about it, and how many there have been. */
export type Removal = { readonly record: JournalRecord; readonly times: number };

export type Removals = {
  /** Takes in a record about a removal. */
  note(record: JournalRecord): void;
  /** The site's own, then the last one that names no site. */
  of(peerId: string): readonly Removal[];
};

/** Sites that are remembered; beyond that, the one whose last loss is oldest is forgotten. */
const SITES_MAX = 1_024;

/** Nothing has been removed yet. */
export function createRemovals(sitesMax = SITES_MAX): Removals {
  const bySite = new Map<string, Removal>();
  let ofAll: Removal | undefined;
  const next = (before: Removal | undefined, record: JournalRecord): Removal => ({
    record,
    times: (before?.times ?? 0) + 1,
  });
  return {
    note(record) {
      if (record.peerId === undefined) {
        ofAll = next(ofAll, record);
        return;
      }
      const key = peerKey(record.peerId);
      const removal = next(bySite.get(key), record);
      bySite.delete(key);
      bySite.set(key, removal);
      const [oldest] = bySite.keys();
      if (bySite.size > sitesMax && oldest !== undefined) bySite.delete(oldest);
    },
    of: (peerId) => [bySite.get(peerKey(peerId)), ofAll].filter((one) => one !== undefined),
  };
}
