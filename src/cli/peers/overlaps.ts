/** Rows that share a subnet: found with an index, so that the cost for each row stays the same. */

import type { Config } from "../../config/config.ts";
import type { DatabaseSettings } from "../../eroute/database.ts";
import type { OverlapRule } from "../../eroute/eroute.ts";
import { peerKey } from "../../eroute/peer-id.ts";
import type { PeerRow } from "../../eroute/row.ts";
import {
  type Claim,
  isApart,
  kindOfOverlap,
  overlapRule,
  RULE_WORDS,
  type SharedSubnet,
  sharedSubnet,
  sharedText,
} from "../../eroute/shared-subnet.ts";
import { createPrefixTable, putAt, valuesAround } from "../../inet/prefix-table.ts";
import { err, ok, type Result } from "../../octets/result.ts";
import type { PeerRepository } from "../../peers/repository.ts";
import { pagesOf } from "./pages.ts";
import { judgeRows } from "./row-judgement.ts";

/** A row that makes a valid site, and what that site has. */
export type Owner = { readonly peerid: string; readonly claim: Claim };

export type Overlap = {
  readonly owner: Owner;
  readonly other: Owner;
  readonly shared: SharedSubnet;
  readonly rule: OverlapRule;
};

/** Every pair of owners that share addresses: equal subnets once, nested ones with the narrower. */
export function overlapsAmong(owners: readonly Owner[]): readonly Overlap[] {
  const table = createPrefixTable<number>();
  for (const [i, { claim }] of owners.entries()) {
    for (const subnet of claim.remoteSubnets) putAt(table, subnet, i);
  }
  const found = new Map<string, Overlap>();
  for (const [i, owner] of owners.entries()) {
    for (const own of owner.claim.remoteSubnets) {
      for (const { subnet: other, values } of valuesAround(table, own)) {
        const kind = kindOfOverlap(own, other) ?? "same";
        // If many rows have one subnet, each is paired with one before it, not with all.
        const before = values.filter((at) => (kind === "same" ? at < i : at !== i)).at(-1);
        const neighbour = before === undefined ? undefined : owners[before];
        if (neighbour === undefined || !areTwo(owner, neighbour)) continue;
        const shared = { kind, own, other };
        const key = `${i} ${before} ${kind}`;
        if (!found.has(key)) found.set(key, overlapOf(owner, neighbour, shared));
      }
    }
  }
  return [...found.values()];
}

/** The most serious overlap of an owner with one of the others. */
export function overlapWith(owner: Owner, other: Owner): Overlap | undefined {
  if (peerKey(owner.peerid) === peerKey(other.peerid)) return undefined;
  const shared = sharedSubnet(owner.claim, other.claim);
  return shared === undefined ? undefined : overlapOf(owner, other, shared);
}

/** Whether one of the two sites is kept out by the other. */
export function isRefused({ shared, rule }: Overlap): boolean {
  return shared.kind === "same" && rule === "refuse";
}

/** The text that follows the owner's peer ID. */
export function overlapLine({ other, shared, rule }: Overlap): string {
  const text = sharedText(shared, other.peerid);
  return shared.kind === "same" ? `${text}: ${RULE_WORDS[rule]}` : text;
}

/** The rows that an owner overlaps with, at most a few of each kind; `onRow` gets each of them. */
export async function overlapsInTable(
  owner: Owner,
  peers: Pick<PeerRepository, "list">,
  context: TableContext,
  onRow?: (row: PeerRow) => void,
): Promise<Result<readonly Overlap[], string>> {
  const read = await ownersInTable(peers, context, onRow);
  if (!read.ok) return read;
  const found: Overlap[] = [];
  for (const other of read.value.owners) {
    const overlap = overlapWith(owner, other);
    if (overlap === undefined) continue;
    const alike = found.filter(({ shared }) => shared.kind === overlap.shared.kind);
    if (alike.length < TOLD_MAX) found.push(overlap);
  }
  return ok(found);
}

export type TableContext = { readonly config: Config; readonly settings: DatabaseSettings };

/** Owners of all rows, page by page; false if there are more than are read. */
export async function ownersInTable(
  peers: Pick<PeerRepository, "list">,
  { config, settings }: TableContext,
  onRow?: (row: PeerRow) => void,
): Promise<Result<{ readonly owners: readonly Owner[]; readonly all: boolean }, string>> {
  const owners: Owner[] = [];
  let read = 0;
  for await (const page of pagesOf(peers)) {
    if (!page.ok) return err(page.error.detail);
    for (const row of page.value) {
      onRow?.(row);
      const owner = ownerOf(row, config, settings);
      if (owner !== undefined) owners.push(owner);
    }
    read += page.value.length;
    if (read >= ROWS_MAX) return ok({ owners, all: false });
  }
  return ok({ owners, all: true });
}

/** Undefined for a row that makes no site, or is disabled. */
export function ownerOf(
  row: PeerRow,
  config: Config,
  settings: DatabaseSettings,
): Owner | undefined {
  const judged = judgeRows(row.peerid, [row], config, settings);
  return judged.kind === "right" ? { peerid: row.peerid, claim: judged.claim } : undefined;
}

function overlapOf(owner: Owner, other: Owner, shared: SharedSubnet): Overlap {
  return { owner, other, shared, rule: overlapRule(owner.claim.base, other.claim.base) };
}

function areTwo(a: Owner, b: Owner): boolean {
  return peerKey(a.peerid) !== peerKey(b.peerid) && !isApart(a.claim, b.claim);
}

/** Rows that are compared in one go: a few seconds; `peers check` compares all. */
const ROWS_MAX = 200_000;
const TOLD_MAX = 8;
