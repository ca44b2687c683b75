/** An event as a line of text, and back: what cannot be an event of ours is left out. */

import {
  harmless,
  JOURNAL_LEVELS,
  JOURNAL_OUTCOMES,
  JOURNAL_STEPS,
  type JournalRecord,
} from "../../concentrator/journal/journal.ts";
import type { Reason } from "../../reason/reason.ts";
import { REASONS } from "../../why/reason.ts";

/** Without a line break in it: JSON escapes those of texts. */
export function lineOf(record: JournalRecord): string {
  return JSON.stringify(record);
}

/** The event; undefined: it is damaged, or of a version that knows other reasons. */
export function recordFrom(line: string): JournalRecord | undefined {
  const value = parsed(line);
  if (value === undefined) return undefined;
  const { sequence, wallMs, reason, detail } = value;
  const level = JOURNAL_LEVELS.find((one) => one === value.level);
  const step = JOURNAL_STEPS.find((one) => one === value.step);
  const outcome = JOURNAL_OUTCOMES.find((one) => one === value.outcome);
  const role = ROLES.find((one) => one === value.role);
  if (level === undefined || step === undefined || outcome === undefined) return undefined;
  if (!isCount(sequence) || !isCount(wallMs) || !isReason(reason)) return undefined;
  if (typeof detail !== "string") return undefined;
  const [folded, offered, wanted] = [value.folded, textsOf(value.offered), textsOf(value.wanted)];
  const entry = harmless({
    level,
    step,
    outcome,
    reason,
    peerId: textOf(value.peerId),
    eroute: textOf(value.eroute),
    remote: textOf(value.remote),
    ikeSa: textOf(value.ikeSa),
    detail,
    ...(role === undefined ? {} : { role }),
    ...(isCount(folded) ? { folded } : {}),
    ...(offered === undefined ? {} : { offered }),
    ...(wanted === undefined ? {} : { wanted }),
  });
  return { ...entry, sequence, wallMs };
}

const ROLES = ["initiator", "responder"] as const;

function parsed(line: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function isReason(value: unknown): value is Reason {
  return typeof value === "string" && Object.hasOwn(REASONS, value);
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

function textsOf(value: unknown): readonly string[] | undefined {
  if (!Array.isArray(value)) return undefined;
  return value.filter((one) => typeof one === "string");
}
