/** What became of each site's attempts: a short history for `erouted why`, bounded in all ways. */

import { peerKey } from "../eroute/peer-id.ts";
import type { JournalRecord } from "./journal.ts";

/** The same thing happening to a site once, or again and again without anything else between. */
export type Attempt = {
  readonly outcome: "connected" | "failed" | "refused" | "ended";
  readonly times: number;
  /** Times of day, ms since 1970, of the first and the last of them. */
  readonly firstWallMs: number;
  /** The last of them. */
  readonly record: JournalRecord;
};

export type Attempts = {
  /** Takes in what the journal has just taken in. */
  note(record: JournalRecord): void;
  /** Of one peer ID, the newest first. */
  ofPeer(peerId: string): readonly Attempt[];
  /** Of those whose ID was not told yet, by the address that they came from, the newest first. */
  ofAddress(address: string): readonly Attempt[];
  /** IDs whose last attempt came from this address, at most `max`. */
  peersAt(address: string, max: number): readonly string[];
  /** Of those whose ID was not told, each one's last; the newest first, at most `max`. */
  strangers(max: number): readonly Attempt[];
  /** How many sites and addresses have a history. */
  readonly size: number;
};

/** Attempts of one site that are kept. */
const PER_SITE_MAX = 8;
/** Sites with a row or an eroute; beyond that the one that has been quiet longest is forgotten. */
const KNOWN_MAX = 16_384;
/** IDs and addresses that anybody can make up: they push out each other only. */
const UNKNOWN_MAX = 2_048;

type History = Attempt[];

/** An empty history. */
export function createAttempts(knownMax = KNOWN_MAX, unknownMax = UNKNOWN_MAX): Attempts {
  const known = new Map<string, History>();
  const unknown = new Map<string, History>();
  const find = (key: string) => [...(known.get(key) ?? unknown.get(key) ?? [])].reverse();
  return {
    note(record) {
      const outcome = outcomeOf(record);
      const key = keyOf(record);
      if (outcome === undefined || key === undefined) return;
      const history = known.get(key) ?? unknown.get(key) ?? [];
      add(history, outcome, record);
      known.delete(key);
      unknown.delete(key);
      const isKnown = record.eroute !== undefined || history.some(hasEroute);
      const [table, max] = isKnown ? [known, knownMax] : [unknown, unknownMax];
      table.set(key, history);
      if (table.size > max) for (const oldest of table.keys()) return void table.delete(oldest);
    },
    ofPeer: (peerId) => find(idKey(peerId)),
    ofAddress: (address) => find(addressKey(address)),
    peersAt(address, max) {
      const ids: string[] = [];
      for (const table of [known, unknown]) {
        for (const history of table.values()) {
          const { peerId, remote } = history.at(-1)?.record ?? {};
          if (peerId === undefined || hostOf(remote) !== address) continue;
          ids.push(peerId);
          if (ids.length >= max) return ids;
        }
      }
      return ids;
    },
    strangers(max) {
      const last = [...unknown.values()].flatMap((history) => history.at(-1) ?? []);
      return last
        .filter(({ record }) => record.peerId === undefined)
        .slice(-max)
        .reverse();
    },
    get size() {
      return known.size + unknown.size;
    },
  };
}

/** A port tells nothing: it is another one with each attempt. */
export function hostOf(remote: string | undefined): string | undefined {
  return remote?.replace(/:\d+$/, "").replace(/^\[|\]$/g, "");
}

function add(history: History, outcome: Attempt["outcome"], record: JournalRecord): void {
  const last = history.at(-1);
  if (last !== undefined && isSame(last, outcome, record)) {
    history[history.length - 1] = { ...last, times: last.times + 1, record };
    return;
  }
  history.push({ outcome, times: 1, firstWallMs: record.wallMs, record });
  if (history.length > PER_SITE_MAX) history.shift();
}

function isSame(last: Attempt, outcome: Attempt["outcome"], record: JournalRecord): boolean {
  return (
    last.outcome === outcome &&
    last.record.reason === record.reason &&
    last.record.step === record.step &&
    hostOf(last.record.remote) === hostOf(record.remote)
  );
}

function hasEroute({ record }: Attempt): boolean {
  return record.eroute !== undefined;
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

/** Undefined for what is no end of an attempt, and for what would push the failures out. */
function outcomeOf({
  step,
  outcome,
  reason,
  level,
}: JournalRecord): Attempt["outcome"] | undefined {
  if (ROUTINE.has(reason) || STEPS_OF_THE_DAEMON.has(step)) return undefined;
  if (outcome === "failed") return "failed";
  if (outcome === "refused") return level === "debug" ? undefined : "refused";
  if (reason === "established") return "connected";
  const isEnd = step === "INFORMATIONAL" || step === "evict";
  return isEnd ? "ended" : undefined;
}

/** IKE SAs that end because another one has taken their place. */
const ROUTINE: ReadonlySet<string> = new Set(["rekeyed", "redundant"]);

const STEPS_OF_THE_DAEMON: ReadonlySet<string> = new Set(["daemon", "configuration", "control"]);
