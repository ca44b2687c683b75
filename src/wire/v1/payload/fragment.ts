/** The Fragment payload, which Cisco and Microsoft invented: a part of a whole IKEv1 message. */

import { assert } from "../../../octets/assert.ts";
import type { Reader } from "../../../octets/reader.ts";
import type { Writer } from "../../../octets/writer.ts";
import type { FragmentPayload } from "../message.ts";

// |          Fragment ID          |    Number     |     Flags     |
// ~                   Part of the whole message                   ~

/** Reads a Fragment payload; faults if it is number 0, or holds nothing. */
export function parseFragment(r: Reader): FragmentPayload {
  const id = r.u16();
  const number = r.u8();
  const isLast = (r.u8() & LAST) !== 0;
  if (number === 0) r.fail("fragment number 0, the first is 1");
  if (r.left === 0) r.fail(`fragment ${number} holds nothing`);
  return { kind: "FRAGMENT", id, number, isLast, data: r.rest() };
}

/** Writes the body of a Fragment payload. */
export function emitFragment(w: Writer, { id, number, isLast, data }: FragmentPayload): void {
  assert(number >= 1 && number <= 0xff, `fragment number ${number}`);
  w.u16(id)
    .u8(number)
    .u8(isLast ? LAST : 0)
    .octets(data);
}

const LAST = 0x01;
