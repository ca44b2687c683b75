/** On record in the runtime folder: which prefix lengths for the hash of policies we have set. */

import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Family, familyBits } from "../inet/address.ts";

/** Remote prefix lengths by family: what is in force, or may be. */
export type HashRecord = Readonly<Record<Family, readonly number[]>>;

/** What cannot be read says nothing; neither does it where there is no folder. */
export function readHashRecord(folder: string | undefined): HashRecord {
  if (folder === undefined) return NOTHING;
  try {
    const value: unknown = JSON.parse(readFileSync(join(folder, NAME), "utf8"));
    return { 4: lengthsIn(value, 4), 6: lengthsIn(value, 6) };
  } catch {
    return NOTHING;
  }
}

/** Faults are returned as text. */
export function writeHashRecord(
  folder: string | undefined,
  record: HashRecord,
): string | undefined {
  if (folder === undefined) return undefined;
  const file = join(folder, NAME);
  try {
    writeFileSync(`${file}.new`, JSON.stringify(record), { mode: 0o600 });
    renameSync(`${file}.new`, file);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** Nothing of ours is in force any more. */
export function removeHashRecord(folder: string): void {
  rmSync(join(folder, NAME), { force: true });
}

function lengthsIn(record: unknown, family: Family): readonly number[] {
  const list: unknown = Reflect.get(Object(record), family);
  const isLength = (one: unknown) =>
    typeof one === "number" && Number.isInteger(one) && one > 0 && one <= familyBits(family);
  return Array.isArray(list) ? list.filter(isLength) : [];
}

const NOTHING: HashRecord = { 4: [], 6: [] };
const NAME = "policy-hash.json";
