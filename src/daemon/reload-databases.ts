/** The databases of a new configuration: opened beside those in use, then put in their place. */

import type { Config } from "../config/config.ts";
import { type DatabaseSettings, describeDatabase } from "../eroute/database.ts";
import { equalValues } from "../eroute/eroute-change.ts";
import { err, ok, type Result } from "../octets/result.ts";
import { openPeers } from "../peers/open.ts";
import type { PeerRepository } from "../peers/repository.ts";

export type DatabasesInUse = {
  readonly peers: Map<string, PeerRepository>;
  /** No longer used for new look-ups, kept for those under way. */
  readonly retired: Set<PeerRepository>;
};

/** Look-ups under way end within their deadline; then their database is closed. */
const RETIRED_GRACE_MS = 500;

export type ChangedDatabase = { readonly settings: DatabaseSettings; readonly isNew: boolean };

/** Egroups of the next configuration with another database, table or settings. */
export function changedDatabases(
  running: readonly DatabaseSettings[],
  next: readonly DatabaseSettings[],
): readonly ChangedDatabase[] {
  const before = new Map(running.map((settings) => [settings.egroup, settings]));
  return next
    .filter((settings) => !equalValues(settings, before.get(settings.egroup)))
    .map((settings) => ({ settings, isNew: !before.has(settings.egroup) }));
}

export type Opened = ChangedDatabase & { readonly repository: PeerRepository };

/** Opens all of them, or none and says why. Nothing is connected yet: a database may be down. */
export function openAll(
  changed: readonly ChangedDatabase[],
): Result<readonly Opened[], readonly string[]> {
  const opened: Opened[] = [];
  const faults: string[] = [];
  for (const one of changed) {
    const repository = openPeers(one.settings);
    if (repository.ok) opened.push({ ...one, repository: repository.value });
    else faults.push(`egroup ${one.settings.egroup}: ${repository.error.detail}`);
  }
  if (faults.length === 0) return ok(opened);
  closeUnused(opened, new Map());
  return err(faults);
}

/** Closes those that look-ups do not use: the reload was refused, only tried, or hit a bug. */
export function closeUnused(
  opened: readonly Opened[],
  inUse: ReadonlyMap<string, PeerRepository>,
): void {
  for (const { settings, repository } of opened) {
    if (inUse.get(settings.egroup) !== repository) void repository.close().catch(() => undefined);
  }
}

/** From now on look-ups use the new databases; those under way end where they began. */
export function swapDatabases(
  daemon: DatabasesInUse,
  opened: readonly Opened[],
  config: Config,
): readonly string[] {
  const words: string[] = [];
  const stays = new Set(config.databases.map(({ egroup }) => egroup));
  for (const [egroup, repository] of daemon.peers) {
    if (stays.has(egroup)) continue;
    daemon.peers.delete(egroup);
    retire(daemon, repository, config.plan.limits.lookupMs);
    words.push(`database of egroup ${egroup} closed`);
  }
  for (const { settings, isNew, repository } of opened) {
    const former = daemon.peers.get(settings.egroup);
    daemon.peers.set(settings.egroup, repository);
    if (former !== undefined) retire(daemon, former, config.plan.limits.lookupMs);
    const what = isNew ? "opened" : "changed";
    words.push(`database of egroup ${settings.egroup} ${what}: ${describeDatabase(settings)}`);
  }
  return words;
}

function retire(daemon: DatabasesInUse, repository: PeerRepository, lookupMs: number): void {
  daemon.retired.add(repository);
  const close = () => {
    daemon.retired.delete(repository);
    void repository.close().catch(() => undefined);
  };
  setTimeout(close, lookupMs + RETIRED_GRACE_MS).unref();
}
