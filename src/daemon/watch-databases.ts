/** Checks failing databases until they answer: a monitor must not have to wait for a site. */

import type { JournalEntry } from "../concentrator/journal/journal.ts";
import type { PeerRepository } from "../peers/repository.ts";

export type DatabaseWatch = { stop(): void };

export type DatabaseNote = Pick<JournalEntry, "level" | "outcome" | "reason" | "detail">;

/**
 * Checks each database at once, and every `periodMs` those whose last look-up or check failed. A
 * missing database is no reason not to start: the fault is noted once, and so is its end.
 */
export function watchDatabases(
  peers: ReadonlyMap<string, PeerRepository>,
  note: (entry: DatabaseNote) => void,
  periodMs: number,
): DatabaseWatch {
  /** The kind of fault that was noted last, by egroup. */
  const noted = new Map<string, string>();
  let isStopped = false;
  let timer: ReturnType<typeof setTimeout> | undefined;

  const look = async (egroup: string, repository: PeerRepository): Promise<void> => {
    const checked = await repository.check();
    if (isStopped) return;
    if (checked.ok) {
      if (!noted.delete(egroup)) return;
      const detail = `egroup ${egroup}: the database answers; its sites can connect`;
      note({ level: "info", outcome: "ok", reason: "database-answers", detail });
      return;
    }
    const { kind } = checked.error;
    if (noted.get(egroup) === kind) return;
    noted.set(egroup, kind);
    const detail = `egroup ${egroup}: ${checked.error.detail}; its sites cannot connect`;
    note({ level: "error", outcome: "failed", reason: `database-${kind}`, detail });
  };
  const round = async (due: readonly (readonly [string, PeerRepository])[]): Promise<void> => {
    await Promise.allSettled(due.map(([egroup, repository]) => look(egroup, repository)));
    noteServers();
    if (!isStopped) timer = setTimeout(() => void round(failing()), periodMs);
  };
  /** Includes those that have answered a look-up since, so that the end of a fault is noted. */
  /** Which of several servers was in use at the last check. */
  const asked = new Map<string, string>();
  const noteServers = (): void => {
    for (const [egroup, repository] of peers) {
      const { inUse } = repository.statistics();
      const before = asked.get(egroup);
      if (inUse === undefined || inUse.server === before) continue;
      asked.set(egroup, inUse.server);
      if (before === undefined) continue;
      const now = `the database is asked at ${inUse.server}, no longer at ${before}`;
      const detail = `egroup ${egroup}: ${now}`;
      note({ level: "warning", outcome: "note", reason: "database-failover", detail });
    }
  };
  const failing = () =>
    [...peers].filter(
      ([egroup, repository]) =>
        noted.has(egroup) || repository.statistics().lastFault !== undefined,
    );

  noteServers();
  void round([...peers]);
  return {
    stop() {
      isStopped = true;
      clearTimeout(timer);
    },
  };
}
