/** `erouted peers add`: adds one row, checked as it will be checked when the site calls. */

import type { Config } from "../../config/config.ts";
import { matchConfigured } from "../../eroute/configured-match.ts";
import { type DatabaseSettings, describeDatabase } from "../../eroute/database.ts";
import { needsPsk } from "../../eroute/eroute.ts";
import type { PeerRow } from "../../eroute/row.ts";
import { err, ok, type Result } from "../../octets/result.ts";
import { openPeers } from "../../peers/open.ts";
import { chooseDatabase, loadConfig } from "../configuration.ts";
import { EXIT, type ExitCode, failure, misuse, printable, type Terminal } from "../terminal.ts";
import {
  KEY_MISSING,
  type KeyOptions,
  keyMisuse,
  keySources,
  passwordFormatOf,
  passwordOf,
  ppkTextOf,
} from "./key-source.ts";
import { isRefused, type Owner, overlapLine, overlapsInTable } from "./overlaps.ts";
import {
  type RemoteContext,
  type RemoteKind,
  remoteFiles,
  showRemoteConfig,
} from "./remote-config.ts";
import { judgeRows } from "./row-judgement.ts";
import type { PeersOptions } from "./rows.ts";
import { SharedKeys } from "./shared-keys.ts";

export type AddOptions = PeersOptions &
  KeyOptions & {
    readonly peerid?: string;
    readonly remip?: string;
    readonly remmsk?: string;
    readonly peerip?: string;
    readonly bakpeerip?: string;
    readonly ourid?: string;
    readonly locip?: string;
    readonly disabled?: true;
    readonly lifetime?: string;
    readonly inactivity?: string;
    readonly ifId?: string;
    readonly ppkId?: string;
    readonly postQuantum?: true;
    readonly allowOverlap?: true;
    readonly json?: true;
    /** The router whose configuration is printed, instead of the generated key. */
    readonly print?: RemoteKind;
    /** Where sites reach the concentrator. */
    readonly address?: string;
  };

/** Adds the row; refuses one that the daemon would refuse. Prints a generated key to stdout. */
export async function addPeer(options: AddOptions, terminal: Terminal): Promise<ExitCode> {
  const { peerid } = options;
  const misused = keyMisuse(options);
  if (misused !== undefined) return misuse(terminal, misused);
  if (peerid === undefined) return misuse(terminal, "--peerid <id> is missing");
  const config = loadConfig(options.config, terminal);
  if (!config.ok) return config.error;
  const settings = chooseDatabase(config.value, options.egroup, terminal);
  if (!settings.ok) return settings.error;
  if (keySources(options) === 0 && mustHaveKey(peerid, config.value)) {
    return misuse(terminal, KEY_MISSING);
  }
  const format = passwordFormatOf(config.value, settings.value.egroup);
  const password = await passwordOf(options, format, terminal);
  if (!password.ok) return failure(terminal, password.error);
  const ppk = ppkTextOf(options);
  if (!ppk.ok) return failure(terminal, ppk.error);
  const row = rowOf({ ...options, peerid }, { password: password.value, ppk: ppk.value });
  // A disabled row has to be valid for the day on which it is enabled.
  const judged = judgeRows(peerid, [{ ...row, disabled: null }], config.value, settings.value);
  if (judged.kind === "faulty") return failure(terminal, printable(judged.detail));
  const remote = remoteOf(options, config.value, settings.value);
  const files = remote === undefined ? undefined : remoteFiles([row], remote);
  if (files?.ok === false) return failure(terminal, printable(files.error));
  const owner = judged.kind === "right" ? { peerid, claim: judged.claim } : undefined;
  const added = await insert(row, owner, {
    options,
    config: config.value,
    settings: settings.value,
  });
  if (!added.ok) return failure(terminal, printable(added.error));
  const notes = [...(judged.kind === "right" ? judged.notes : []), ...added.value];
  const table = describeDatabase(settings.value);
  if (options.json === true) {
    const shown = files === undefined ? {} : { files: files.value };
    const keys = generatedOf(options, row);
    terminal.out(JSON.stringify({ table, peerid, ...keys, notes, ...shown }, undefined, 2));
    return EXIT.ok;
  }
  terminal.err(`${table}: added ${printable(peerid)}`);
  for (const note of notes) terminal.err(`note: ${note}`);
  if (remote !== undefined) return showRemoteConfig([row], remote, terminal);
  for (const key of Object.values(generatedOf(options, row))) terminal.out(key);
  return EXIT.ok;
}

/** The keys that were made here: they are not known anywhere else yet. */
function generatedOf(
  { generate, ppk }: AddOptions,
  row: PeerRow,
): Readonly<Record<string, string>> {
  if (generate !== true) return {};
  return { password: row.password ?? "", ...(ppk === true ? { ppk: row.ppk ?? "" } : {}) };
}

function remoteOf(
  { print, address }: AddOptions,
  config: Config,
  settings: DatabaseSettings,
): RemoteContext | undefined {
  if (print === undefined) return undefined;
  return { for: print, config, settings, ...(address === undefined ? {} : { address }) };
}

/** If both ends have certificates, a row needs no key. */
function mustHaveKey(peerid: string, { plan }: Config): boolean {
  const match = matchConfigured(plan, peerid);
  return match.kind !== "base" || needsPsk(match.eroute.auth);
}

type RowKeys = { readonly password: string; readonly ppk: string | undefined };

function rowOf(options: AddOptions & { readonly peerid: string }, keys: RowKeys): PeerRow {
  return {
    peerid: options.peerid,
    password: keys.password,
    remip: options.remip ?? null,
    remmsk: options.remmsk ?? null,
    peerip: options.peerip ?? null,
    bakpeerip: options.bakpeerip ?? null,
    ourid: options.ourid ?? null,
    locip: options.locip ?? null,
    disabled: options.disabled === true ? "1" : null,
    lifetime: options.lifetime ?? null,
    inactivity: options.inactivity ?? null,
    if_id: options.ifId ?? null,
    ppk: keys.ppk ?? null,
    ppk_id: options.ppkId ?? null,
    post_quantum: options.postQuantum === true ? "1" : null,
  };
}

type Inserting = {
  readonly options: AddOptions;
  readonly config: Config;
  readonly settings: DatabaseSettings;
};

/**
 * Writes the row, unless another one keeps its site out. Notes what it has in common with others.
 */
async function insert(
  row: PeerRow,
  owner: Owner | undefined,
  { options, config, settings }: Inserting,
): Promise<Result<readonly string[], string>> {
  const opened = openPeers(settings);
  if (!opened.ok) return err(opened.error.detail);
  const peers = opened.value;
  try {
    const keys = new SharedKeys();
    keys.add(row);
    const context = { config, settings };
    const met = owner && (await overlapsInTable(owner, peers, context, (one) => keys.add(one)));
    if (met?.ok === false) return met;
    const overlaps = met?.value ?? [];
    const refused = overlaps.find(isRefused);
    if (refused !== undefined && options.allowOverlap !== true && options.disabled !== true) {
      return err(`${row.peerid} ${overlapLine(refused)}; --allow-overlap adds it anyway`);
    }
    const added = await peers.add({ ...row, password: row.password ?? "" });
    const shared = keys.noteOf(row) ?? [];
    return added.ok ? ok(overlaps.map(overlapLine).concat(shared)) : err(added.error.detail);
  } finally {
    await peers.close();
  }
}
