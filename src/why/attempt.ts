/** Attempts of one site, oldest first: what counts as another one, and what takes its place. */

import type { JournalRecord, JournalStep } from "../concentrator/journal/journal.ts";
import { followsFrom } from "./reason.ts";

export const ATTEMPT_OUTCOMES = ["connected", "failed", "refused", "ended"] as const;

/** The same thing happening to a site, once or again and again. */
export type Attempt = {
  readonly outcome: (typeof ATTEMPT_OUTCOMES)[number];
  readonly times: number;
  /** When it first and last happened: wall time, ms since 1970. */
  readonly firstWallMs: number;
  /** The last of them. */
  readonly record: JournalRecord;
};

/** The last attempt of a site, or of an address whose ID is not known. */
export type LastAttempt = {
  readonly attempt: Attempt;
  /** Whether it has a row or an eroute; others may be anybody. */
  readonly isKnown: boolean;
};

/** For many turns: what happens in the meantime counts. */
export type LastAttempts = {
  readonly keys: readonly string[];
  /** Undefined: it has connected, or is forgotten. */
  read(key: string): LastAttempt | undefined;
};

/** Attempts of one site that are kept. */
const PER_SITE_MAX = 8;
/** The port tells nothing: it changes with each attempt. */
export function hostOf(remote: string | undefined): string | undefined {
  if (remote === undefined) return undefined;
  const isBracketed = remote.startsWith("[");
  const end = isBracketed ? remote.lastIndexOf("]") : remote.search(PORT);
  return remote.slice(isBracketed ? 1 : 0, end < 0 ? undefined : end);
}

const PORT = /:\d+$/;

/** If a site repeats the same attempts, its history has one entry of each kind. */
export function addAttempt(
  history: Attempt[],
  outcome: Attempt["outcome"],
  record: JournalRecord,
): void {
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
  const attempt = { outcome, times, firstWallMs, record };
  // If a newer IKE SA has replaced one, its end says nothing new about the site.
  const newest = history.length - (isOfOlderOne && last === history.at(-1) ? 1 : 0);
  history.splice(newest, 0, attempt);
  if (history.length > PER_SITE_MAX) history.shift();
  if (record.offered !== undefined || record.wanted !== undefined) forgetOffers(history);
}

function indexOfSame(
  history: readonly Attempt[],
  outcome: Attempt["outcome"],
  record: JournalRecord,
): number {
  return history.findIndex((before) => isSame(before, outcome, record));
}

/** What was offered is long: only the last attempts keep it. */
function forgetOffers(history: Attempt[]): void {
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
    hostOf(before.record.remote) === hostOf(record.remote)
  );
}

/** Whether it is a step of erouted itself, not of a site's attempt. */
export function isStepOfDaemon(step: JournalStep): boolean {
  return step === "daemon" || step === "configuration" || step === "control";
}
