/** Finds changed rows of connected sites by itself, after any UPDATE or DELETE. */

import type { Config } from "../config/config.ts";
import type { LookupFault } from "../eroute/row.ts";
import type { PeerRepository } from "../peers/repository.ts";
import { type Connected, recheckPage } from "./recheck.ts";

export type Polling = {
  /** Uses the configuration as it is now: polls whose interval stays the same continue. */
  configure(): void;
  stop(): void;
};

/** What is polled. */
export type Polled = Connected & {
  readonly config: Config;
  readonly peers: ReadonlyMap<string, PeerRepository>;
};

/**
 * Rows of connected sites that are read again in one interval, whether they are known to have
 * changed or not: 10,000 sites take nine minutes.
 */
const SWEEP_ROWS = 200;

/** Changed rows that are reported in one turn of the event loop, and in one interval. */
const TOLD_PER_TURN = 100;
const TOLD_MAX = 20_000;

/** If an egroup's database fails, the interval doubles, up to this. */
const PAUSE_MS_MAX = 300_000;

/**
 * The time within which any change of a connected site's row is found, if the database answers;
 * undefined: never, until the site connects again.
 */
export function lookedAtWithinMs(
  { plan, polls }: Pick<Config, "plan" | "polls">,
  egroup: string,
): number | undefined {
  const everyMs = polls.find((poll) => poll.egroup === egroup)?.everyMs;
  if (everyMs === undefined) return undefined;
  return everyMs * (Math.ceil(plan.limits.dynamicEroutesMax / SWEEP_ROWS) + 1);
}

/** Starts a loop for each egroup with an interval. */
export function startPolling(daemon: Polled): Polling {
  const loops = new Map<string, Loop>();
  const polling: Polling = {
    configure() {
      const wanted = new Map(daemon.config.polls.map(({ egroup, everyMs }) => [egroup, everyMs]));
      for (const [egroup, loop] of loops) {
        if (wanted.get(egroup) === loop.everyMs) continue;
        loop.stop();
        loops.delete(egroup);
      }
      for (const [egroup, everyMs] of wanted) {
        if (everyMs === undefined || loops.has(egroup)) continue;
        loops.set(egroup, startLoop(daemon, egroup, everyMs));
      }
    },
    stop() {
      for (const loop of loops.values()) loop.stop();
      loops.clear();
    },
  };
  polling.configure();
  return polling;
}

type Loop = { readonly everyMs: number; stop(): void };

function startLoop(daemon: Polled, egroup: string, everyMs: number): Loop {
  const marks = new WeakMap<PeerRepository, string>();
  let sweepBefore = 0;
  let failures = 0;
  let isStopped = false;
  let timer: ReturnType<typeof setTimeout> | undefined;

  const round = async (): Promise<void> => {
    const repository = daemon.peers.get(egroup);
    if (repository === undefined) return;
    const fault = await tellChanged(daemon, egroup, { repository, marks });
    if (isStopped) return;
    noteChange(daemon, egroup, failures, fault);
    failures = fault === undefined ? 0 : failures + 1;
    // The engine reads those rows itself, and manages without them while they cannot be read.
    if (fault === undefined) sweepBefore = sweep(daemon, egroup, sweepBefore);
  };
  const arm = (): void => {
    if (isStopped) return;
    const ms = Math.min(everyMs * 2 ** Math.min(failures, 10), Math.max(PAUSE_MS_MAX, everyMs));
    timer = setTimeout(() => void run(), ms);
  };
  const run = (): Promise<void> =>
    round()
      .catch((fault: unknown) => {
        const detail = `please report this bug: ${fault instanceof Error ? fault.stack : fault}`;
        daemon.note({ level: "error", outcome: "failed", reason: "internal-error", detail });
      })
      .finally(arm);

  void run();
  return {
    everyMs,
    stop() {
      isStopped = true;
      clearTimeout(timer);
    },
  };
}

type Asked = {
  readonly repository: PeerRepository;
  /** Belongs to the database that gave it: another one counts differently. */
  readonly marks: WeakMap<PeerRepository, string>;
};

/** Reports the rows written since the last time; returns the fault that prevented it. */
async function tellChanged(
  daemon: Polled,
  egroup: string,
  { repository, marks }: Asked,
): Promise<LookupFault | undefined> {
  if (repository.changedSince === undefined) return undefined;
  for (let told = 0; told < TOLD_MAX; ) {
    const before = marks.get(repository);
    // It settles within the egroup's deadline.
    const changed = await repository.changedSince(before);
    if (!changed.ok) return changed.error;
    const { peerids, watermark } = changed.value;
    await tell(daemon, egroup, peerids);
    marks.set(repository, watermark);
    if (peerids.length === 0 || watermark === before) return undefined;
    told += peerids.length;
  }
  return undefined;
}

async function tell(daemon: Polled, egroup: string, peerids: readonly string[]): Promise<void> {
  for (let from = 0; from < peerids.length; from += TOLD_PER_TURN) {
    for (const peerId of peerids.slice(from, from + TOLD_PER_TURN)) {
      daemon.shell?.feed({ kind: "row-changed", egroup, peerId });
    }
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
}

/** The next few connected sites, from the newest to the oldest, and then from the start again. */
function sweep(daemon: Polled, egroup: string, before: number): number {
  const count = daemon.concentrator.snapshot().gauges.dynamicEroutes;
  const from = before === 0 ? count : Math.min(before, count);
  return recheckPage(daemon, egroup, { before: from, limit: SWEEP_ROWS });
}

function noteChange(
  { note }: Polled,
  egroup: string,
  failures: number,
  fault: LookupFault | undefined,
): void {
  if (fault !== undefined && failures === 0) {
    const detail = `egroup ${egroup}: changed rows are not found: ${fault.detail}`;
    note({ level: "warning", outcome: "failed", reason: "poll-fails", detail });
  }
  if (fault === undefined && failures > 0) {
    const detail = `egroup ${egroup}: changed rows are found again`;
    note({ level: "info", outcome: "ok", reason: "poll-works", detail });
  }
}
