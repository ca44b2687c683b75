/**
 * Reads the rows of connected sites from where a new configuration has them, before it is in force:
 * sites that it would close because of their rows count like all others that it would close.
 */

import type { Concentrator } from "../concentrator/concentrator.ts";
import type { RowsAhead, SiteOfEgroup } from "../concentrator/sites/row-preview.ts";
import type { Egroup, EroutePlan } from "../eroute/eroute.ts";
import { equalValues } from "../eroute/eroute-change.ts";
import { now } from "../linux/clock.ts";
import type { PeerRepository } from "../peers/repository.ts";
import type { Opened } from "./reload-databases.ts";

/** The sites whose rows are read and judged. */
export type ConnectedSites = Pick<Concentrator, "sitesOf" | "rowVerdict">;

export type RowSource = {
  readonly egroup: string;
  readonly repository: Pick<PeerRepository, "find">;
};

export type RowsReadAhead = RowsAhead & {
  /** Why rows are missing. */
  readonly faults: readonly string[];
};

/** Rows that are requested and judged in one turn of the event loop. */
const PORTION = 128;

/** Rows that have not been requested by then are not read. */
const ROWS_MS_MAX = 10_000;

/**
 * Egroups whose connected sites may have other rows: from another table, or read in another way.
 */
export function rowSources(
  running: readonly Egroup[],
  next: readonly Egroup[],
  { opened, peers }: { readonly opened: readonly Opened[]; readonly peers: Repositories },
): readonly RowSource[] {
  const before = new Map(running.map((egroup) => [egroup.name, egroup]));
  const elsewhere = new Map(
    opened.map(({ settings, repository }) => [settings.egroup, repository]),
  );
  return next.flatMap((egroup) => {
    const former = before.get(egroup.name);
    const isSame = !elsewhere.has(egroup.name) && equalValues(egroup, former);
    const repository = elsewhere.get(egroup.name) ?? peers.get(egroup.name);
    if (former === undefined || isSame || repository === undefined) return [];
    return [{ egroup: egroup.name, repository }];
  });
}

type Repositories = ReadonlyMap<string, PeerRepository>;

/** Never rejects: rows that cannot be read are missing. Keeps no row. */
export async function readRowsAhead(
  sites: ConnectedSites,
  plan: EroutePlan,
  sources: readonly RowSource[],
): Promise<RowsReadAhead> {
  const read = new Map<string, string | undefined>();
  const untilMs = now() + ROWS_MS_MAX;
  const one = async ({ egroup, repository }: RowSource): Promise<readonly string[]> => {
    for (const portion of inPortions(sites.sitesOf(egroup), PORTION)) {
      if (now() > untilMs) return [`egroup ${egroup}: ${ROWS_MS_MAX / 1000} s were not enough`];
      const fault = await judge({ repository, sites, plan, read }, portion);
      if (fault !== undefined) return [`egroup ${egroup}: ${fault}`];
    }
    return [];
  };
  const faults = (await Promise.all(sources.map(one))).flat();
  return { egroups: new Set(sources.map(({ egroup }) => egroup)), read, faults };
}

function* inPortions<T>(all: Iterable<T>, most: number): Generator<readonly T[]> {
  let portion: T[] = [];
  for (const one of all) {
    portion.push(one);
    if (portion.length < most) continue;
    yield portion;
    portion = [];
  }
  if (portion.length > 0) yield portion;
}

type Judging = Pick<RowSource, "repository"> & {
  readonly sites: ConnectedSites;
  readonly plan: EroutePlan;
  readonly read: Map<string, string | undefined>;
};

/** The look-ups of one portion share few queries; each settles within its own deadline. */
async function judge(
  { repository, sites, plan, read }: Judging,
  portion: readonly SiteOfEgroup[],
): Promise<string | undefined> {
  const asked = portion.map(({ peerId }) => repository.find({ by: "peerid", peerid: peerId }));
  const answers = await Promise.all(asked);
  let fault: string | undefined;
  for (const [index, site] of portion.entries()) {
    const answer = answers[index];
    if (answer === undefined) continue;
    if (answer.ok) read.set(site.key, sites.rowVerdict(plan, site, answer.value));
    else fault ??= answer.error.detail;
  }
  return fault;
}
