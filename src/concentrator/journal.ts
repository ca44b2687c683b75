/** The journal: what happened to which site, and why. One entry a step; never a secret in it. */

/** How far a negotiation or an SA has come. */
export type JournalStep =
  | "IKE_SA_INIT"
  | "IKE_AUTH"
  | "CREATE_CHILD_SA"
  | "INFORMATIONAL"
  | "match"
  | "look-up"
  | "dynamic-eroute"
  | "kernel"
  | "row"
  | "configuration"
  | "control"
  | "evict"
  | "shutdown"
  | "daemon";

/** `failed`: a negotiation or an SA ended by it. `refused`: one request was, the SA goes on. */
export type JournalOutcome = "ok" | "failed" | "refused" | "note";

export type JournalEntry = {
  readonly level: "debug" | "info" | "warning" | "error";
  readonly step: JournalStep;
  readonly outcome: JournalOutcome;
  /** One word with hyphens, from a closed set: `wrong-psk`, `no-row`, `established`, … */
  readonly reason: string;
  /** The site's ID as text, once it is known. */
  readonly peerId: string | undefined;
  readonly eroute: string | undefined;
  /** `192.0.2.1:4500`. */
  readonly remote: string | undefined;
  /** Ours; undefined where no IKE SA has begun. */
  readonly role?: "initiator" | "responder";
  /** SPIi_SPIr in hex. */
  readonly ikeSa: string | undefined;
  /** In words: what, where, what to do. */
  readonly detail: string;
  /** What was offered and what is configured, where that is why. */
  readonly offered?: readonly string[];
  readonly wanted?: readonly string[];
};

/** An entry with its place in the run and its time of day (ms since 1970). */
export type JournalRecord = JournalEntry & { readonly sequence: number; readonly wallMs: number };

/** The last entries, bounded. */
export type Journal = {
  /**
   * Keeps an entry; the oldest goes if the journal is full. Texts of rows and strangers are in it:
   * what is too long is cut, and what a terminal would obey or a log take for its next line goes.
   */
  add(entry: JournalEntry, wallMs: number): JournalRecord;
  /** The last `count` records with a sequence above `after`, oldest first. */
  recent(count: number, after?: number): readonly JournalRecord[];
  /** The first `count` records that are still there with a sequence above `after`. */
  following(after: number, count: number): readonly JournalRecord[];
};

/** A journal that keeps the last `max` entries. */
export function createJournal(max: number): Journal {
  const ring: JournalRecord[] = [];
  let sequence = 0;
  const records = (from: number, to: number): readonly JournalRecord[] => {
    const found: JournalRecord[] = [];
    for (let at = from; at < to; at++) {
      const record = ring[at % max];
      if (record !== undefined) found.push(record);
    }
    return found;
  };
  return {
    add(entry, wallMs) {
      const record = { ...harmless(entry), sequence: ++sequence, wallMs };
      ring[(sequence - 1) % max] = record;
      return record;
    },
    recent(count, after = 0) {
      return records(Math.max(sequence - Math.min(count, ring.length), after), sequence);
    },
    following(after, count) {
      const first = Math.max(sequence - ring.length, after);
      return records(first, Math.min(sequence, first + count));
    },
  };
}

function harmless(entry: JournalEntry): JournalEntry {
  const { peerId, eroute, detail, offered, wanted } = entry;
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

function oneLine(text: string): string {
  const cut = text.length <= TEXT_LENGTH_MAX ? text : `${text.slice(0, TEXT_LENGTH_MAX)}…`;
  return UNSAFE.test(cut) ? cut.replace(/\s*\n\s*/g, " / ").replaceAll(UNSAFE_ALL, "?") : cut;
}

const TEXT_LENGTH_MAX = 1_000;
const LIST_MAX = 16;

/** Control characters, line separators, and those that turn the direction of writing. */
const UNSAFE = /[\p{Cc}\u2028-\u202e\u2066-\u2069]/u;
const UNSAFE_ALL = new RegExp(UNSAFE, "gu");
