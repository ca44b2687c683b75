/** Writes secrets of the old router to files, if a folder for them was given. */

import { type Encoding, secretOfKey } from "./encoding.ts";
import { type Fate, taken, toDo } from "./settings.ts";

export type Secret = { readonly file: string; readonly text: string };

export type Vault = {
  readonly secrets: readonly Secret[];
  /** The file that holds a password unchanged; undefined if none may be written. */
  putPassword(name: string, password: string): string | undefined;
  /** The file that holds a pre-shared key, in the notation of erouted. */
  putKey(name: string, key: string): string | undefined;
};

/** For a file in this encoding; without a folder nothing is stored. */
export function createVault(folder: string | undefined, encoding: Encoding): Vault {
  const secrets: Secret[] = [];
  const put = (name: string, text: string) => {
    if (folder === undefined) return undefined;
    const file = `${folder}/${name}.secret`;
    secrets.push({ file, text });
    return file;
  };
  return {
    secrets,
    putPassword: put,
    putKey: (name, key) => put(name, secretOfKey(key, encoding)),
  };
}

/** What became of the line with this secret. */
export function fateOfSecret(file: string | undefined): Fate {
  return file === undefined ? toDo("put it into the file of password_file") : taken(`file ${file}`);
}
