/**
 * Which policies the kernel finds by hash: as configured from start to end, then as before. A start
 * also replaces what an earlier run has set and left: it may have had another configuration.
 */

import type { Config } from "../config/config.ts";
import type { Family } from "../inet/address.ts";
import { hashPolicies } from "../linux/policy-hash.ts";
import { formatHashLengths, type HashLengths, UNSET_HASH_LENGTHS } from "../xfrm/policy-hash.ts";
import type { Daemon } from "./daemon.ts";
import { readHashRecord, removeHashRecord, writeHashRecord } from "./hash-record.ts";
import type { RuntimeFolder } from "./runtime-folder.ts";

/** What is configured, and where it is on record what was set. */
type Hashing = {
  readonly config: Pick<Config, "policyHash">;
  readonly folder: Pick<RuntimeFolder, "path"> | undefined;
};

/** Before the first policy: the kernel sorts all of them anew. */
export function hashPoliciesOf(daemon: Hashing & Pick<Daemon, "note">): void {
  const { folder, note } = daemon;
  const record = recordOf(daemon);
  // First, so that the next start knows also what this one does not live to report.
  const fault = writeHashRecord(folder?.path, record);
  if (fault !== undefined) note({ level: "warning", reason: "policy-hash", detail: fault });
  const left = { 4: hash(daemon, 4, record[4]), 6: hash(daemon, 6, record[6]) };
  writeHashRecord(folder?.path, left);
}

/** What somebody else has set in the meantime stays. */
export function unhashPolicies(daemon: Hashing): void {
  const record = recordOf(daemon);
  takeBack(4, record[4]);
  takeBack(6, record[6]);
  if (daemon.folder !== undefined) removeHashRecord(daemon.folder.path);
}

/** What earlier runs have set, and what is configured now. */
function recordOf({ config: { policyHash }, folder }: Hashing) {
  const before = readHashRecord(folder?.path);
  const all = (family: Family) =>
    [...new Set([...before[family], policyHash[family]])].filter((one) => one !== undefined);
  return { 4: all(4), 6: all(6) };
}

/** Returns which of `ours` are in force, or may be. */
function hash(
  { config, note }: Hashing & Pick<Daemon, "note">,
  family: Family,
  ours: readonly number[],
): readonly number[] {
  const remote = config.policyHash[family];
  if (remote === undefined) {
    takeBack(family, ours);
    return [];
  }
  const wanted = lengthsFor(remote);
  const done = hashPolicies(family, wanted, ours.map(lengthsFor));
  const text = `IPv${family}: ${formatHashLengths(wanted)}`;
  if (!done.ok) {
    note({ level: "warning", reason: "policy-hash", detail: `${text}: ${done.error}` });
    return ours;
  }
  if (done.value.kind === "others") {
    const found = formatHashLengths(done.value.found);
    const detail = `${text} is not set: another program has set ${found}`;
    note({ level: "info", reason: "policy-hash", detail });
  }
  return [remote];
}

function takeBack(family: Family, ours: readonly number[]): void {
  if (ours.length > 0) hashPolicies(family, UNSET_HASH_LENGTHS[family], ours.map(lengthsFor));
}

/** A site's policies have one remote subnet, and local ones of any length. */
function lengthsFor(remote: number): HashLengths {
  return { local: 0, remote };
}
