/** Reads the configuration file for a command, and reports what is wrong with it. */

import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { type Config, readConfig } from "../config/config.ts";
import { formatFault } from "../config/fault.ts";
import { readStatusAlone, type StatusAlone } from "../config/status-alone.ts";
import { howToLetRead } from "../daemon/file-owner.ts";
import type { DatabaseSettings } from "../eroute/database.ts";
import { nearestText } from "../eroute/nearest.ts";
import { err, ok, type Result } from "../octets/result.ts";
import { wipe } from "../octets/secret.ts";
import { EXIT, type ExitCode, misuse, printable, type Terminal } from "./terminal.ts";

/** Where the configuration is unless `--config` says otherwise. */
export const DEFAULT_CONFIG_FILE = "/etc/erouted/erouted.toml";

/** The configuration; otherwise its faults are printed, and the exit code is the error. */
export function loadConfig(file: string, terminal: Terminal): Result<Config, ExitCode> {
  const config = readConfigFile(file);
  if (config.ok) return config;
  for (const fault of config.error) terminal.err(fault);
  return err(EXIT.configuration);
}

/** The configuration, or a line for each fault in the file. */
export function readConfigFile(file: string): Result<Config, readonly string[]> {
  return readConfigWith(file, readLargeText);
}

/**
 * The same for a running daemon: refuses files that would wait for a writer, such as a FIFO or a
 * device. The same holds for all files that the configuration names.
 */
export function rereadConfigFile(file: string): Result<Config, readonly string[]> {
  return readConfigWith(file, readPlainText);
}

type ReadText = (file: string, octetsMax: number) => Result<string, string>;

function readConfigWith(file: string, read: ReadText): Result<Config, readonly string[]> {
  const text = readConfigText(file, read);
  if (!text.ok) return err([text.error]);
  const readSecret = (path: string) => read(path, FILE_OCTETS_MAX);
  const config = readConfig(text.value, { ...FILES, readSecret }, file);
  if (config.ok) return config;
  return err(config.error.map((fault) => printable(formatFault(fault))));
}

/** What the file says about the status server, whatever is wrong with the rest of it. */
export function readStatusOf(file: string): Result<StatusAlone, string> {
  const text = readConfigText(file, readLargeText);
  return text.ok ? ok(readStatusAlone(text.value, FILES, file)) : text;
}

const FILES = {
  readSecret: readText,
  wallMs: Date.now,
  env: (name: string) => process.env[name],
};

function readConfigText(file: string, read: ReadText): Result<string, string> {
  const text = read(file, CONFIG_OCTETS_MAX);
  if (text.ok) return text;
  const other = file === DEFAULT_CONFIG_FILE ? "; name another with --config FILE" : "";
  return err(printable(`${file}: ${text.error}${other}`));
}

/** The database of the egroup: the only one, or the one that is named. */
export function chooseDatabase(
  config: Config,
  egroup: string | undefined,
  terminal: Terminal,
): Result<DatabaseSettings, ExitCode> {
  const names = config.databases.map((settings) => settings.egroup);
  const [only] = config.databases;
  if (only === undefined) {
    terminal.err("the configuration has no [[egroup]], so there is no peer table");
    return err(EXIT.configuration);
  }
  if (egroup === undefined) {
    if (names.length === 1) return ok(only);
    return err(misuse(terminal, `say which with --egroup: ${names.join(", ")}`));
  }
  const named = config.databases.find((settings) => settings.egroup === egroup);
  if (named !== undefined) return ok(named);
  const near = nearestText(egroup, names);
  const hint =
    near === undefined ? `the egroups are: ${names.join(", ")}` : `did you mean ${near}?`;
  return err(misuse(terminal, `there is no egroup ${printable(egroup)}; ${hint}`));
}

/** A file's text, or why it cannot be read, in words that follow the file's name. */
export function readText(file: string): Result<string, string> {
  return readLargeText(file, FILE_OCTETS_MAX);
}

/** The same for at most so many octets. */
export function readLargeText(file: string, octetsMax: number): Result<string, string> {
  return textOf(readOctets(file, octetsMax));
}

/** The same for a regular file only; never waits. */
function readPlainText(file: string, octetsMax: number): Result<string, string> {
  return textOf(
    readWith(file, constants.O_RDONLY | constants.O_NONBLOCK, (opened) => {
      const status = fstatSync(opened);
      if (!status.isFile()) return err("is not a regular file");
      // Before anything of it is read.
      if (status.size > octetsMax) return err(tooLong(octetsMax));
      return readUpToMax(opened, octetsMax);
    }),
  );
}

function textOf(octets: Result<Uint8Array, string>): Result<string, string> {
  if (!octets.ok) return octets;
  const { buffer, byteOffset, length } = octets.value;
  const text = Buffer.from(buffer, byteOffset, length).toString("utf8");
  wipe(octets.value);
  return ok(text);
}

/** A file's octets, up to so many. */
export function readOctets(file: string, octetsMax: number): Result<Uint8Array, string> {
  return readWith(file, constants.O_RDONLY, (opened) => readUpToMax(opened, octetsMax));
}

function readWith(
  file: string,
  flags: number,
  read: (opened: number) => Result<Uint8Array, string>,
): Result<Uint8Array, string> {
  let opened: number | undefined;
  try {
    opened = openSync(file, flags);
    return read(opened);
  } catch (error) {
    const { code } = error as { code?: unknown };
    if (code === "EACCES") return err(`no permission to read it${howToLetRead(file)}`);
    return err(READ_FAULTS[String(code)] ?? `cannot be read (${code})`);
  } finally {
    if (opened !== undefined) closeSync(opened);
  }
}

function tooLong(octetsMax: number): string {
  return `has more than ${octetsMax} octets`;
}

/** Reads pieces until the end: a pipe (`<(command)`) or device does not know its size. */
function readUpToMax(opened: number, octetsMax: number): Result<Uint8Array, string> {
  let octets = new Uint8Array(FIRST_OCTETS);
  let length = 0;
  for (;;) {
    const read = readSync(opened, octets, length, octets.length - length, null);
    length += read;
    if (length > octetsMax) return err(tooLong(octetsMax));
    if (read === 0) return ok(octets.subarray(0, length));
    if (length < octets.length) continue;
    const longer = new Uint8Array(2 * octets.length);
    longer.set(octets);
    wipe(octets);
    octets = longer;
  }
}

/** Large enough for a secret, or most configurations, in one piece. */
const FIRST_OCTETS = 16 * 1024;

const FILE_OCTETS_MAX = 1024 * 1024;

/** Thousands of eroutes, if somebody configures them all in the file. */
const CONFIG_OCTETS_MAX = 16 * 1024 * 1024;

const READ_FAULTS: Readonly<Partial<Record<string, string>>> = {
  ENOENT: "there is no such file",
  EISDIR: "is a folder",
  ELOOP: "is a link that leads back to itself",
};
