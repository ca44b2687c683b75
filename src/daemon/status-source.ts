/** What the daemon shows to the status server. */

import type { Concentrator } from "../concentrator/concentrator.ts";
import type { Journal } from "../concentrator/journal/journal.ts";
import type { Config } from "../config/config.ts";
import { describeDatabase } from "../eroute/database.ts";
import { peerKey } from "../eroute/peer-id.ts";
import { rowEnabled } from "../eroute/row-options.ts";
import { now, wallMs } from "../linux/clock.ts";
import { err, ok, type Result } from "../octets/result.ts";
import type { PeerRepository } from "../peers/repository.ts";
import type { DatabaseView, PeerListing, StatusFacts, StatusSource } from "../status/source.ts";
import type { Attempts } from "../why/attempts.ts";
import type { SiteCount } from "./expected.ts";
import { explainSite } from "./explain.ts";
import type { Log } from "./log.ts";
import type { LoopWatch } from "./loop-watch.ts";
import type { Samples } from "./samples.ts";
import { overlapsOfRows } from "./shared-rows.ts";
import type { Counted } from "./state-uses.ts";

export type Watched = {
  readonly concentrator: Concentrator;
  readonly journal: Journal;
  readonly attempts: Attempts;
  /** Called for each record of the journal. */
  readonly listeners: Set<() => void>;
  /** Filled by {@link startSampling}. */
  readonly samples: Pick<Samples, "series" | "traffic">;
  readonly failures: ReadonlyMap<string, number>;
  readonly recorder: { readonly folded: number };
  /** Undefined until the daemon is ready. */
  readonly sites: SiteCount | undefined;
  readonly loop: Pick<LoopWatch, "longestSeconds">;
  readonly counted: Pick<Counted, "all" | "of">;
  readonly config: Config;
  readonly peers: ReadonlyMap<string, PeerRepository>;
  readonly facts: StatusFacts;
  readonly log: Pick<Log, "lost" | "fault">;
  readonly reloads: ReadonlyMap<string, number>;
};

/** Reads the engine's snapshots, the journal, and the kernel's counters. */
export function statusSourceOf(watched: Watched): StatusSource {
  const { concentrator, journal, listeners, counted, peers, facts, log } = watched;
  return {
    snapshot: () => concentrator.snapshot(),
    events: (count, after) => journal.recent(count, after),
    eventsAfter: (after, count) => journal.following(after, count),
    onEvent(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    stateUses: counted.all,
    usesOf: counted.of,
    traffic: () => watched.samples.traffic(),
    failures: () => watched.failures,
    folded: () => watched.recorder.folded,
    reloads: () => watched.reloads,
    loopDelaySeconds: () => watched.loop.longestSeconds(),
    series: (range) => watched.samples.series(range),
    wallMs: (at) => wallMs() - (now() - at),
    wallMsNow: wallMs,
    rows: (egroup, after, limit) => rowsOf(watched, egroup, { after, limit }),
    notConnected: () => watched.attempts.notConnected(),
    expected: () => watched.sites?.latest() ?? new Map(),
    isSeen: (peerId) => watched.attempts.isSeen(peerId),
    explain: (asked) =>
      explainSite({ ...watched, listening: facts.listening, usesOf: counted.of }, asked),
    facts,
    problems: () => [...problemsOf(peers), ...logProblems(log)],
    databases: () => databaseViews(watched),
  };
}

/** Without keys: they must not leave the daemon this way. */
async function rowsOf(
  { peers, concentrator, config }: Watched,
  egroup: string,
  { after, limit }: { readonly after: string | undefined; readonly limit: number },
): Promise<Result<readonly PeerListing[], string>> {
  const repository = peers.get(egroup);
  if (repository === undefined) return err("its database is not open");
  const rows = await repository.list(after, limit);
  if (!rows.ok) return err(rows.error.detail);
  const sharing = { plan: config.plan, snapshot: concentrator.snapshot(), repository };
  const overlaps = await overlapsOfRows(rows.value, sharing);
  return ok(
    rows.value.map((row) => {
      const { peerid, remip, remmsk, peerip, bakpeerip, ourid } = row;
      const hasText = (text: string | null | undefined) => (text ?? "").trim() !== "";
      const keys = { hasPassword: hasText(row.password), hasPpk: hasText(row.ppk) };
      const isDisabled = !rowEnabled(row).ok;
      const shown = { peerid, ...keys, remip, remmsk, peerip, bakpeerip, ourid, isDisabled };
      return { ...shown, overlaps: overlaps.get(peerKey(peerid)) ?? [] };
    }),
  );
}

function problemsOf(peers: ReadonlyMap<string, PeerRepository>): readonly string[] {
  const problems: string[] = [];
  for (const [egroup, repository] of peers) {
    const { lastFault } = repository.statistics();
    if (lastFault !== undefined) problems.push(`database of egroup ${egroup}: ${lastFault}`);
  }
  return problems;
}

function logProblems({ lost, fault }: Watched["log"]): readonly string[] {
  if (fault === undefined) return [];
  return [`log: standard output accepts no lines (${fault}): ${lost} lost so far`];
}

function databaseViews({ config, peers }: Watched): readonly DatabaseView[] {
  return config.databases.flatMap((settings) => {
    const repository = peers.get(settings.egroup);
    if (repository === undefined) return [];
    const source = describeDatabase(settings);
    return [{ egroup: settings.egroup, source, ...repository.statistics() }];
  });
}
