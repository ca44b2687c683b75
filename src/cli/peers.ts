/** `erouted peers init|list|remove`: the table of sites of an egroup. */

import { type DatabaseSettings, describeDatabase } from "../eroute/database.ts";
import type { PeerRow } from "../eroute/row.ts";
import { err, ok, type Result } from "../octets/result.ts";
import { openPeers } from "../peers/open.ts";
import type { PeerRepository } from "../peers/repository.ts";
import { chooseDatabase, loadConfig } from "./configuration.ts";
import { columnWidths, tableLine } from "./table.ts";
import { EXIT, type ExitCode, failure, type Terminal } from "./terminal.ts";

export type PeersOptions = { readonly config: string; readonly egroup?: string };

/** Creates the table; a table that is there is left as it is. */
export function initPeers(options: PeersOptions, terminal: Terminal): Promise<ExitCode> {
  return withPeers(options, terminal, async (peers, settings) => {
    const done = await peers.init();
    if (!done.ok) return failure(terminal, done.error.detail);
    const said = done.value === "created" ? "created" : "is there already";
    terminal.out(`${describeDatabase(settings)}: ${said}`);
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
    let after: string | undefined;
    for (;;) {
      const page = await peers.list(after, PAGE_ROWS);
      if (!page.ok) return failure(terminal, page.error.detail);
      print(page.value);
      const last = page.value.at(-1)?.peerid;
      if (last === undefined || last === after || page.value.length < PAGE_ROWS) return EXIT.ok;
      after = last;
    }
  });
}

/** Removes one row; 1 if there was none. */
export function removePeer(
  options: PeersOptions & { readonly peerid: string },
  terminal: Terminal,
): Promise<ExitCode> {
  return withPeers(options, terminal, async (peers, settings) => {
    const done = await peers.remove(options.peerid);
    if (!done.ok) return failure(terminal, done.error.detail);
    const where = describeDatabase(settings);
    if (!done.value) return failure(terminal, `${where}: there is no row for ${options.peerid}`);
    terminal.out(`${where}: removed ${options.peerid}`);
    return EXIT.ok;
  });
}

async function withPeers(
  options: PeersOptions,
  terminal: Terminal,
  work: (peers: PeerRepository, settings: DatabaseSettings) => Promise<ExitCode>,
): Promise<ExitCode> {
  const settings = settingsOf(options, terminal);
  if (!settings.ok) return settings.error;
  const opened = openPeers(settings.value);
  if (!opened.ok) return failure(terminal, opened.error.detail);
  try {
    return await work(opened.value, settings.value);
  } finally {
    await opened.value.close();
  }
}

function settingsOf(options: PeersOptions, terminal: Terminal): Result<DatabaseSettings, ExitCode> {
  const config = loadConfig(options.config, terminal);
  if (!config.ok) return err(config.error);
  const settings = chooseDatabase(config.value, options.egroup, terminal);
  return settings.ok ? ok(settings.value) : settings;
}

/** Rows without their passwords: whether there is one is all that is told. */
function jsonPrinter(terminal: Terminal): (rows: readonly PeerRow[]) => void {
  return (rows) => {
    for (const { password, ...row } of rows) {
      terminal.out(JSON.stringify({ ...row, has_password: password !== null && password !== "" }));
    }
  };
}

function tablePrinter(terminal: Terminal): (rows: readonly PeerRow[]) => void {
  let widths: readonly number[] | undefined;
  return (rows) => {
    const lines = rows.map(cellsOf);
    if (widths === undefined) {
      widths = columnWidths([HEADINGS, ...lines]);
      terminal.out(tableLine(HEADINGS, widths));
    }
    for (const line of lines) terminal.out(tableLine(line, widths));
  };
}

function cellsOf(row: PeerRow): readonly string[] {
  const { peerid, password, remip, remmsk, peerip, bakpeerip, ourid } = row;
  const key = password === null || password === "" ? "MISSING" : "set";
  return [peerid, key, ...[remip, remmsk, peerip, bakpeerip, ourid].map((cell) => cell ?? "")];
}

const HEADINGS = ["PEERID", "PASSWORD", "REMIP", "REMMSK", "PEERIP", "BAKPEERIP", "OURID"];
const PAGE_ROWS = 500;
