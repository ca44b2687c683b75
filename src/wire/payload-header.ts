/** The generic payload header that begins each payload (RFC 7296 §3.2). */

import { assert } from "../octets/assert.ts";
import type { Reader } from "../octets/reader.ts";
import type { Writer } from "../octets/writer.ts";

export const PAYLOAD_HEADER_OCTETS = 4;

/** The largest value of Payload Length. */
const PAYLOAD_OCTETS_MAX = 0xffff;

export type PayloadHeader = {
  readonly nextPayload: number;
  readonly critical: boolean;
  /** Octets that follow this header: Payload Length minus the header's own four. */
  readonly bodyOctets: number;
};

// |  Next Payload |C|  RESERVED   |         Payload Length        |

/**
 * Reads the generic header of the payload that faults call `name`; faults unless its body is
 * complete.
 */
export function parsePayloadHeader(r: Reader, name: string): PayloadHeader {
  if (r.left < PAYLOAD_HEADER_OCTETS) {
    r.fail(`${name}: needs a header of ${PAYLOAD_HEADER_OCTETS} octets, has ${r.left}`);
  }
  const nextPayload = r.u8();
  const critical = (r.u8() & CRITICAL) !== 0; // RESERVED: MUST be ignored on receipt
  const length = r.u16();
  if (length < PAYLOAD_HEADER_OCTETS) {
    r.fail(`${name}: Payload Length ${length}, needs at least ${PAYLOAD_HEADER_OCTETS}`);
  }
  const bodyOctets = length - PAYLOAD_HEADER_OCTETS;
  if (bodyOctets > r.left) {
    const left = r.left + PAYLOAD_HEADER_OCTETS;
    r.fail(`${name}: Payload Length ${length}, but ${left} octets are left`);
  }
  return { nextPayload, critical, bodyOctets };
}

/**
 * Writes a generic header, Critical clear as all payloads of RFC 7296 have it (§2.5). Give the
 * returned offset to {@link patchPayloadLength} once the body is written.
 */
export function emitPayloadHeader(w: Writer, nextPayload: number): number {
  const at = w.length;
  w.u8(nextPayload).u8(0).u16(0);
  return at;
}

/** Sets the Payload Length of the header at `at`, so that it covers all that is written. */
export function patchPayloadLength(w: Writer, at: number): void {
  const length = w.length - at;
  assert(length <= PAYLOAD_OCTETS_MAX, "octets of a payload, which do not fit its length", length);
  w.patchU16(at + LENGTH_AT, length);
}

const CRITICAL = 0x80;

/** Offset of Payload Length in the generic header. */
const LENGTH_AT = 2;
