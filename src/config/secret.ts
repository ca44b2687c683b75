/**
 * Secrets of a configuration: from a file or the environment, never from the configuration file
 * itself.
 */

import type { Check } from "./check.ts";
import { type KeyPath, quoted } from "./fault.ts";

/** The two keys of one secret, and their values. */
export type SecretKeys = {
  /** The table that contains the keys. */
  readonly path: KeyPath;
  /** `password` for password_file and password_env. */
  readonly word: "password" | "ppk" | "token" | "operate_token";
  readonly file: string | undefined;
  readonly env: string | undefined;
};

/** The secret, without the line break at its end; undefined if none is named, or after a fault. */
export function secretOf(check: Check, keys: SecretKeys): string | undefined {
  const filePath = [...keys.path, `${keys.word}_file`];
  const envPath = [...keys.path, `${keys.word}_env`];
  if (keys.file !== undefined && keys.env !== undefined) {
    check.fault(envPath, `is set beside ${keys.word}_file`, "one of the two");
    return undefined;
  }
  if (keys.file !== undefined) return secretOfFile(check, filePath, keys.file);
  if (keys.env === undefined) return undefined;
  const value = check.files.env(keys.env);
  if (value === undefined) {
    check.fault(envPath, `names the environment variable ${quoted(keys.env)}, which is not set`);
    return undefined;
  }
  return oneLine(check, envPath, value);
}

/** The text of a file, as it is; undefined, with a fault, if it cannot be read. */
export function fileText(check: Check, path: KeyPath, file: string): string | undefined {
  const text = check.files.readSecret(file);
  if (text.ok) return text.value;
  check.fault(path, `is ${quoted(file)}: ${text.error}`, "a file that can be read");
  return undefined;
}

function secretOfFile(check: Check, path: KeyPath, file: string): string | undefined {
  const text = fileText(check, path, file);
  return text === undefined ? undefined : oneLine(check, path, text);
}

/**
 * Editors and `echo` end a line; a second line is more likely a mistake than part of the secret.
 */
function oneLine(check: Check, path: KeyPath, text: string): string | undefined {
  const secret = text.replace(/[\r\n]+$/, "");
  if (secret === "") check.fault(path, "names an empty secret");
  else if (/[\r\n\0]/.test(secret)) check.fault(path, "names a secret of more than one line");
  else return secret;
  return undefined;
}
