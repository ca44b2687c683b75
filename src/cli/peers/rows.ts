/** `erouted peers init|list|remove`: the table of sites of an egroup. */

import type { Config } from "../../config/config.ts";
import { handOverTable } from "../../daemon/file-owner.ts";
import { COLUMNS_OF_FEW, type DatabaseSettings, describeDatabase } from "../../eroute/database.ts";
import type { PeerRow } from "../../eroute/row.ts";
import { openPeers } from "../../peers/open.ts";
import type { PeerRepository } from "../../peers/repository.ts";
import { chooseDatabase, loadConfig } from "../configuration.ts";
import type { AskOptions } from "../daemon-client.ts";
import { type Column, columnWidths, type Style, tableLine, tableLines } from "../table.ts";
import { EXIT, type ExitCode, failure, printable, type Terminal } from "../terminal.ts";
import { pagesOf } from "./pages.ts";
import { actAtOnce } from "./reread-row.ts";

export type PeersOptions = { readonly config: string; readonly egroup?: string };

/** Creates the table; an existing table is left unchanged. */
export function initPeers(
  options: PeersOptions & { readonly json?: true },
  terminal: Terminal,
): Promise<ExitCode> {
  return withPeers(options, terminal, async (peers, settings) => {
    const done = await peers.init();
    if (!done.ok) return failure(terminal, done.error.detail);
    const said = done.value === "created" ? "created" : "exists already";
    const table = describeDatabase(settings);
    const outcome = { table, created: done.value === "created" };
    terminal.out(options.json === true ? JSON.stringify(outcome) : `${table}: ${said}`);
    const command = settings.engine === "sqlite" ? handOverTable(settings.path) : undefined;
    if (command !== undefined) terminal.err(printable(`erouted: ${command}`));
    return EXIT.ok;
  });
}

/** Prints all rows, page by page. */
export function listPeers(
  options: PeersOptions & { readonly json?: true },
  terminal: Terminal,
): Promise<ExitCode> {
  return withPeers(options, terminal, async (peers) => {
    const print = options.json === true ? jsonPrinter(terminal) : tablePrinter(terminal);
    for await (const page of pagesOf(peers)) {
      if (!page.ok) return failure(terminal, page.error.detail);
      print(page.value);
    }
    return EXIT.ok;
  });
}

/** Removes one row, and makes a running daemon close its site; 1 if there was none. */
export function removePeer(
  options: PeersOptions & AskOptions & { readonly peerid: string; readonly json?: true },
  terminal: Terminal,
): Promise<ExitCode> {
  return withPeers(options, terminal, async (peers, settings, config) => {
    const done = await peers.remove(options.peerid);
    if (!done.ok) return failure(terminal, done.error.detail);
    const where = describeDatabase(settings);
    if (!done.value) return failure(terminal, `${where}: there is no row for ${options.peerid}`);
    const { peerid } = options;
    const acted = await actAtOnce(options, { config, egroup: settings.egroup, peerid }, terminal);
    const outcome = { table: where, peerid, removed: true, ...acted };
    if (options.json === true) terminal.out(JSON.stringify(outcome));
    else {
      terminal.out(printable(`${where}: removed ${peerid}`));
      terminal.err(printable(acted.detail));
    }
    return EXIT.ok;
  });
}

/** Opens the egroup's table for some work. */
export async function withPeers(
  options: PeersOptions,
  terminal: Terminal,
  work: (peers: PeerRepository, settings: DatabaseSettings, config: Config) => Promise<ExitCode>,
): Promise<ExitCode> {
  const config = loadConfig(options.config, terminal);
  if (!config.ok) return config.error;
  const settings = chooseDatabase(config.value, options.egroup, terminal);
  if (!settings.ok) return settings.error;
  const opened = openPeers(settings.value);
  if (!opened.ok) return failure(terminal, opened.error.detail);
  try {
    return await work(opened.value, settings.value, config.value);
  } finally {
    await opened.value.close();
  }
}

/** A row for people: shows only whether it has keys. */
export function withoutKeys({ password, ppk, ...row }: PeerRow) {
  const hasText = (text: string | null | undefined) => (text ?? "") !== "";
  return { ...row, has_password: hasText(password), has_ppk: hasText(ppk) };
}

function jsonPrinter(terminal: Terminal): (rows: readonly PeerRow[]) => void {
  return (rows) => {
    for (const row of rows) terminal.out(JSON.stringify(withoutKeys(row)));
  };
}

/**
 * Columns that few tables have are shown if a row of the first page has a value in them. On a
 * terminal each page is fitted to its width; elsewhere all pages have the columns of the first.
 */
function tablePrinter(terminal: Terminal): (rows: readonly PeerRow[]) => void {
  const { columns: width, screen } = terminal;
  let columns: readonly (Column & { readonly key: ShownKey })[] | undefined;
  let widths: readonly number[] | undefined;
  return (rows) => {
    const isFirst = columns === undefined;
    if (columns === undefined) {
      const isUsed = (key: ShownKey) => rows.some((row) => !EMPTY.has(row[key] ?? ""));
      const keys = [...OF_ALL, ...OF_FEW.filter(isUsed)];
      columns = keys.map((key) => ({ key, heading: key.toUpperCase(), ...placeOf(key) }));
    }
    const shown = columns;
    const lines = rows.map((row) => shown.map(({ key }) => cellOf(row, key)));
    if (width !== undefined) {
      const table = tableLines(shown, lines, { width, screen, styleOf: styleOfCell });
      for (const line of table.slice(isFirst ? 0 : 1)) terminal.out(line);
      return;
    }
    const headings = shown.map(({ heading }) => heading);
    widths ??= columnWidths([headings, ...lines]);
    if (isFirst) terminal.out(tableLine(headings, widths));
    for (const line of lines) terminal.out(tableLine(line, widths));
  };
}

function styleOfCell(cell: string): Style | undefined {
  return cell === "MISSING" ? "bad" : undefined;
}

/** What is left out first if there is no room, and what is shortened. */
function placeOf(key: ShownKey): Pick<Column, "rank" | "cut"> {
  if (key === "peerid") return { rank: 0, cut: true };
  if (key === "remip") return { rank: 1, cut: true };
  if (key === "remmsk" || key === "password") return { rank: 2 };
  return { rank: 3, cut: true };
}

type ShownKey = keyof PeerRow;

function cellOf(row: PeerRow, key: ShownKey): string {
  const value = row[key] ?? "";
  if (key === "ppk") return value === "" ? "" : "set";
  if (key !== "password") return value;
  return value === "" ? "MISSING" : "set";
}

const OF_ALL: readonly ShownKey[] = [
  "peerid",
  "password",
  "remip",
  "remmsk",
  "peerip",
  "bakpeerip",
  "ourid",
];
const OF_FEW = COLUMNS_OF_FEW.filter((key) => key !== "changed");
const EMPTY: ReadonlySet<string> = new Set(["", "0"]);
