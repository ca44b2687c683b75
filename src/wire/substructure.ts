/**
 * Proposals and transforms inside an SA payload: in every version of IKE each begins with the same
 * four octets (RFC 7296 §3.3.1, §3.3.2; RFC 2408 §3.5, §3.6).
 */

import { assert } from "../octets/assert.ts";
import type { Reader } from "../octets/reader.ts";
import type { Writer } from "../octets/writer.ts";

/** `more`: what the first octet says if another one of its kind follows. */
export type Substructure = { readonly more: number; readonly octetsMin: number };

export const PROPOSAL: Substructure = { more: 2, octetsMin: 8 };
export const TRANSFORM: Substructure = { more: 3, octetsMin: 8 };

// | Last Substruc |   RESERVED    |            Length             |

/** Reads the header of the one that faults call `name`; faults unless its body is complete. */
export function parseSubstructure(
  r: Reader,
  name: string,
  kind: Substructure,
): { readonly body: Reader; readonly more: boolean } {
  if (r.left < HEADER_OCTETS) {
    r.fail(`${name}: needs a header of ${HEADER_OCTETS} octets, has ${r.left}`);
  }
  const last = r.u8();
  r.u8(); // RESERVED: MUST be ignored on receipt
  const length = r.u16();
  if (last !== LAST && last !== kind.more) {
    r.fail(`${name}: Last Substruc ${last}, needs ${LAST} or ${kind.more}`);
  }
  if (length < kind.octetsMin)
    r.fail(`${name}: length ${length}, needs at least ${kind.octetsMin}`);
  const octets = length - HEADER_OCTETS;
  if (octets > r.left) r.fail(`${name}: length ${length}, but ${r.left + 4} octets are left`);
  return { body: r.sub(octets, `${r.where}, ${name}`), more: last !== LAST };
}

/** Faults unless transform `i` of `count` says rightly whether another one follows. */
export function checkLastTransform(r: Reader, more: boolean, i: number, count: number): void {
  if (more === i < count) return;
  r.fail(`transform ${i} of ${count}: Last Substruc ${more ? TRANSFORM.more : LAST}`);
}

/**
 * Writes the header. Give the returned offset to {@link patchSubstructureLength} once the body is
 * written.
 */
export function emitSubstructure(w: Writer, kind: Substructure, more: boolean): number {
  const at = w.length;
  w.u8(more ? kind.more : LAST)
    .u8(0)
    .u16(0);
  return at;
}

/** Sets the length of the one that begins at `at`, so that it covers all that is written. */
export function patchSubstructureLength(w: Writer, at: number): void {
  const length = w.length - at;
  assert(length <= 0xffff, "octets of a proposal", length);
  w.patchU16(at + 2, length);
}

const LAST = 0;
const HEADER_OCTETS = 4;
