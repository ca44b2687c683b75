/** Looks for changed rows of connected sites: nobody has to tell of an UPDATE or DELETE. */

import type { Config } from "../config/config.ts";
import type { LookupFault } from "../eroute/row.ts";
import type { PeerRepository } from "../peers/repository.ts";
import { type Connected, recheckPage } from "./recheck.ts";

export type Polling = {
  /** Goes by the configuration as it is now: whose interval is the same goes on. */
  configure(): void;
  stop(): void;
};

/** What is polled. */
export type Polled = Connected & {
  readonly config: Config;
  readonly peers: ReadonlyMap<string, PeerRepository>;
};

/**
 * Rows of connected sites that are read anew in one interval, whether anything says that they have
 * changed or not: of 10,000 each has its turn within nine minutes.
 */
const SWEEP_ROWS = 200;

/** Changed rows that are told in one turn of the event loop, and in one interval. */
const TOLD_PER_TURN = 100;
const TOLD_MAX = 20_000;

/** An egroup whose database fails is asked after twice the time, and so on up to this. */
const PAUSE_MS_MAX = 300_000;

/**
 * Within so long a change of a connected site's row is found, whatever it is, as long as the
 * database answers; undefined: never, until the site connects anew.
 */
export function lookedAtWithinMs(
  { plan, polls }: Pick<Config, "plan" | "polls">,
  egroup: string,
): number | undefined {
  const everyMs = polls.find((poll) => poll.egroup === egroup)?.everyMs;
  if (everyMs === undefined) return undefined;
  return everyMs * (Math.ceil(plan.limits.dynamicEroutesMax / SWEEP_ROWS) + 1);
}

/** Starts a loop for each egroup that wants one. */
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
    // The engine reads those rows itself, and does without as long as they cannot be read.
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
  /** By the database that gave it: another one counts otherwise. */
  readonly marks: WeakMap<PeerRepository, string>;
};

/** Feeds the rows that were written since the last time; the fault that kept it from it. */
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
