/**
 * The two numbers before the IV of an Encrypted Fragment payload (RFC 7383 §2.5); an SK has none.
 */

import { assert } from "../../../octets/assert.ts";
import type { Reader } from "../../../octets/reader.ts";
import type { Writer } from "../../../octets/writer.ts";

/** Fragment `number` of `total`, counted from 1. */
export type Fragment = { readonly number: number; readonly total: number };

// |        Fragment Number        |        Total Fragments        |
// |                     Initialization Vector                     |

/** Reads the two numbers; faults unless 1 ≤ Fragment Number ≤ Total Fragments. */
export function parseFragmentHead(r: Reader): Fragment {
  const number = r.u16();
  const total = r.u16();
  if (number === 0 || number > total) r.fail(`Fragment Number ${number} of ${total}`);
  return { number, total };
}

/** Writes the two numbers. */
export function emitFragmentHead(w: Writer, fragment: Fragment): void {
  const { number, total } = fragment;
  assert(number >= 1 && number <= total && total <= 0xffff, `fragment ${number} of ${total}`);
  w.u16(number).u16(total);
}
