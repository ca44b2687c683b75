/** Where a pre-shared key or a PPK comes from: a file, standard input, or generated here. */

import type { Config } from "../../config/config.ts";
import type { PasswordFormat } from "../../eroute/psk.ts";
import { err, ok, type Result } from "../../octets/result.ts";
import { readText } from "../configuration.ts";
import { stdinText, type Terminal } from "../terminal.ts";
import { generatePasswordFor, generatePpk } from "./generated-password.ts";

export type KeyOptions = {
  readonly passwordFile?: string;
  readonly passwordStdin?: true;
  readonly generate?: true;
  readonly ppkFile?: string;
  /** With `generate`: a PPK, too. */
  readonly ppk?: true;
  /** Not accepted: exists only to say why. */
  readonly password?: string;
};

/** Options that contradict each other, or would show a key to other users; undefined: none. */
export function keyMisuse(options: KeyOptions): string | undefined {
  if (options.password !== undefined) {
    return (
      "a key on the command line can be read by every user in the process list; use " +
      "--password-file, --password-stdin or --generate, and change this key if it is in use"
    );
  }
  if (options.ppk === true && options.generate !== true) {
    return "--ppk generates a PPK and needs --generate; otherwise use --ppk-file FILE";
  }
  if (options.ppk === true && options.ppkFile !== undefined)
    return "give --ppk or --ppk-file FILE, not both";
  return keySources(options) > 1 ? KEY_MISSING : undefined;
}

export const KEY_MISSING =
  "give the pre-shared key with one of --password-file FILE, --password-stdin, --generate";

/** How the rows of a table write passwords. */
export function passwordFormatOf({ plan }: Pick<Config, "plan">, egroup: string): PasswordFormat {
  return plan.egroups.find(({ name }) => name === egroup)?.passwordFormat ?? "auto";
}

/** How many of the ways to give a key are used. */
export function keySources({ passwordFile, passwordStdin, generate }: KeyOptions): number {
  return [passwordFile, passwordStdin, generate].filter((source) => source !== undefined).length;
}

/** The pre-shared key; empty if none is given. */
export async function passwordOf(
  options: KeyOptions,
  format: PasswordFormat,
  terminal: Terminal,
): Promise<Result<string, string>> {
  if (keySources(options) === 0) return ok("");
  if (options.generate === true) return ok(generatePasswordFor(format));
  if (options.passwordFile === undefined) {
    const text = await stdinText(terminal, PASSWORD_OCTETS_MAX);
    return oneLine(text, "standard input");
  }
  return keyOfFile(options.passwordFile);
}

/** Undefined: the site gets no PPK. */
export function ppkTextOf({ ppk, ppkFile }: KeyOptions): Result<string | undefined, string> {
  if (ppk === true) return ok(generatePpk());
  return ppkFile === undefined ? ok(undefined) : keyOfFile(ppkFile);
}

function keyOfFile(file: string): Result<string, string> {
  const text = readText(file);
  if (!text.ok) return err(`${file}: ${text.error}`);
  const isShort = Buffer.byteLength(text.value) <= PASSWORD_OCTETS_MAX;
  return oneLine(isShort ? text.value : undefined, file);
}

/** The key without the line feed that editors and `echo` add. */
function oneLine(text: string | undefined, from: string): Result<string, string> {
  if (text === undefined) return err(`${from}: more than ${PASSWORD_OCTETS_MAX} octets`);
  const key = text.replace(/\r?\n$/, "");
  if (key === "") return err(`${from}: contains no key`);
  if (/[\r\n]/.test(key)) return err(`${from}: contains more than one line`);
  return ok(key);
}

const PASSWORD_OCTETS_MAX = 4096;
