/** `erouted peers set|disable|enable`: changes one row, checked as `add` checks a new one. */

import { describeDatabase } from "../../eroute/database.ts";
import { nearestText } from "../../eroute/nearest.ts";
import { peerKey } from "../../eroute/peer-id.ts";
import type { PasswordFormat } from "../../eroute/psk.ts";
import type { PeerRow } from "../../eroute/row.ts";
import { err, ok, type Result } from "../../octets/result.ts";
import type { PeerRepository } from "../../peers/repository.ts";
import type { AskOptions } from "../daemon-client.ts";
import { EXIT, type ExitCode, failure, misuse, printable, type Terminal } from "../terminal.ts";
import {
  type KeyOptions,
  keyMisuse,
  keySources,
  passwordFormatOf,
  passwordOf,
  ppkTextOf,
} from "./key-source.ts";
import { isRefused, overlapLine, overlapsInTable, type TableContext } from "./overlaps.ts";
import { actAtOnce } from "./reread-row.ts";
import { ROW_KEYS, type RowKey } from "./row-file.ts";
import { judgeRows } from "./row-judgement.ts";
import { type PeersOptions, withPeers } from "./rows.ts";
import { SharedKeys } from "./shared-keys.ts";

export type ChangeOptions = PeersOptions &
  AskOptions & { readonly peerid: string; readonly json?: true };

export type SetOptions = ChangeOptions &
  KeyOptions & {
    /** `peerip=192.0.2.7`; nothing after the sign empties the column. */
    readonly settings: readonly string[];
    readonly allowOverlap?: true;
  };

type Changes = Readonly<Partial<Record<RowKey, string | null>>>;

/** Changes columns of a site's row; refuses what the daemon would refuse. */
export async function setPeer(options: SetOptions, terminal: Terminal): Promise<ExitCode> {
  const misused = keyMisuse(options);
  if (misused !== undefined) return misuse(terminal, misused);
  const read = readSettings(options.settings);
  if (!read.ok) return misuse(terminal, printable(read.error));
  const isEmpty = Object.keys(read.value).length === 0;
  if (isEmpty && keySources(options) === 0 && options.ppkFile === undefined) {
    return misuse(terminal, `nothing to change: give ${SETTABLE.join("=, ")}=, or a key`);
  }
  return change(options, terminal, async (format) => {
    const password = await passwordOf(options, format, terminal);
    if (!password.ok) return password;
    const ppk = ppkTextOf(options);
    if (!ppk.ok) return ppk;
    return ok({
      ...read.value,
      ...(keySources(options) === 0 ? {} : { password: password.value }),
      ...(ppk.value === undefined ? {} : { ppk: ppk.value }),
    });
  });
}

/** Refuses the site until it is enabled again; a running daemon closes it. */
export function disablePeer(options: ChangeOptions, terminal: Terminal): Promise<ExitCode> {
  return change(options, terminal, async () => ok({ disabled: "1" }));
}

/** Lets the site connect again. */
export function enablePeer(options: ChangeOptions, terminal: Terminal): Promise<ExitCode> {
  return change(options, terminal, async () => ok({ disabled: null }));
}

function change(
  options: ChangeOptions & Pick<SetOptions, "allowOverlap" | "generate" | "ppk">,
  terminal: Terminal,
  changesFor: (format: PasswordFormat) => Promise<Result<Changes, string>>,
): Promise<ExitCode> {
  return withPeers(options, terminal, async (peers, settings, config) => {
    const table = describeDatabase(settings);
    const given = await changesFor(passwordFormatOf(config, settings.egroup));
    if (!given.ok) return failure(terminal, printable(given.error));
    const changes = given.value;
    const found = await onlyRow(peers, options.peerid, table);
    if (!found.ok) return failure(terminal, printable(found.error));
    const row = found.value;
    const changed = ROW_KEYS.filter((key) => isChange(row, key, changes));
    const notes = await judge({ ...row, ...changes, peerid: row.peerid }, options, {
      config,
      settings,
      peers,
    });
    if (!notes.ok) return failure(terminal, printable(notes.error));
    if (changed.length > 0) {
      const peer = { ...changes, peerid: row.peerid };
      const written = await peers.write([{ kind: "update", peer }]);
      if (!written.ok) return failure(terminal, printable(written.error.detail));
    }
    const { peerid } = row;
    // Even if the table says so already: a daemon may not have noticed yet.
    const acted = await actAtOnce(options, { config, egroup: settings.egroup, peerid }, terminal);
    const keys = options.generate === true ? generated(changes) : {};
    if (options.json === true) {
      const outcome = { table, peerid, changed, ...keys, notes: notes.value, ...acted };
      terminal.out(JSON.stringify(outcome, undefined, 2));
      return EXIT.ok;
    }
    const what = changed.length === 0 ? "is already so" : `changed ${changed.join(", ")}`;
    terminal.err(printable(`${table}: ${peerid}: ${what}`));
    for (const note of notes.value) terminal.err(printable(`note: ${note}`));
    terminal.err(printable(acted.detail));
    for (const key of Object.values(keys)) terminal.out(key);
    return EXIT.ok;
  });
}

/** The row of this ID; more than one, or none, is a fault. */
async function onlyRow(
  peers: PeerRepository,
  peerid: string,
  table: string,
): Promise<Result<PeerRow, string>> {
  const found = await peers.find({ by: "peerid", peerid });
  if (!found.ok) return err(found.error.detail);
  const [row] = found.value;
  if (row === undefined) return err(`${table}: there is no row for ${peerid}`);
  if (found.value.length === 1) return ok(row);
  return err(`${table}: there are several rows for ${peerid}: remove all but one`);
}

/** What the daemon would make of it: notes, or why it is refused. */
async function judge(
  row: PeerRow,
  options: Pick<SetOptions, "allowOverlap">,
  { config, settings, peers }: TableContext & { readonly peers: PeerRepository },
): Promise<Result<readonly string[], string>> {
  const asIs = judgeRows(row.peerid, [row], config, settings);
  // A disabled row has to be valid for the day on which it is enabled.
  const judged =
    asIs.kind === "disabled"
      ? judgeRows(row.peerid, [{ ...row, disabled: null }], config, settings)
      : asIs;
  if (judged.kind !== "right") return err(judged.detail);
  if (asIs.kind === "disabled") return ok(judged.notes);
  const owner = { peerid: row.peerid, claim: judged.claim };
  const keys = new SharedKeys();
  keys.add(row);
  const context = { config, settings };
  const met = await overlapsInTable(owner, peers, context, (one) => {
    if (peerKey(one.peerid) !== peerKey(row.peerid)) keys.add(one);
  });
  if (!met.ok) return met;
  const refused = met.value.find(isRefused);
  if (refused !== undefined && options.allowOverlap !== true) {
    const how = "--allow-overlap of `peers set` accepts it anyway";
    return err(`${row.peerid} ${overlapLine(refused)}; ${how}`);
  }
  const shared = keys.noteOf(row) ?? [];
  return ok(judged.notes.concat(met.value.map(overlapLine), shared));
}

function isChange(row: PeerRow, key: RowKey, changes: Changes): boolean {
  const value = changes[key];
  if (value === undefined) return false;
  const plain = (text: string | null | undefined) =>
    key === "disabled" && text === "0" ? "" : (text ?? "");
  return plain(row[key]) !== plain(value);
}

function generated({ password, ppk }: Changes): Readonly<Record<string, string>> {
  return { ...(password == null ? {} : { password }), ...(ppk == null ? {} : { ppk }) };
}

/** Columns that a setting may name: keys come from files, and an ID identifies the row. */
const SETTABLE = ROW_KEYS.filter((key) => !["peerid", "password", "ppk"].includes(key));

function readSettings(settings: readonly string[]): Result<Changes, string> {
  const changes: Partial<Record<RowKey, string | null>> = {};
  for (const setting of settings) {
    const sign = setting.indexOf("=");
    const name = sign < 0 ? setting : setting.slice(0, sign);
    const key = SETTABLE.find((known) => known === name);
    if (sign < 0 || key === undefined) return err(settingFault(setting, name, sign));
    if (changes[key] !== undefined) return err(`${key} is given twice`);
    changes[key] = setting.slice(sign + 1) || null;
  }
  return ok(changes);
}

function settingFault(setting: string, name: string, sign: number): string {
  if (name === "password" || name === "ppk") {
    const file = `--${name}-file`;
    return `a key on the command line can be read by every user in the process list; use ${file}`;
  }
  if (name === "peerid") return "peerid cannot be changed: add a row, and remove this one";
  if (sign < 0) return `"${setting}" is not a setting: write NAME=VALUE, such as peerip=192.0.2.7`;
  const nearest = nearestText(name, SETTABLE);
  const meant = nearest === undefined ? `one of ${SETTABLE.join(", ")}` : `perhaps ${nearest}`;
  return `"${name}" is not a column: ${meant}`;
}
