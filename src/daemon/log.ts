/** The log: one line for each event on standard output, as JSON or text; never a secret in it. */

import { fstatSync } from "node:fs";
import type { JournalRecord } from "../concentrator/journal/journal.ts";
import type { LogSettings } from "../config/daemon-settings.ts";
import type { LogLevel } from "../status/control.ts";

export type Log = {
  /**
   * Writes a record if its level is wanted, or if it must be written. Never waits: lines that
   * cannot be written are counted.
   */
  write(record: JournalRecord, anyway?: boolean): void;
  /** Sets level and format from now on. */
  configure(settings: LogSettings): void;
  /** The level in force. */
  readonly level: LogLevel;
  /** Lines that were lost because standard output took no more. */
  readonly lost: number;
  /** Why standard output took nothing at the last attempt; undefined if it did. */
  readonly fault: string | undefined;
  /** Waits until everything is written. */
  flush(): Promise<void>;
};

const RANK: Readonly<Record<LogLevel, number>> = { debug: 0, info: 1, warning: 2, error: 3 };

/** Levels as journald and syslog number them (sd-daemon(3)). */
const PRIORITY: Readonly<Record<LogLevel, number>> = { debug: 7, info: 6, warning: 4, error: 3 };

/** Octets that may wait for a slow reader of standard output. */
const WAITING_OCTETS_MAX = 4 * 1024 * 1024;

/** Where lines go. */
type Sink = { write(text: string): unknown; flush(): unknown };

/** A log on standard output, or elsewhere. */
export function openLog(initial: LogSettings, sink: Sink = Bun.stdout.writer()): Log {
  const isJournal = goesToJournal();
  let settings = initial;
  let lines: string[] = [];
  let waitingOctets = 0;
  let lost = 0;
  let fault: string | undefined;
  let writing: Promise<void> | undefined;

  const drain = async (): Promise<void> => {
    while (lines.length > 0) {
      const batch = lines;
      lines = [];
      waitingOctets = 0;
      try {
        await sink.write(batch.join(""));
        await sink.flush();
        fault = undefined;
      } catch (error) {
        lost += batch.length;
        fault = error instanceof Error ? error.message : String(error);
      }
    }
    writing = undefined;
  };

  return {
    write(record, anyway = false) {
      if (!anyway && RANK[record.level] < RANK[settings.level]) return;
      const { format } = settings;
      const text = format === "json" ? jsonLine(record) : textLine(record, isJournal);
      const line = isJournal ? `<${PRIORITY[record.level]}>${text}` : text;
      if (waitingOctets + line.length > WAITING_OCTETS_MAX) {
        lost++;
        fault = "its reader is too slow";
        return;
      }
      lines.push(line);
      waitingOctets += line.length;
      // Not at once: all lines of one turn are written together.
      writing ??= Promise.resolve().then(drain);
    },
    configure(next) {
      settings = next;
    },
    get level() {
      return settings.level;
    },
    get lost() {
      return lost;
    },
    get fault() {
      return fault;
    },
    async flush() {
      await writing;
    },
  };
}

/** Whether standard output goes to journald: its environment says which stream that is. */
function goesToJournal(): boolean {
  const stream = process.env.JOURNAL_STREAM;
  if (stream === undefined) return false;
  try {
    const { dev, ino } = fstatSync(1);
    return stream === `${dev}:${ino}`;
  } catch {
    return false;
  }
}

function jsonLine(record: JournalRecord): string {
  const { wallMs, sequence, peerId, ikeSa, ...rest } = record;
  const time = new Date(wallMs).toISOString();
  return `${JSON.stringify({ time, ...rest, peer_id: peerId, ike_sa: ikeSa, sequence })}\n`;
}

/** The journal itself has time and level. */
function textLine(record: JournalRecord, isJournal: boolean): string {
  const { level, peerId, eroute, remote, step, reason, detail } = record;
  const time = new Date(record.wallMs).toISOString();
  const outcome = record.outcome === "note" ? undefined : record.outcome;
  const head = isJournal ? [] : [time, level];
  const words = [...head, peerId, eroute, remote, step, outcome, reason];
  const offered = record.offered === undefined ? "" : `; offered: ${record.offered.join(" | ")}`;
  const wanted = record.wanted === undefined ? "" : `; wanted: ${record.wanted.join(" | ")}`;
  const known = words.filter((word) => word !== undefined);
  return `${known.join(" ")}: ${detail}${offered}${wanted}\n`;
}
