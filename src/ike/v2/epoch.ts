/**
 * Which copy of its keys an IKE SA seals with. The IV of a counter mode (RFC 5282 §3) is made of
 * the message ID, and a process that goes on from an older copy of the state counts from where that
 * copy stood: it seals other octets with the same ID. The epoch, which is part of the IV too,
 * keeps both apart: two messages under one IV would give their plaintexts away, and the
 * authentication key with them.
 */

import { err, ok, type Result } from "../../octets/result.ts";

/** Of keys that were made in this process. */
export const FIRST_EPOCH = 0;

/** The IV has 15 bits for it. */
export const EPOCH_MAX = 0x7fff;

/** Why a copy of an IKE SA cannot go on: its site has to authenticate anew. */
export type EpochFault =
  /** The copy was written in this generation, or in a later one. */
  | { readonly kind: "generation-not-later"; readonly detail: string }
  /** These keys have been read back so often that no epoch is left for them. */
  | { readonly kind: "epoch-used-up"; readonly detail: string };

/** Which process of a line of processes writes, and which one reads. */
export type Generations = { readonly writer: number; readonly reader: number };

/**
 * The epoch in which keys go on that were written in `epoch`. A generation is the number of a
 * process in the line of those that follow each other: whoever reads has a higher one than whoever
 * wrote, and no two processes ever have the same. Keys gain one epoch a generation, so that two
 * processes that read the same copy, one after the other, have different epochs as well.
 */
export function nextEpoch(
  epoch: number,
  { writer, reader }: Generations,
): Result<number, EpochFault> {
  if (reader <= writer) {
    const detail = `written in generation ${writer}, read in generation ${reader}`;
    return err({ kind: "generation-not-later", detail });
  }
  const next = epoch + (reader - writer);
  if (next > EPOCH_MAX) {
    const detail = `epoch ${next} of its keys, at most ${EPOCH_MAX}: a new IKE SA is needed`;
    return err({ kind: "epoch-used-up", detail });
  }
  return ok(next);
}
