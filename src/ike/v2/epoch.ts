/**
 * Which copy of its keys an IKE SA uses. The IV of an AEAD (RFC 5282 §3) contains the message ID. A
 * process that continues from an older copy of the state also continues from its older message
 * IDs, so it seals different octets under the same ID. The epoch, which is part of the IV too,
 * keeps the two apart. Two messages under one IV would reveal both plaintexts and the
 * authentication key.
 */

import { err, ok, type Result } from "../../octets/result.ts";

/** The epoch of keys that were made in this process. */
export const FIRST_EPOCH = 0;

/** The IV has 15 bits for the epoch. */
export const EPOCH_MAX = 0x7fff;

/** Why a copy of an IKE SA cannot be used: its site must authenticate anew. */
export type EpochFault =
  /** The copy was written in this generation, or in a later one. */
  | { readonly kind: "generation-not-later"; readonly detail: string }
  /** These keys have been read so often that no epoch is left for them. */
  | { readonly kind: "epoch-used-up"; readonly detail: string };

/** The generations of the process that writes and of the one that reads. */
export type Generations = { readonly writer: number; readonly reader: number };

/**
 * The next epoch of keys that were written in `epoch`. Processes that follow each other are
 * numbered by generations: a reader has a higher one than the writer, and no two processes have the
 * same. Keys gain one epoch for each generation. So two processes that read the same copy, one
 * after the other, get different epochs as well.
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
