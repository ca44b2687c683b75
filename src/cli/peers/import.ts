/**
 * `erouted peers import`: adds many rows at once, each checked as it will be when the site calls.
 */

import type { Config } from "../../config/config.ts";
import { type DatabaseSettings, describeDatabase } from "../../eroute/database.ts";
import type { PeerRow } from "../../eroute/row.ts";
import { err, ok, type Result } from "../../octets/result.ts";
import type { PeerChange, PeerRepository } from "../../peers/repository.ts";
import { counted } from "../amounts.ts";
import { readLargeText } from "../configuration.ts";
import { EXIT, type ExitCode, failure, printable, stdinText, type Terminal } from "../terminal.ts";
import { type PlannedImport, type PlannedRow, planImport } from "./import-plan.ts";
import { pagesOf } from "./pages.ts";
import { formatOf, readRows } from "./row-file.ts";
import { type PeersOptions, withPeers } from "./rows.ts";

export type ImportOptions = PeersOptions & {
  /** `-` is standard input. */
  readonly file: string;
  readonly format?: "csv" | "json";
  readonly update?: true;
  readonly generate?: true;
  readonly dryRun?: true;
  readonly json?: true;
  /** Rows may have the subnet of another row. */
  readonly allowOverlap?: true;
};

/**
 * Adds the rows of a file, and with `update` changes existing ones. Nothing is written if any row
 * is refused; rows are written in batches, each of them completely or not at all.
 */
export function importPeers(options: ImportOptions, terminal: Terminal): Promise<ExitCode> {
  return withPeers(options, terminal, async (peers, settings, config) => {
    const { file } = options;
    const read = await readInput(file, terminal);
    if (!read.ok) return failure(terminal, printable(`${file}: ${read.error}`));
    const format = options.format ?? formatOf(file, read.value);
    const rows = readRows(read.value, format, settings.columns);
    if (!rows.ok) return failure(terminal, printable(`${file}: ${rows.error}`));
    const present = await allRows(peers, terminal);
    if (!present.ok) return failure(terminal, present.error);
    const { update, generate, allowOverlap } = options;
    const rules = { config, settings, update, generate, allowOverlap };
    const plan = await planImport(rows.value, present.value, {
      ...rules,
      ...progress(terminal, "checked"),
    });
    if (options.json === true) sayJson(plan, options, terminal);
    else say(plan, options, terminal);
    if (plan.refused.length > 0) {
      const many = counted(plan.refused.length, "row");
      return failure(terminal, printable(`${file}: ${many} refused: nothing has been written`));
    }
    if (options.dryRun === true) return EXIT.ok;
    return await write(peers, plan, { terminal, settings, config });
  });
}

async function readInput(file: string, terminal: Terminal): Promise<Result<string, string>> {
  if (file !== "-") return readLargeText(file, FILE_OCTETS_MAX);
  const text = await stdinText(terminal, FILE_OCTETS_MAX);
  return text === undefined ? err(`has more than ${FILE_OCTETS_MAX} octets`) : ok(text);
}

/** Every existing row, page by page. */
async function allRows(
  peers: PeerRepository,
  terminal: Terminal,
): Promise<Result<readonly PeerRow[], string>> {
  const rows: PeerRow[] = [];
  for await (const page of pagesOf(peers)) {
    if (!page.ok) return err(page.error.detail);
    if (rows.length > 0) terminal.progress?.(`reading the table: ${rows.length} rows`);
    rows.push(...page.value);
    if (rows.length > ROWS_MAX) return err(`the table has more than ${ROWS_MAX} rows`);
  }
  terminal.progress?.(undefined);
  return ok(rows);
}

type Writing = {
  readonly terminal: Terminal;
  readonly settings: DatabaseSettings;
  readonly config: Config;
};

async function write(
  peers: PeerRepository,
  plan: PlannedImport,
  { terminal, settings }: Writing,
): Promise<ExitCode> {
  const changes = plan.rows.flatMap(({ change }): PeerChange[] =>
    change === undefined ? [] : [change],
  );
  const { tick, end } = progress(terminal, "written");
  for (let done = 0; done < changes.length; done += BATCH_ROWS) {
    tick(done, changes.length);
    const written = await peers.write(changes.slice(done, done + BATCH_ROWS));
    if (written.ok) continue;
    end();
    const rest = `${done} of ${counted(changes.length, "row")} written, the rest not`;
    const again = "run the same command with --update to continue";
    return failure(terminal, printable(`${written.error.detail}: ${rest}; ${again}`));
  }
  end();
  terminal.err(`${describeDatabase(settings)}: ${counted(changes.length, "row")} written`);
  return EXIT.ok;
}

/** A bar on a terminal, nothing elsewhere. */
function progress(terminal: Terminal, done: "checked" | "written") {
  return {
    tick: (count: number, total: number) => {
      const filled = Math.round((BAR_LENGTH * count) / Math.max(1, total));
      const bar = "#".repeat(filled).padEnd(BAR_LENGTH, ".");
      terminal.progress?.(`[${bar}] ${count} of ${total} ${done}`);
    },
    end: () => terminal.progress?.(undefined),
  };
}

function say(plan: PlannedImport, options: ImportOptions, terminal: Terminal): void {
  const { file } = options;
  for (const { at, peerid, fault } of plan.refused.slice(0, FAULTS_SHOWN)) {
    const who = peerid === "" ? "" : ` ${peerid}:`;
    terminal.err(printable(`${file}:${at}:${who} ${fault}`));
  }
  const more = plan.refused.length - FAULTS_SHOWN;
  if (more > 0) terminal.err(`and ${more} more`);
  if (options.dryRun === true) {
    for (const row of plan.rows)
      if (row.change !== undefined) terminal.out(printable(wouldBe(row)));
  }
  for (const note of plan.notes.slice(0, FAULTS_SHOWN)) {
    terminal.err(printable(`note: ${file}:${note.at}: ${note.peerid}: ${note.detail}`));
  }
  const { added, changed, unchanged } = plan.counts;
  const counts = [`${added} to add`, `${changed} to change`, `${unchanged} as they are`];
  if (plan.refused.length > 0) counts.push(`${plan.refused.length} refused`);
  terminal.out(printable(`${file}: ${counts.join(", ")}`));
}

function wouldBe({ peerid, change, changed }: PlannedRow): string {
  return change?.kind === "add" ? `add     ${peerid}` : `change  ${peerid}: ${changed.join(", ")}`;
}

function sayJson(plan: PlannedImport, options: ImportOptions, terminal: Terminal): void {
  const rows = plan.rows.filter(({ change }) => change !== undefined);
  const answer = {
    dry_run: options.dryRun === true,
    ...plan.counts,
    refused: plan.refused,
    notes: plan.notes,
    rows: rows.map(({ at, peerid, change, changed }) => ({
      at,
      peerid,
      do: change?.kind,
      changed,
    })),
  };
  terminal.out(JSON.stringify(answer, undefined, 2));
}

const FILE_OCTETS_MAX = 64 * 1024 * 1024;
const ROWS_MAX = 1_000_000;
/** Rows of one transaction: a fraction of a second. */
const BATCH_ROWS = 500;
const FAULTS_SHOWN = 1000;
const BAR_LENGTH = 30;
