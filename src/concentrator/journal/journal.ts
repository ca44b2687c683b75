/** The journal: what happened to which site, and why. One entry a step; never a secret in it. */

import type { Reason } from "../../reason/reason.ts";
import type { EventSource } from "./event-source.ts";

/** How far a negotiation or an SA has come. */
export const JOURNAL_STEPS = [
  "IKE_SA_INIT",
  "IKEv1",
  "IKE_INTERMEDIATE",
  "IKE_AUTH",
  "CREATE_CHILD_SA",
  "IKE_FOLLOWUP_KE",
  "INFORMATIONAL",
  "Main Mode",
  "Aggressive Mode",
  "Quick Mode",
  "Transaction",
  "match",
  "look-up",
  "dynamic-eroute",
  "kernel",
  "row",
  "configuration",
  "control",
  "evict",
  "shutdown",
  "daemon",
] as const;
export type JournalStep = (typeof JOURNAL_STEPS)[number];

/**
 * `failed`: it ended a negotiation or an SA. `refused`: it refused one request, the SA continues.
 */
export const JOURNAL_OUTCOMES = ["ok", "failed", "refused", "note"] as const;
export type JournalOutcome = (typeof JOURNAL_OUTCOMES)[number];

/** How serious an entry is, the least serious first. */
export const JOURNAL_LEVELS = ["debug", "info", "warning", "error"] as const;

export type JournalEntry = {
  readonly level: (typeof JOURNAL_LEVELS)[number];
  readonly step: JournalStep;
  readonly outcome: JournalOutcome;
  /** `wrong-psk`, `no-row`, `established`, … */
  readonly reason: Reason;
  /** The site's ID as text, once it is known. */
  readonly peerId: string | undefined;
  readonly eroute: string | undefined;
  /** `192.0.2.1:4500`. */
  readonly remote: string | undefined;
  /** Ours; undefined where no IKE SA has begun. */
  readonly role?: "initiator" | "responder";
  /** SPIi_SPIr in hex. */
  readonly ikeSa: string | undefined;
  /** The site has proved that it has this ID; not kept in records. */
  readonly isProven?: boolean;
  /** In words: what, where, what to do. */
  readonly detail: string;
  /** How many entries were left out that this one stands for, see `fold.ts`. */
  readonly folded?: number;
  /** What was offered and what is configured, where that is why. */
  readonly offered?: readonly string[];
  readonly wanted?: readonly string[];
};

/** An entry with its place in the run and its time of day (ms since 1970). */
export type JournalRecord = JournalEntry & { readonly sequence: number; readonly wallMs: number };

/** The last entries, bounded. */
export type Journal = {
  /**
   * Adds an entry. If the journal is full, the oldest entry of a source with more than its share is
   * dropped; if there is none, the oldest of all. Texts are made harmless, see {@link harmless}.
   * `source` is the entry's, if it is known already.
   */
  add(entry: JournalEntry, wallMs: number, source?: EventSource): JournalRecord;
  /** Takes in records of an earlier process, oldest first, which keep their sequences. */
  restore(records: readonly JournalRecord[]): void;
  /** The last `count` records with a sequence above `after`, oldest first. */
  recent(count: number, after?: number): readonly JournalRecord[];
  /** The first `count` records that are still there with a sequence above `after`. */
  following(after: number, count: number): readonly JournalRecord[];
};

/** The entry in its place. */
export function recordOf(entry: JournalEntry, sequence: number, wallMs: number): JournalRecord {
  const { level, step, outcome, reason, peerId, eroute, remote, ikeSa, detail } = entry;
  const record: { -readonly [Key in keyof JournalRecord]: JournalRecord[Key] } = {
    level,
    step,
    outcome,
    reason,
    peerId,
    eroute,
    remote,
    ikeSa,
    detail,
    sequence,
    wallMs,
  };
  if (entry.role !== undefined) record.role = entry.role;
  if (entry.folded !== undefined) record.folded = entry.folded;
  if (entry.offered !== undefined) record.offered = entry.offered;
  if (entry.wanted !== undefined) record.wanted = entry.wanted;
  return record;
}

/**
 * Cuts what is too long, and removes what a terminal would obey or a log take for a new line: the
 * texts come from rows and strangers.
 */
export function harmless(entry: JournalEntry): JournalEntry {
  const { peerId, eroute, detail, offered, wanted } = entry;
  const hasLists = offered !== undefined || wanted !== undefined;
  if (!hasLists && isOneLine(peerId) && isOneLine(eroute) && isOneLine(detail)) return entry;
  return {
    ...entry,
    peerId: peerId === undefined ? undefined : oneLine(peerId),
    eroute: eroute === undefined ? undefined : oneLine(eroute),
    detail: oneLine(detail),
    ...(offered === undefined ? {} : { offered: shortList(offered) }),
    ...(wanted === undefined ? {} : { wanted: shortList(wanted) }),
  };
}

function shortList(texts: readonly string[]): readonly string[] {
  const list = texts.slice(0, LIST_MAX).map(oneLine);
  return texts.length > LIST_MAX ? [...list, `and ${texts.length - LIST_MAX} more`] : list;
}

function isOneLine(text: string | undefined): boolean {
  return text === undefined || (text.length <= TEXT_LENGTH_MAX && !UNSAFE.test(text));
}

function oneLine(text: string): string {
  const cut = text.length <= TEXT_LENGTH_MAX ? text : `${text.slice(0, TEXT_LENGTH_MAX)}…`;
  return UNSAFE.test(cut) ? cut.replace(/\s*\n\s*/g, " / ").replaceAll(UNSAFE_ALL, "?") : cut;
}

const TEXT_LENGTH_MAX = 1_000;
const LIST_MAX = 16;

/** Control characters, line separators, and characters that change the direction of writing. */
const UNSAFE = /[\p{Cc}\u2028-\u202e\u2066-\u2069]/u;
const UNSAFE_ALL = new RegExp(UNSAFE, "gu");
