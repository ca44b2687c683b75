/** The rights of the service: those of the user that its systemd unit names. */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Account, accountOf } from "../linux/accounts.ts";

/** Undefined if no unit is installed, or if it runs as root. */
export function serviceAccount(folders: readonly string[] = UNIT_FOLDERS): Account | undefined {
  const name = userOfUnit(folders);
  const account = name === undefined ? undefined : accountOf(name);
  return account?.uid === 0 ? undefined : account;
}

/** `User=` of the unit; among its drop-ins the last one counts. */
function userOfUnit(folders: readonly string[]): string | undefined {
  const units = folders.map((folder) => textOf(join(folder, UNIT)));
  const unit = units.find((text) => text !== undefined);
  if (unit === undefined) return undefined;
  // Of two files with the same name, the one in the first folder counts.
  const dropIns = new Map<string, string>();
  for (const folder of folders) {
    for (const file of filesOf(join(folder, `${UNIT}.d`))) {
      const [name = ""] = file.split("/").slice(-1);
      if (!dropIns.has(name)) dropIns.set(name, textOf(file) ?? "");
    }
  }
  const ordered = [...dropIns].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, text]) => text);
  const users = [unit, ...ordered].flatMap((text) => [...text.matchAll(/^User=(.*)$/gm)]);
  const last = users.at(-1)?.[1]?.trim() ?? "";
  return last === "" ? undefined : last;
}

function filesOf(folder: string): readonly string[] {
  try {
    const names = readdirSync(folder).filter((name) => name.endsWith(".conf"));
    return names.map((name) => join(folder, name));
  } catch {
    return [];
  }
}

function textOf(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}

const UNIT = "erouted.service";

/** Where systemd looks for units, in its order (man 5 systemd.unit). */
const UNIT_FOLDERS = [
  "/etc/systemd/system",
  "/run/systemd/system",
  "/usr/local/lib/systemd/system",
  "/usr/lib/systemd/system",
  "/lib/systemd/system",
];
