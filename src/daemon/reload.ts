/** Reads the configuration file again: it is taken over as a whole, or refused as a whole. */

import type { Concentrator } from "../concentrator/concentrator.ts";
import type { JournalEntry } from "../concentrator/journal/journal.ts";
import type { ConfigurationPreview } from "../concentrator/sites/preview.ts";
import type { RowsAhead } from "../concentrator/sites/row-preview.ts";
import type { Config } from "../config/config.ts";
import type { ConfigFault } from "../config/fault.ts";
import { wallMs } from "../linux/clock.ts";
import { err, ok, type Result } from "../octets/result.ts";
import { wipe } from "../octets/secret.ts";
import { tlsFault } from "../status/tls.ts";
import type { Log } from "./log.ts";
import {
  changedDatabases,
  closeUnused,
  type DatabasesInUse,
  type Opened,
  openAll,
  swapDatabases,
} from "./reload-databases.ts";
import { closesOf, goneNames, reasonsText, whyHeld } from "./reload-guard.ts";
import { type ConnectedSites, readRowsAhead, rowSources } from "./reload-rows.ts";
import type { Shell } from "./shell.ts";
import { restartText, takeOver } from "./take-over.ts";

/** Reads the file; or reports all its faults, one on each line. */
export type LoadConfig = () => Result<Config, readonly string[]>;

/** The parts of the daemon that a new configuration changes. */
export type Reloadable = DatabasesInUse & {
  config: Config;
  readonly log: Log;
  readonly note: (entry: Note) => void;
  /** Undefined while it is starting. */
  readonly shell: Shell | undefined;
  readonly concentrator: ConnectedSites & Pick<Concentrator, "isAdjusting">;
  /** What a configuration would close, with rows that were read for it. */
  readonly preview: (
    config: Config,
    rows: RowsAhead,
  ) => ConfigurationPreview | Promise<ConfigurationPreview>;
  /** How often the file was read again, by result. */
  readonly reloads: Map<ReloadOutcome, number>;
  /** Sites are being told that we shut down: nothing is opened any more. */
  readonly isEnding: boolean;
  /** The parts outside the engine that depend on the configuration have a new one. */
  onConfiguration(): void;
  /** The databases have changed: some may never have been checked. */
  onDatabases(): void;
  /** The rows of this egroup's sites now come from elsewhere. */
  onOtherRows(egroup: string): void;
};

export type Note = Pick<JournalEntry, "level" | "reason" | "detail"> & {
  readonly outcome?: JournalEntry["outcome"];
  /** Set if the daemon did not start it by itself. */
  readonly step?: JournalEntry["step"];
  readonly peerId?: string;
  readonly remote?: string;
};

/** A note as an entry of the journal. */
export function daemonEntry(entry: Note): JournalEntry {
  return {
    level: entry.level,
    step: entry.step ?? "daemon",
    outcome: entry.outcome ?? "note",
    reason: entry.reason,
    detail: entry.detail,
    peerId: entry.peerId,
    eroute: undefined,
    remote: entry.remote,
    ikeSa: undefined,
  };
}

export type ReloadHow = {
  /** The reload guard is ignored: it may close connected sites. */
  readonly force?: boolean;
  /** Nothing is changed: only the result is wanted. */
  readonly dryRun?: boolean;
};

/** `held`: valid, but it closes too many sites, or seems to be cut off. */
export type ReloadOutcome = "ok" | "faulty" | "held";

export type ReloadRefusal = {
  /** `busy`: another reload is under way; nothing was read. */
  readonly kind: Exclude<ReloadOutcome, "ok"> | "busy";
  readonly faults: readonly string[];
};

export type ReloadReport = {
  /** The number of connected sites that are closed. */
  readonly connected: number;
  readonly closes: number;
  /** How many more may be closed by their rows, which could not be read. */
  readonly unread: number;
  /** Those that are closed, in words. */
  readonly reasons: string;
  /** Eroutes, egroups and users that are no longer in the file. */
  readonly gone: readonly string[];
  /** Why it would be refused without force. */
  readonly held: readonly string[];
  /** Keys that keep their values until a restart. */
  readonly needsRestart: readonly string[];
  readonly warnings: readonly string[];
  /** Databases that were opened, changed and closed, in words. */
  readonly databases: readonly string[];
};

/** Faults that are logged one by one. */
const FAULTS_NOTED_MAX = 50;

/**
 * Applies what the file says now. With any fault in it, everything stays as it was. One at a time:
 * it waits for the rows of connected sites if those come from elsewhere now.
 */
export async function reload(
  daemon: Reloadable,
  load: LoadConfig,
  how: ReloadHow = {},
): Promise<Result<ReloadReport, ReloadRefusal>> {
  const done = await judgeAndApply(daemon, load, how);
  if (how.dryRun === true) return done;
  const outcome = outcomeOf(done);
  if (outcome !== undefined) {
    daemon.reloads.set(outcome, (daemon.reloads.get(outcome) ?? 0) + 1);
  }
  if (!done.ok) noteRefused(daemon, done.error);
  return done;
}

function outcomeOf(done: Result<ReloadReport, ReloadRefusal>): ReloadOutcome | undefined {
  if (done.ok) return "ok";
  return done.error.kind === "busy" ? undefined : done.error.kind;
}

async function judgeAndApply(
  daemon: Reloadable,
  load: LoadConfig,
  how: ReloadHow,
): Promise<Result<ReloadReport, ReloadRefusal>> {
  const unready = whyNotNow(daemon);
  if (unready !== undefined) return unready;
  const loaded = load();
  if (!loaded.ok) return refusal("faulty", loaded.error);
  const { config, restart } = takeOver(daemon.config, loaded.value);
  const { tls } = config.status;
  const unfit = tls === undefined ? undefined : tlsFault(tls, wallMs());
  if (unfit !== undefined) return refusal("faulty", [unfit]);
  const opened = openAll(changedDatabases(daemon.config.databases, config.databases));
  if (!opened.ok) return refusal("faulty", opened.error);
  try {
    return await judge(daemon, config, { ...how, restart, opened: opened.value });
  } finally {
    closeUnused(opened.value, daemon.peers);
  }
}

type Judging = ReloadHow & {
  readonly restart: readonly string[];
  readonly opened: readonly Opened[];
};

async function judge(
  daemon: Reloadable,
  config: Config,
  { force = false, dryRun = false, restart, opened }: Judging,
): Promise<Result<ReloadReport, ReloadRefusal>> {
  const { concentrator, peers } = daemon;
  const { plan } = config;
  const sources = rowSources(daemon.config.plan.egroups, plan.egroups, { opened, peers });
  const rows = await readRowsAhead(concentrator, plan, sources);
  const preview = await daemon.preview(config, rows);
  await untilAdjusted(concentrator);
  const unready = whyNotNow(daemon);
  if (unready !== undefined) return unready;
  const held = whyHeld(daemon.config, config, { preview, rowFaults: rows.faults });
  const report = {
    connected: preview.connected,
    closes: closesOf(preview),
    unread: preview.unread,
    reasons: reasonsText(preview),
    gone: goneNames(daemon.config, config),
    held,
    needsRestart: restart,
    warnings: config.warnings.map(warningText),
  };
  if (dryRun) return ok({ ...report, databases: [] });
  if (held.length > 0 && !force) return refusal("held", held);
  const databases = apply(daemon, config, opened);
  noteDone(daemon, { ...report, databases });
  return ok({ ...report, databases });
}

/** How long a reload waits for the one before it to reach all sites, and how often it looks. */
const ADJUSTED_MS_MAX = 60_000;
const LOOK_MS = 5;

/** The engine would do what is left for the former configuration in a single turn. */
async function untilAdjusted({ isAdjusting }: Pick<Concentrator, "isAdjusting">): Promise<void> {
  for (let ms = 0; ms < ADJUSTED_MS_MAX && isAdjusting(); ms += LOOK_MS) await Bun.sleep(LOOK_MS);
}

function whyNotNow({ shell, isEnding }: Reloadable): Result<never, ReloadRefusal> | undefined {
  if (shell === undefined) return refusal("faulty", ["erouted is still starting: try again"]);
  return isEnding ? refusal("faulty", ["erouted is ending"]) : undefined;
}

/** What happened to the databases, in words. */
function apply(daemon: Reloadable, config: Config, opened: readonly Opened[]): readonly string[] {
  const former = daemon.config.plan;
  daemon.config = config;
  daemon.log.configure(config.log);
  const words = swapDatabases(daemon, opened, config);
  daemon.shell?.feed({ kind: "configuration", plan: config.plan });
  // Every site that authenticated with one of these has a copy of it.
  if (former !== config.plan) wipe(...former.users.flatMap((user) => [user.psk, user.ppk?.key]));
  daemon.onConfiguration();
  if (words.length > 0) daemon.onDatabases();
  for (const { settings, isNew } of opened) {
    if (!isNew) daemon.onOtherRows(settings.egroup);
  }
  return words;
}

/** Concerns the whole file if it has no path. */
export function warningText({ path, what }: Pick<ConfigFault, "path" | "what">): string {
  return path === "" ? what : `${path}: ${what}`;
}

function refusal(
  kind: ReloadRefusal["kind"],
  faults: readonly string[],
): Result<never, ReloadRefusal> {
  return err({ kind, faults });
}

function noteRefused({ note }: Reloadable, { kind, faults }: ReloadRefusal): void {
  const reason = kind === "held" ? "reload-held" : "configuration-fault";
  for (const detail of faults.slice(0, FAULTS_NOTED_MAX)) {
    note({ level: "error", outcome: "refused", reason, detail });
  }
  const faultCount = faults.length === 1 ? "1 fault" : `${faults.length} faults`;
  const why = kind === "held" ? "is refused unless it is forced" : `has ${faultCount}`;
  const detail = `the new configuration ${why}: the former one stays in force`;
  note({ level: "error", outcome: "refused", reason: "reload-refused", detail });
}

function noteDone({ note }: Reloadable, report: ReloadReport): void {
  const { databases, gone, held, needsRestart, warnings } = report;
  for (const detail of warnings) note({ level: "warning", reason: "configuration", detail });
  for (const why of held) {
    note({ level: "warning", reason: "reload-forced", detail: `forced, although: ${why}` });
  }
  const goneText = gone.length === 0 ? [] : [`gone: ${gone.join(", ")}`];
  const parts = ["the configuration file was reread and is in force", ...databases, ...goneText];
  note({ level: "info", outcome: "ok", reason: "reloaded", detail: parts.join("; ") });
  if (needsRestart.length === 0) return;
  const then = restartText(needsRestart);
  const detail =
    `needs a restart, and stays unchanged until then: ${needsRestart.join(", ")}` +
    (then === "" ? "" : `; ${then}`);
  note({ level: "warning", reason: "needs-restart", detail });
}
