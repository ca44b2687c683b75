/** The results of each site's attempts: a short history for `erouted why`, bounded in every way. */

import type { JournalRecord, JournalStep } from "../concentrator/journal/journal.ts";
import { peerKey } from "../eroute/peer-id.ts";
import { RecencyMap } from "../octets/recency-map.ts";
import { followsFrom } from "./reason.ts";
import { createRemovals, type Removal } from "./removals.ts";
import { shortened } from "./shortened.ts";

/** The same thing happening to a site, once or again and again. */
export type Attempt = {
  readonly outcome: "connected" | "failed" | "refused" | "ended";
  readonly times: number;
  /** When it first and last happened: wall time, ms since 1970. */
  readonly firstWallMs: number;
  /** The last of them. */
  readonly record: JournalRecord;
  /** Where it came from, or was called, without the port. */
  readonly host: string | undefined;
};

/** The last attempt of a site, or of an address whose ID is not known. */
export type LastAttempt = {
  readonly attempt: Attempt;
  /** Whether it has a row or an eroute; others may be anybody. */
  readonly isKnown: boolean;
};

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
  notConnected(): readonly LastAttempt[];
  /** What other programs removed from the kernel: from one site, then from all. */
  removalsOf(peerId: string): readonly Removal[];
  /** How many sites and addresses have a history. */
  readonly size: number;
};

/** Attempts of one site that are kept. */
const PER_SITE_MAX = 8;
/** Sites with a row or an eroute; beyond that, the one that has been quiet longest is forgotten. */
const KNOWN_MAX = 16_384;
/** IDs and addresses that anybody can make up: they only push out each other. */
const UNKNOWN_MAX = 2_048;

/** IDs that are remembered for one address. */
const PER_HOST_MAX = 8;

type History = Attempt[];

type Table = {
  readonly max: number;
  readonly histories: RecencyMap<string, History>;
  /** The IDs that came from an address, the latest last. */
  readonly byHost: RecencyMap<string, readonly string[]>;
};

/** An empty history. */
export function createAttempts(knownMax = KNOWN_MAX, unknownMax = UNKNOWN_MAX): Attempts {
  const known = emptyTable(knownMax);
  const unknown = emptyTable(unknownMax);
  // A table of its own: while the database is away anybody can make up IDs that may be sites.
  const undecided = emptyTable(knownMax);
  const tables = [known, undecided, unknown];
  const removals = createRemovals();
  const historyOf = (key: string): History =>
    known.histories.get(key) ?? undecided.histories.get(key) ?? unknown.histories.get(key) ?? [];
  return {
    note(record) {
      if (followsFrom(record.reason) === "repair") removals.note(record);
      const outcome = outcomeOf(record);
      const key = keyOf(record);
      if (outcome === undefined || key === undefined) return;
      const history = historyOf(key);
      const isKnown = known.histories.has(key) || hasRow(record);
      add(history, outcome, shortened(record));
      const table = isKnown ? known : isUndecided(record) ? undecided : unknown;
      for (const other of [undecided, unknown]) if (other !== table) other.histories.delete(key);
      putLast(table.histories, key, history, table.max);
      noteHost(table, record);
    },
    ofPeer: (peerId) => [...historyOf(idKey(peerId))].reverse(),
    ofAddress: (address) => [...historyOf(addressKey(address))].reverse(),
    peersAt(address, max) {
      const ids = tables.flatMap(({ byHost }) => byHost.get(address) ?? []);
      const isThere = (id: string) => historyOf(idKey(id)).at(-1)?.host === address;
      return [...new Set(ids)].filter(isThere).slice(-max).reverse();
    },
    strangers(max) {
      const last = [...unknown.histories.values()].flatMap((history) => history.at(-1) ?? []);
      return last
        .filter(({ record }) => record.peerId === undefined)
        .slice(-max)
        .reverse();
    },
    unknownIds(max) {
      const last = [...unknown.histories.values()].map((history) => history.at(-1)?.record.peerId);
      return last
        .filter((peerId) => peerId !== undefined)
        .slice(-max)
        .reverse();
    },
    notConnected: () => [
      ...lastOnes(known, true),
      ...lastOnes(undecided, true),
      ...lastOnes(unknown, false),
    ],
    removalsOf: (peerId) => removals.of(peerId),
    get size() {
      return tables.reduce((sum, { histories }) => sum + histories.size, 0);
    },
  };
}

function emptyTable(max: number): Table {
  return { max, histories: new RecencyMap(), byHost: new RecencyMap() };
}

function lastOnes({ histories }: Table, isKnown: boolean): readonly LastAttempt[] {
  const last: LastAttempt[] = [];
  for (const history of histories.values()) {
    const attempt = history.at(-1);
    if (attempt !== undefined && attempt.outcome !== "connected") last.push({ attempt, isKnown });
  }
  return last.reverse();
}

/** What was put least recently is forgotten first. */
function putLast<T>(map: RecencyMap<string, T>, key: string, value: T, max: number): void {
  map.set(key, value);
  if (map.size > max) map.deleteOldest();
}

function noteHost({ byHost, max }: Table, { peerId, remote }: JournalRecord): void {
  const host = hostOf(remote);
  if (peerId === undefined || host === undefined) return;
  const before = byHost.use(host) ?? [];
  if (before.at(-1) === peerId) return;
  const others = before.filter((id) => id !== peerId);
  putLast(byHost, host, [...others, peerId].slice(-PER_HOST_MAX), max);
}

/** The port tells nothing: it changes with each attempt. */
export function hostOf(remote: string | undefined): string | undefined {
  if (remote === undefined) return undefined;
  const isBracketed = remote.startsWith("[");
  const end = isBracketed ? remote.lastIndexOf("]") : remote.search(PORT);
  return remote.slice(isBracketed ? 1 : 0, end < 0 ? undefined : end);
}

const PORT = /:\d+$/;

/** If a site repeats the same attempts, its history has one entry of each kind. */
function add(history: History, outcome: Attempt["outcome"], record: JournalRecord): void {
  const last = history.at(-1);
  // It failed again for the same reason, which still keeps it out.
  if (followsFrom(record.reason) === "same-failure" && last?.outcome === "failed") {
    const { wallMs } = record;
    history[history.length - 1] = {
      ...last,
      times: last.times + 1,
      record: { ...last.record, wallMs },
    };
    return;
  }
  if (last !== undefined && isOfSameIkeSa(last, record)) {
    // A site that gets no Child SA deletes its IKE SA: why it got none is what counts.
    if (outcome === "ended" && last.outcome === "failed" && last.record.step === "IKE_AUTH") return;
    // Its second Child SA; or first the refusal of the kernel, and now that of IKE.
    if (last.outcome === outcome && isAnyStep(outcome, record)) {
      history[history.length - 1] = { ...last, record };
      return;
    }
  }
  const isOfOlderOne = outcome === "ended" && isOfAnother(last, record);
  const at = indexOfSame(history, outcome, record);
  const [before] = at < 0 ? [] : history.splice(at, 1);
  const times = (before?.times ?? 0) + 1;
  const firstWallMs = before?.firstWallMs ?? record.wallMs;
  const attempt = { outcome, times, firstWallMs, record, host: hostOf(record.remote) };
  // If a newer IKE SA has replaced one, its end says nothing new about the site.
  const newest = history.length - (isOfOlderOne && last === history.at(-1) ? 1 : 0);
  history.splice(newest, 0, attempt);
  if (history.length > PER_SITE_MAX) history.shift();
  if (record.offered !== undefined || record.wanted !== undefined) forgetOffers(history);
}

function indexOfSame(history: History, outcome: Attempt["outcome"], record: JournalRecord): number {
  return history.findIndex((before) => isSame(before, outcome, record));
}

/** What was offered is long: only the last attempts keep it. */
function forgetOffers(history: History): void {
  const withOffers = history.filter(({ record }) => record.offered ?? record.wanted);
  for (const attempt of withOffers.slice(0, -WITH_OFFERS_MAX)) {
    const { offered: _, wanted: __, ...record } = attempt.record;
    history[history.indexOf(attempt)] = { ...attempt, record };
  }
}

const WITH_OFFERS_MAX = 2;

/**
 * Only if the older one ended because of the newer one; otherwise it is the last that is known of
 * the site.
 */
function isOfAnother(last: Attempt | undefined, { ikeSa, reason }: JournalRecord): boolean {
  if (last === undefined || followsFrom(reason) !== "newer-ike-sa") return false;
  return ikeSa !== undefined && last.record.ikeSa !== ikeSa;
}

function isOfSameIkeSa({ record: { ikeSa } }: Attempt, record: JournalRecord): boolean {
  return ikeSa !== undefined && ikeSa === record.ikeSa;
}

/** These count as one, whichever exchange brought them. */
function isAnyStep(outcome: Attempt["outcome"], { reason }: JournalRecord): boolean {
  return outcome === "connected" || followsFrom(reason) === "kernel-refusal";
}

function isSame(before: Attempt, outcome: Attempt["outcome"], record: JournalRecord): boolean {
  return (
    before.outcome === outcome &&
    before.record.reason === record.reason &&
    (before.record.step === record.step || isAnyStep(outcome, record)) &&
    before.host === hostOf(record.remote)
  );
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
  return `id ${peerKey(peerId)}`;
}

function addressKey(address: string): string {
  return `at ${address}`;
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

/** Whether it is a step of erouted itself, not of a site's attempt. */
export function isStepOfDaemon(step: JournalStep): boolean {
  return step === "daemon" || step === "configuration" || step === "control";
}
