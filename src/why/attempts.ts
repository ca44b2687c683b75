/** The results of each site's attempts: a short history for `erouted why`, bounded in every way. */

import type { JournalRecord } from "../concentrator/journal/journal.ts";
import { RecordCodec } from "../concentrator/journal/record-codec.ts";
import { peerKey } from "../eroute/peer-id.ts";
import { type KeyKind, textKeys } from "../octets/key-column.ts";
import { type Attempt, addAttempt, hostOf, isStepOfDaemon, type LastAttempts } from "./attempt.ts";
import { Histories } from "./histories.ts";
import { followsFrom } from "./reason.ts";
import { createRemovals, type Removal } from "./removals.ts";
import { shortened } from "./shortened.ts";

export type Attempts = {
  /** Takes in a record that the journal has just taken in. */
  note(record: JournalRecord): void;
  /** Attempts of one peer ID, the newest first. */
  ofPeer(peerId: string): readonly Attempt[];
  /** Attempts from an address that ended before their ID was known, the newest first. */
  ofAddress(address: string): readonly Attempt[];
  /** IDs whose last attempt came from this address, at most `max`. */
  peersAt(address: string, max: number): readonly string[];
  /**
   * The last attempt of each address that ended before its ID was known; the newest first, at most
   * `max`.
   */
  strangers(max: number): readonly Attempt[];
  /** IDs that have no row and no eroute, the latest first. */
  unknownIds(max: number): readonly string[];
  /**
   * The last attempt of each that got no Child SA or lost it: those with a row or an eroute before
   * the others, the latest first. Some of them may be connected all the same.
   */
  notConnected(): LastAttempts;
  /** Whether the site has a history. */
  isSeen(peerId: string): boolean;
  /** What other programs removed from the kernel: from one site, then from all. */
  removalsOf(peerId: string): readonly Removal[];
  /** How many sites and addresses have a history. */
  readonly size: number;
};

/** Sites with a row or an eroute; beyond that, the one that has been quiet longest is forgotten. */
const KNOWN_MAX = 16_384;
/** IDs and addresses that anybody can make up: they only push out each other. */
const UNKNOWN_MAX = 2_048;

/**
 * An empty history; `codec` writes the records that the journal has just taken in. `kind` keeps the
 * IDs, which strangers make up.
 */
export function createAttempts(
  knownMax = KNOWN_MAX,
  unknownMax = UNKNOWN_MAX,
  codec = new RecordCodec(),
  kind: KeyKind<string> = textKeys,
): Attempts {
  const known = new Histories(knownMax, codec, kind);
  const unknown = new Histories(unknownMax, codec, kind);
  // A table of its own: while the database is away anybody can make up IDs that may be sites.
  const undecided = new Histories(knownMax, codec, kind);
  const tables = [known, undecided, unknown];
  const removals = createRemovals();
  const tableOf = (key: string) => tables.find((table) => table.has(key));
  const ofKey = (key: string) => tableOf(key)?.get(key).reverse() ?? [];
  return {
    note(record) {
      if (followsFrom(record.reason) === "repair") removals.note(record);
      const outcome = outcomeOf(record);
      const key = keyOf(record);
      if (outcome === undefined || key === undefined) return;
      const before = tableOf(key);
      const history = before?.get(key) ?? [];
      addAttempt(history, outcome, shortened(record));
      const isKnown = before === known || hasRow(record);
      const table = isKnown ? known : isUndecided(record) ? undecided : unknown;
      if (before !== table) before?.delete(key);
      table.put(key, history);
    },
    isSeen: (peerId) => tableOf(idKey(peerId)) !== undefined,
    ofPeer: (peerId) => ofKey(idKey(peerId)),
    ofAddress: (address) => ofKey(addressKey(address)),
    peersAt(address, max) {
      const isThere = ({ record: { peerId, remote } }: Attempt) =>
        peerId !== undefined && hostOf(remote) === address;
      const there = [unknown, undecided, known].flatMap((table) =>
        lastOnes(table, isThere, { max, keys: table.keysAt(address) }),
      );
      return there.flatMap(({ record: { peerId } }) => peerId ?? []).slice(0, max);
    },
    strangers: (max) => lastOnes(unknown, isStranger, { max }),
    unknownIds: (max) =>
      lastOnes(unknown, (attempt) => !isStranger(attempt), { max }).flatMap(
        ({ record: { peerId } }) => peerId ?? [],
      ),
    notConnected: () => ({
      keys: [known, undecided, unknown].flatMap((table) =>
        table.keys((outcome) => outcome !== "connected"),
      ),
      read(key) {
        const table = tableOf(key);
        const attempt = table?.lastOf(key);
        if (attempt === undefined || attempt.outcome === "connected") return undefined;
        return { attempt, isKnown: table !== unknown };
      },
    }),
    removalsOf: (peerId) => removals.of(peerId),
    get size() {
      return tables.reduce((sum, { size }) => sum + size, 0);
    },
  };
}

/** The newest `max` of those that are wanted, of each its last attempt. */
function lastOnes(
  table: Histories,
  isWanted: (attempt: Attempt) => boolean,
  { max, keys = table.keys() }: { readonly max: number; readonly keys?: readonly string[] },
): readonly Attempt[] {
  const last: Attempt[] = [];
  for (const key of keys) {
    if (last.length >= max) break;
    const attempt = table.lastOf(key);
    if (attempt !== undefined && isWanted(attempt)) last.push(attempt);
  }
  return last;
}

function isStranger({ record: { peerId } }: Attempt): boolean {
  return peerId === undefined;
}

/** Its ID leads to a table that could not be read: it may have a row, so it is no stranger. */
function isUndecided({ reason, peerId }: JournalRecord): boolean {
  return peerId !== undefined && followsFrom(reason) === "database-again";
}

/** An eroute comes from a row, and a fault can only be found in a row that exists. */
function hasRow({ eroute, reason }: JournalRecord): boolean {
  return eroute !== undefined || followsFrom(reason) === "row-again";
}

function keyOf({ peerId, remote }: JournalRecord): string | undefined {
  if (peerId !== undefined) return idKey(peerId);
  const host = hostOf(remote);
  return host === undefined ? undefined : addressKey(host);
}

function idKey(peerId: string): string {
  return peerKey(peerId);
}

/** No ID is written so: the journal keeps no line break in one. */
function addressKey(address: string): string {
  return `\n${address}`;
}

/** Undefined if it does not end an attempt, or would push the failures out. */
function outcomeOf({
  step,
  outcome,
  reason,
  level,
}: JournalRecord): Attempt["outcome"] | undefined {
  const follows = followsFrom(reason);
  if (level === "debug" || follows === "successor" || isStepOfDaemon(step)) return undefined;
  if (outcome === "failed" || outcome === "refused") return outcome;
  if (follows === "connected") return "connected";
  const isEnd = step === "INFORMATIONAL" || step === "evict" || follows === "end";
  return isEnd ? "ended" : undefined;
}
