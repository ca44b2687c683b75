/**
 * What has changed since it was last written for the next process. Owners mark it, and
 * `handover/keep.ts` writes what is marked. Whatever is marked without need costs only time.
 */

import type { EspSpi } from "../inet/esp-spi.ts";
import { Draft } from "../octets/draft.ts";
import { Vocabulary } from "../octets/vocabulary.ts";
import type { IkeSpi } from "../wire/header.ts";
import { type Resting, stayAwake } from "./resting.ts";

export type Changes = {
  /** Local SPIs. */
  readonly ikeSas: Set<IkeSpi>;
  /** Keys of eroutes in use. */
  readonly sites: Set<string>;
  /** SPIs of inbound states that drain, or did. */
  readonly draining: Set<EspSpi>;
  /** Something that belongs to no single site. */
  isHeadChanged: boolean;
  /** What many sites have alike is written once. */
  readonly vocabulary: Vocabulary;
  /** Where one document after the other is written. */
  readonly draft: Draft;
};

/** Room for an IKE SA with its site. */
const DRAFT_OCTETS = 4_096;

/** Without changes, nothing is kept for a next process. */
type Changing = { readonly changes: Changes | undefined; readonly resting: Resting };

/** Nothing has been written yet. */
export function createChanges(): Changes {
  return {
    ikeSas: new Set(),
    sites: new Set(),
    draining: new Set(),
    isHeadChanged: true,
    vocabulary: new Vocabulary(),
    draft: new Draft(DRAFT_OCTETS),
  };
}

/** Something about this IKE SA has changed, or it has gone. */
export function changedIkeSa({ changes }: Changing, spi: IkeSpi): void {
  changes?.ikeSas.add(spi);
}

/** Something about the site of this eroute in use has changed, or it has gone. */
export function changedSite({ changes, resting }: Changing, erouteKey: string): void {
  changes?.sites.add(erouteKey);
  stayAwake({ resting }, erouteKey);
}

/** A site is as its document says, which was read a moment ago, and so are its IKE SAs. */
export function unchangedSite(
  { changes }: Changing,
  erouteKey: string,
  ikeSas: readonly IkeSpi[],
): void {
  changes?.sites.delete(erouteKey);
  for (const spi of ikeSas) changes?.ikeSas.delete(spi);
}

/** An inbound state drains from now on, or does not any more. */
export function changedDraining({ changes }: Changing, spi: EspSpi): void {
  changes?.draining.add(spi);
}

/** Something that belongs to no single site has changed. */
export function changedHead({ changes }: Changing): void {
  if (changes !== undefined) changes.isHeadChanged = true;
}
