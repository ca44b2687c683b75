/** Sites and strangers that tried to connect, or were connected, and are not: list and counts. */

import type { AlgorithmFilter } from "../../why/algorithm-filter.ts";
import { hostOf, type LastAttempt } from "../../why/attempt.ts";
import type { StatusSource } from "../source.ts";
import { inTurns } from "./turns.ts";

export const LAST_KINDS = ["failed", "ended"] as const;
/** `sites` have a row or an eroute; `strangers` do not. */
export const WHO_KINDS = ["sites", "strangers"] as const;

export type NotConnectedQuery = {
  readonly text: string | undefined;
  readonly last: (typeof LAST_KINDS)[number] | undefined;
  readonly who: (typeof WHO_KINDS)[number] | undefined;
  /** An algorithm of the proposals that were refused last. */
  readonly offers: AlgorithmFilter | undefined;
};

export type NotConnectedCounts = {
  /** Sites whose last attempt failed, and those that were connected. */
  readonly failed: number;
  readonly ended: number;
  /** Sites that are disabled in their row and call: no action is needed. */
  readonly disabled: number;
  readonly strangers: number;
  /** Of those that failed or have ended: have an IKE SA and a dynamic eroute, but no Child SA. */
  readonly childless: number;
};

export type NotConnectedList = {
  /** Counts of all, whatever the query. */
  readonly counts: NotConnectedCounts;
  readonly total: number;
  readonly sites: readonly LastAttempt[];
};

export const EVERYBODY: NotConnectedQuery = {
  text: undefined,
  last: undefined,
  who: undefined,
  offers: undefined,
};

/** Sites that are examined in one turn of the event loop. */
const SITES_PER_TURN = 200;

/** A page of those that match the query: sites before strangers, the latest first. */
export async function listNotConnected(
  source: Pick<StatusSource, "snapshot" | "notConnected">,
  query: NotConnectedQuery,
  page: { readonly offset: number; readonly limit: number },
): Promise<NotConnectedList> {
  const snapshot = source.snapshot();
  const counts = { failed: 0, ended: 0, disabled: 0, strangers: 0, childless: 0 };
  const found: LastAttempt[] = [];
  const needle = query.text?.toLowerCase();
  const { keys, read } = source.notConnected();
  await inTurns(keys, SITES_PER_TURN, (key) => {
    const site = read(key);
    if (site === undefined) return;
    const { peerId } = site.attempt.record;
    // A stranger may have failed under its ID, or an IKE SA ended after its replacement was up.
    if (peerId !== undefined && snapshot.isConnected(peerId)) return;
    const kind = isDisabled(site) ? "disabled" : site.isKnown ? lastOf(site) : "strangers";
    counts[kind]++;
    if (peerId !== undefined && isSeen(kind) && snapshot.hasDynamicEroute(peerId)) {
      counts.childless++;
    }
    if (matches(site, query, needle)) found.push(site);
  });
  const sites = found.slice(page.offset, page.offset + page.limit);
  return { counts, total: found.length, sites };
}

/** Counts without a list. */
export async function countNotConnected(
  source: Pick<StatusSource, "snapshot" | "notConnected">,
): Promise<NotConnectedCounts> {
  return (await listNotConnected(source, EVERYBODY, { offset: 0, limit: 0 })).counts;
}

function isDisabled({ attempt, isKnown }: LastAttempt): boolean {
  return isKnown && attempt.record.reason === "row-disabled";
}

function isSeen(kind: string): boolean {
  return kind === "failed" || kind === "ended";
}

/** Whether it failed, or was connected before. */
export function lastOf({ attempt }: LastAttempt): (typeof LAST_KINDS)[number] {
  return attempt.outcome === "ended" ? "ended" : "failed";
}

function matches(site: LastAttempt, query: NotConnectedQuery, needle?: string): boolean {
  const { last, who, offers } = query;
  if (offers?.isIn(site.attempt.record.offered ?? []) === false) return false;
  if (last !== undefined && lastOf(site) !== last) return false;
  if (who !== undefined && site.isKnown !== (who === "sites")) return false;
  if (needle === undefined) return true;
  const { peerId = "", remote = "", reason } = site.attempt.record;
  return [peerId, hostOf(remote) ?? "", reason].some((text) => text.toLowerCase().includes(needle));
}
