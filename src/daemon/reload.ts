/** Reads the configuration file again: it is taken over as a whole, or refused as a whole. */

import type { JournalEntry } from "../concentrator/journal/journal.ts";
import type { ConfigurationPreview } from "../concentrator/sites/preview.ts";
import type { Config } from "../config/config.ts";
import type { ConfigFault } from "../config/fault.ts";
import { type DatabaseSettings, describeDatabase } from "../eroute/database.ts";
import { equalValues } from "../eroute/eroute-change.ts";
import { wallMs } from "../linux/clock.ts";
import { err, ok, type Result } from "../octets/result.ts";
import { wipe } from "../octets/secret.ts";
import { openPeers } from "../peers/open.ts";
import type { PeerRepository } from "../peers/repository.ts";
import { tlsFault } from "../status/tls.ts";
import type { Log } from "./log.ts";
import { closesOf, goneNames, reasonsText, whyHeld } from "./reload-guard.ts";
import type { Shell } from "./shell.ts";
import { takeOver } from "./take-over.ts";

/** Reads the file; or reports all its faults, one on each line. */
export type LoadConfig = () => Result<Config, readonly string[]>;

/** The parts of the daemon that a new configuration changes. */
export type Reloadable = {
  config: Config;
  readonly log: Log;
  readonly note: (entry: Note) => void;
  readonly peers: Map<string, PeerRepository>;
  /** No longer used for new look-ups, kept for those under way. */
  readonly retired: Set<PeerRepository>;
  /** Undefined while it is starting. */
  readonly shell: Shell | undefined;
  /** What a configuration would close. */
  readonly preview: (config: Config) => ConfigurationPreview;
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

export type ReloadHow = {
  /** The reload guard is ignored: it may close connected sites. */
  readonly force?: boolean;
  /** Nothing is changed: only the result is wanted. */
  readonly dryRun?: boolean;
};

/** `held`: valid, but it closes too many sites, or seems to be cut off. */
export type ReloadOutcome = "ok" | "faulty" | "held";

export type ReloadRefusal = {
  readonly kind: Exclude<ReloadOutcome, "ok">;
  readonly faults: readonly string[];
};

export type ReloadReport = {
  /** The number of connected sites that are closed. */
  readonly connected: number;
  readonly closes: number;
  /** The same in words. */
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

/** Look-ups under way end within their deadline; then their database is closed. */
const RETIRED_GRACE_MS = 500;

/** Applies what the file says now. With any fault in it, everything stays as it was. */
export function reload(
  daemon: Reloadable,
  load: LoadConfig,
  how: ReloadHow = {},
): Result<ReloadReport, ReloadRefusal> {
  const done = judgeAndApply(daemon, load, how);
  if (how.dryRun === true) return done;
  const outcome = done.ok ? "ok" : done.error.kind;
  daemon.reloads.set(outcome, (daemon.reloads.get(outcome) ?? 0) + 1);
  if (!done.ok) noteRefused(daemon, done.error);
  return done;
}

function judgeAndApply(
  daemon: Reloadable,
  load: LoadConfig,
  { force = false, dryRun = false }: ReloadHow,
): Result<ReloadReport, ReloadRefusal> {
  const { shell } = daemon;
  if (shell === undefined) return refusal("faulty", ["erouted is still starting: try again"]);
  if (daemon.isEnding) return refusal("faulty", ["erouted is ending"]);
  const loaded = load();
  if (!loaded.ok) return refusal("faulty", loaded.error);
  const { config, restart } = takeOver(daemon.config, loaded.value);
  const { tls } = config.status;
  const unfit = tls === undefined ? undefined : tlsFault(tls, wallMs());
  if (unfit !== undefined) return refusal("faulty", [unfit]);
  const preview = daemon.preview(config);
  const held = whyHeld(daemon.config, config, preview);
  const report = {
    connected: preview.connected,
    closes: closesOf(preview),
    reasons: reasonsText(preview),
    gone: goneNames(daemon.config, config),
    held,
    needsRestart: restart,
    warnings: config.warnings.map(warningText),
  };
  if (dryRun) return ok({ ...report, databases: [] });
  if (held.length > 0 && !force) return refusal("held", held);
  const changed = changedDatabases(daemon.config.databases, config.databases);
  const opened = openAll(changed);
  if (!opened.ok) return refusal("faulty", opened.error);
  const databases = apply(daemon, config, { shell, opened: opened.value });
  noteDone(daemon, { ...report, databases });
  return ok({ ...report, databases });
}

type Applying = { readonly shell: Shell; readonly opened: readonly Opened[] };

/** What happened to the databases, in words. */
function apply(daemon: Reloadable, config: Config, { shell, opened }: Applying): readonly string[] {
  const former = daemon.config.plan;
  daemon.config = config;
  daemon.log.configure(config.log);
  const words = swapDatabases(daemon, opened, config);
  shell.feed({ kind: "configuration", plan: config.plan });
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
  const detail = `needs a restart, and stays unchanged until then: ${needsRestart.join(", ")}`;
  note({ level: "warning", reason: "needs-restart", detail });
}

type ChangedDatabase = { readonly settings: DatabaseSettings; readonly isNew: boolean };

function changedDatabases(
  running: readonly DatabaseSettings[],
  next: readonly DatabaseSettings[],
): readonly ChangedDatabase[] {
  const before = new Map(running.map((settings) => [settings.egroup, settings]));
  return next
    .filter((settings) => !equalValues(settings, before.get(settings.egroup)))
    .map((settings) => ({ settings, isNew: !before.has(settings.egroup) }));
}

type Opened = ChangedDatabase & { readonly repository: PeerRepository };

/** All of them, or none and why not. Nothing is connected yet: a database may be down. */
function openAll(
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
  for (const { repository } of opened) void repository.close().catch(() => undefined);
  return err(faults);
}

/** From now on look-ups use the new ones; those under way end where they began. */
function swapDatabases(
  daemon: Reloadable,
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

function retire(daemon: Reloadable, repository: PeerRepository, lookupMs: number): void {
  daemon.retired.add(repository);
  const close = () => {
    daemon.retired.delete(repository);
    void repository.close().catch(() => undefined);
  };
  setTimeout(close, lookupMs + RETIRED_GRACE_MS).unref();
}
