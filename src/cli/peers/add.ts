/** `erouted peers add`: one row, checked as it will be checked when the site calls. */

import type { Config } from "../../config/config.ts";
import { type DatabaseSettings, describeDatabase } from "../../eroute/database.ts";
import { needsPsk } from "../../eroute/eroute.ts";
import { matchConfigured } from "../../eroute/match.ts";
import type { PeerRow } from "../../eroute/row.ts";
import { err, ok, type Result } from "../../octets/result.ts";
import { openPeers } from "../../peers/open.ts";
import { chooseDatabase, loadConfig, readText } from "../configuration.ts";
import {
  EXIT,
  type ExitCode,
  failure,
  misuse,
  printable,
  stdinText,
  type Terminal,
} from "../terminal.ts";
import { generatePassword, generatePpk } from "./generated-password.ts";
import { isRefused, type Owner, overlapLine, overlapsInTable } from "./overlaps.ts";
import {
  type RemoteContext,
  type RemoteKind,
  remoteFiles,
  showRemoteConfig,
} from "./remote-config.ts";
import { judgeRows } from "./row-judgement.ts";
import type { PeersOptions } from "./rows.ts";

export type AddOptions = PeersOptions & {
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
  readonly ppkFile?: string;
  /** With `generate`: a PPK too. */
  readonly ppk?: true;
  readonly passwordFile?: string;
  readonly passwordStdin?: true;
  readonly generate?: true;
  readonly allowOverlap?: true;
  readonly json?: true;
  /** Whose configuration is printed, instead of a generated key. */
  readonly print?: RemoteKind;
  /** Where sites reach the concentrator. */
  readonly address?: string;
  /** Not accepted: there to say why. */
  readonly password?: string;
};

/** Adds the row; refuses one that the daemon would refuse. Prints a generated key to stdout. */
export async function addPeer(options: AddOptions, terminal: Terminal): Promise<ExitCode> {
  const { peerid } = options;
  const misused = misuseOf(options);
  if (misused !== undefined) return misuse(terminal, misused);
  if (peerid === undefined) return misuse(terminal, "--peerid <id> is missing");
  const config = loadConfig(options.config, terminal);
  if (!config.ok) return config.error;
  const settings = chooseDatabase(config.value, options.egroup, terminal);
  if (!settings.ok) return settings.error;
  if (sourcesOf(options) === 0 && mustHaveKey(peerid, config.value)) {
    return misuse(terminal, KEY_MISSING);
  }
  const password = await passwordOf(options, terminal);
  if (!password.ok) return failure(terminal, password.error);
  const ppk = ppkTextOf(options);
  if (!ppk.ok) return failure(terminal, ppk.error);
  const row = rowOf({ ...options, peerid }, { password: password.value, ppk: ppk.value });
  // One that is disabled has to be right for the day on which it is not.
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

/** The keys that were made here: nobody else knows them yet. */
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

function misuseOf(options: AddOptions): string | undefined {
  if (options.password !== undefined) {
    return (
      "a key on the command line can be read by every user in the process list; use " +
      "--password-file, --password-stdin or --generate, and change this key if it is in use"
    );
  }
  if (options.ppk === true && options.generate !== true) {
    return "--ppk has a PPK made and stands beside --generate; else use --ppk-file FILE";
  }
  if (options.ppk === true && options.ppkFile !== undefined) return "--ppk or --ppk-file FILE";
  return sourcesOf(options) > 1 ? KEY_MISSING : undefined;
}

const KEY_MISSING =
  "give the pre-shared key by one of --password-file FILE, --password-stdin, --generate";

function sourcesOf({ passwordFile, passwordStdin, generate }: AddOptions): number {
  return [passwordFile, passwordStdin, generate].filter((source) => source !== undefined).length;
}

/** Where both ends have certificates a row does without a key. */
function mustHaveKey(peerid: string, { plan }: Config): boolean {
  const match = matchConfigured(plan, peerid);
  return match.kind !== "base" || needsPsk(match.eroute.auth);
}

async function passwordOf(
  options: AddOptions,
  terminal: Terminal,
): Promise<Result<string, string>> {
  if (sourcesOf(options) === 0) return ok("");
  if (options.generate === true) return ok(generatePassword());
  if (options.passwordFile === undefined) {
    const text = await stdinText(terminal, PASSWORD_OCTETS_MAX);
    return oneLine(text, "standard input");
  }
  return keyOfFile(options.passwordFile);
}

/** Undefined: the site gets no PPK. */
function ppkTextOf({ ppk, ppkFile }: AddOptions): Result<string | undefined, string> {
  if (ppk === true) return ok(generatePpk());
  return ppkFile === undefined ? ok(undefined) : keyOfFile(ppkFile);
}

function keyOfFile(file: string): Result<string, string> {
  const text = readText(file);
  if (!text.ok) return err(`${file}: ${text.error}`);
  const isShort = Buffer.byteLength(text.value) <= PASSWORD_OCTETS_MAX;
  return oneLine(isShort ? text.value : undefined, file);
}

/** The key without the line feed that editors and `echo` put behind it. */
function oneLine(text: string | undefined, from: string): Result<string, string> {
  if (text === undefined) return err(`${from}: more than ${PASSWORD_OCTETS_MAX} octets`);
  const key = text.replace(/\r?\n$/, "");
  if (key === "") return err(`${from}: holds no key`);
  if (/[\r\n]/.test(key)) return err(`${from}: holds more than one line`);
  return ok(key);
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
  };
}

type Inserting = {
  readonly options: AddOptions;
  readonly config: Config;
  readonly settings: DatabaseSettings;
};

/** Writes the row, unless another one keeps its site out. Notes on what others have in common. */
async function insert(
  row: PeerRow,
  owner: Owner | undefined,
  { options, config, settings }: Inserting,
): Promise<Result<readonly string[], string>> {
  const opened = openPeers(settings);
  if (!opened.ok) return err(opened.error.detail);
  const peers = opened.value;
  try {
    const met = owner && (await overlapsInTable(owner, peers, { config, settings }));
    if (met?.ok === false) return met;
    const overlaps = met?.value ?? [];
    const refused = overlaps.find(isRefused);
    if (refused !== undefined && options.allowOverlap !== true && options.disabled !== true) {
      return err(`${row.peerid} ${overlapLine(refused)}; --allow-overlap adds it all the same`);
    }
    const added = await peers.add({ ...row, password: row.password ?? "" });
    return added.ok ? ok(overlaps.map(overlapLine)) : err(added.error.detail);
  } finally {
    await peers.close();
  }
}

const PASSWORD_OCTETS_MAX = 4096;
