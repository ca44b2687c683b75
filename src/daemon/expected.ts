/** How many sites there should be: the rows of each egroup, counted now and then. */

import type { PeerRepository } from "../peers/repository.ts";
import type { ExpectedSites } from "../status/source.ts";

export type SiteCount = {
  /** By egroup, the last count; an egroup that could not be counted is missing. */
  latest(): ReadonlyMap<string, ExpectedSites>;
  stop(): void;
};

/** The interval between two counts of a table. */
const COUNT_MS = 60_000;

/**
 * Counts at once, and then every minute: one query for each egroup, within its deadline, separate
 * from the look-ups of sites. A table that could not be counted keeps its last number.
 */
export function countSites(peers: () => ReadonlyMap<string, PeerRepository>): SiteCount {
  const counted = new Map<string, ExpectedSites>();
  let isStopped = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const countOne = async (egroup: string, repository: PeerRepository): Promise<void> => {
    const found = await repository.count();
    if (!isStopped && found.ok) counted.set(egroup, found.value);
  };
  const round = async (): Promise<void> => {
    const now = [...peers()];
    await Promise.allSettled(now.map(([egroup, repository]) => countOne(egroup, repository)));
    for (const egroup of counted.keys()) if (!peers().has(egroup)) counted.delete(egroup);
    if (!isStopped) timer = setTimeout(() => void round(), COUNT_MS);
  };
  void round();
  return {
    latest: () => counted,
    stop() {
      isStopped = true;
      clearTimeout(timer);
    },
  };
}
