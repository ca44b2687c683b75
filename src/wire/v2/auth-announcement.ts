/** The data of SUPPORTED_AUTH_METHODS: how its sender lets others authenticate (RFC 9593). */

import { decode } from "../../octets/reader.ts";
import { Writer } from "../../octets/writer.ts";

/** One announcement (§3.2). */
export type AuthAnnouncement = {
  /** Auth Method of AUTH (RFC 7296 §3.8). */
  readonly method: number;
  /** AlgorithmIdentifier in DER; empty if the announcement has none. */
  readonly algorithm: Uint8Array;
};

/** Announcements of one peer that are read; the rest is skipped. */
const ANNOUNCEMENTS_MAX = 64;

/** Methods that have no parameters: pre-shared key, NULL (§3.2.1). */
const PLAIN_METHODS: ReadonlySet<number> = new Set([2, 13]);

//                      1                   2                   3
//  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
// +---------------+---------------+---------------+
// |    Length     |  Auth Method  |   Cert Link   |
// +---------------+---------------+---------------+---------------+
// ~                      AlgorithmIdentifier                      ~
// +---------------------------------------------------------------+

/** Reads the announcements, copied because they outlive the datagram; unreadable data is none. */
export function parseAnnouncements(data: Uint8Array): readonly AuthAnnouncement[] {
  const read = decode(data, "SUPPORTED_AUTH_METHODS", (r) => {
    const known: AuthAnnouncement[] = [];
    while (r.left > 0 && known.length < ANNOUNCEMENTS_MAX) {
      const length = r.u8();
      if (length < 2) return r.fail(`an announcement of ${length} octets`);
      const method = r.u8();
      const rest = r.octets(length - 2);
      // Cert Link says to which authority an announcement applies: only a hint.
      known.push({ method, algorithm: rest.slice(1) });
    }
    return known;
  });
  return read.ok ? read.value : [];
}

/** Writes the announcements, in order of preference, for certificates of any authority. */
export function emitAnnouncements(announcements: readonly AuthAnnouncement[]): Uint8Array {
  const w = new Writer();
  for (const { method, algorithm } of announcements) {
    if (PLAIN_METHODS.has(method)) w.u8(2).u8(method);
    else
      w.u8(3 + algorithm.length)
        .u8(method)
        .u8(ANY_AUTHORITY)
        .octets(algorithm);
  }
  return w.done();
}

const ANY_AUTHORITY = 0;
