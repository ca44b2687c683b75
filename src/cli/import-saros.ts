/** `erouted import saros`: converts the old router's configuration to erouted's, with a report. */

import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { readConfig } from "../config/config.ts";
import { formatFault } from "../config/fault.ts";
import { handOver } from "../daemon/file-owner.ts";
import { err, ok, type Result } from "../octets/result.ts";
import { counted } from "./amounts.ts";
import { readOctets, readText } from "./configuration.ts";
import { decodeSaros, type Encoding } from "./saros/encoding.ts";
import type { Note } from "./saros/settings.ts";
import { type Translation, translateSaros } from "./saros/translate.ts";
import { EXIT, type ExitCode, failure, printable, type Terminal } from "./terminal.ts";

export type ImportOptions = {
  readonly file: string;
  readonly output?: string;
  readonly report?: string;
  readonly secrets?: string;
  readonly json?: true;
};

/** Returns 1 if the file cannot be read or understood; then nothing is written. */
export async function importSaros(options: ImportOptions, terminal: Terminal): Promise<ExitCode> {
  const { file } = options;
  const octets = await octetsOf(file, terminal);
  if (!octets.ok) return failure(terminal, printable(`${file}: ${octets.error}`));
  const { text, encoding } = decodeSaros(octets.value);
  const secretsFolder = options.secrets === undefined ? undefined : resolve(options.secrets);
  const translated = translateSaros(text, { secretsFolder, encoding });
  if ("faults" in translated) {
    for (const { line, what } of translated.faults) {
      terminal.err(printable(`${file}:${line}: ${what}`));
    }
    return EXIT.failed;
  }
  const report = reportOf(translated, file, encoding).map(printable);
  const written = writeAll(translated, options, report);
  if (!written.ok) return failure(terminal, printable(written.error));
  if (options.json === true) {
    const { toml, notes, others } = translated;
    const answer = { toml, lines: notes, left_out: Object.fromEntries(others) };
    terminal.out(JSON.stringify(answer, undefined, 2));
    return sayFaults(translated, options, terminal);
  }
  if (outputFile(options) === undefined) terminal.out(translated.toml.trimEnd());
  if (options.report === undefined) for (const line of report) terminal.err(line);
  return sayFaults(translated, options, terminal);
}

/** Thousands of eroutes, of some 20 lines each. */
const FILE_OCTETS_MAX = 16 * 1024 * 1024;

async function octetsOf(file: string, terminal: Terminal): Promise<Result<Uint8Array, string>> {
  if (file !== "-") return readOctets(file, FILE_OCTETS_MAX);
  const octets = await terminal.stdin(FILE_OCTETS_MAX);
  return octets === undefined ? err(`has more than ${FILE_OCTETS_MAX} octets`) : ok(octets);
}

/** One line for each line about IPsec, followed by a summary. */
function reportOf(
  { notes, others }: Translation,
  file: string,
  encoding: Encoding,
): readonly string[] {
  const of = (kind: Note["kind"]) => notes.filter((note) => note.kind === kind).length;
  const sum =
    `${counted(of("taken"), "line")} taken over, ${of("none")} without a counterpart, ` +
    `${of("to-do")} to be done by hand`;
  return [
    ...(encoding === "UTF-8" ? [] : [`${file}: is read as ${encoding}`]),
    ...notes.map((note) => `${file}:${note.line}: ${WORDS[note.kind]} ${lineOf(note)}`),
    ...[...others].map(
      ([entity, lines]) =>
        `${file}: left out  ${entity}: ${counted(lines, "line")}, not about IPsec`,
    ),
    `${file}: ${sum}`,
  ];
}

const WORDS = { taken: "taken    ", none: "left out ", "to-do": "TO DO    ", wrong: "wrong    " };

function lineOf({ kind, setting, detail }: Note): string {
  return kind === "taken" ? `${setting} -> ${detail}` : `${setting}: ${detail}`;
}

/** Undefined: standard output, which `-` also means. */
function outputFile({ output }: ImportOptions): string | undefined {
  return output === "-" ? undefined : output;
}

/** Secrets first: the configuration names their files. */
function writeAll(
  { secrets, toml }: Translation,
  options: ImportOptions,
  reportLines: readonly string[],
): Result<undefined, string> {
  const { report } = options;
  const output = outputFile(options);
  let at = "";
  try {
    for (const { file, text } of secrets) {
      at = file;
      mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
      writeFileSync(file, `${text}\n`, { mode: 0o600 });
      // Otherwise an existing file would keep its mode.
      chmodSync(file, 0o600);
      handOver(file);
    }
    at = output ?? "";
    if (output !== undefined) writeFileSync(output, toml);
    at = report ?? "";
    if (report !== undefined) writeFileSync(report, `${reportLines.join("\n")}\n`);
    return ok(undefined);
  } catch (fault) {
    return err(`${at}: ${fault instanceof Error ? fault.message : fault}`);
  }
}

/** The result is read as the daemon reads it: a value of the router's may be invalid here. */
function sayFaults({ toml }: Translation, options: ImportOptions, terminal: Terminal): ExitCode {
  const files = {
    readSecret: readText,
    wallMs: Date.now,
    env: (name: string) => process.env[name],
  };
  const config = readConfig(toml, files, outputFile(options) ?? "erouted.toml");
  const faults = config.ok ? config.value.warnings : config.error;
  for (const fault of faults.slice(0, FAULTS_TOLD_MAX)) {
    terminal.err(printable(`${config.ok ? "warning: " : ""}${formatFault(fault)}`));
  }
  const more = faults.length - FAULTS_TOLD_MAX;
  if (more > 0) terminal.err(`and ${more} more: erouted check --offline lists them`);
  return config.ok ? EXIT.ok : EXIT.failed;
}

/** The check lists twenty of each kind, and says how many more there are. */
const FAULTS_TOLD_MAX = 50;
