/**
 * The frame around state that one process writes for the next: it shows whether a document is ours,
 * of a known version, complete and intact. The content holds keys that open and forge all IKE
 * messages. So it must not reach a disk unprotected, and is overwritten once it has been read.
 */

import { sha256 } from "../../crypto/hash.ts";
import { type Anchor, type Codec, type Interned, type Reading, u32 } from "../../octets/codec.ts";
import { concat, equalOctets } from "../../octets/concat.ts";
import { Draft } from "../../octets/draft.ts";
import { decode, Reader } from "../../octets/reader.ts";
import { err, type Result } from "../../octets/result.ts";
import { wipe } from "../../octets/secret.ts";
import type { Vocabulary } from "../../octets/vocabulary.ts";
import { Writer } from "../../octets/writer.ts";

/** Why a document cannot be read. */
export type StateFault = {
  readonly kind:
    | "not-a-state"
    | "unknown-version"
    | "truncated"
    | "too-large"
    | "checksum"
    | "malformed"
    | "generation-not-later"
    | "epoch-used-up"
    | "no-eroute";
  readonly detail: string;
};

/**
 * Raised with each change of the format. A reader accepts only its own version: another version
 * comes from another build, and then all sites negotiate anew.
 */
export const STATE_VERSION = 14;

/** More than ten times the size of an IKE SA in the middle of its longest exchange. */
export const DOCUMENT_OCTETS_MAX = 16 * 1024 * 1024;

//                      1                   2                   3
//  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
// +---------------------------------------------------------------+
// | "erou"                                                        |
// +-------------------------------+-------------------------------+
// | "td"                          | version                       |
// +-------------------------------+-------------------------------+
// | length of what follows the checksum                           |
// +---------------------------------------------------------------+
// | checksum: the first 8 octets of SHA-256 over all else         |
// |                                                               |
// +---------------------------------------------------------------+
// | generation of the writer                                      |
// +---------------------------------------------------------------+
// ~ content                                                       ~

const MAGIC = new TextEncoder().encode("eroutd");
const HEAD_OCTETS = 12;
const CHECKSUM_OCTETS = 8;
const CONTENT_AT = HEAD_OCTETS + CHECKSUM_OCTETS;

/** Who writes: the clocks of the process, and its generation. */
type Scribe = {
  readonly anchor: Anchor;
  readonly generation: number;
  /** Left out: the document stands alone. */
  readonly vocabulary?: Vocabulary | undefined;
  /** Left out: the document has a new one. */
  readonly draft?: Draft;
};

/** What other documents hold too. */
export type Around = {
  readonly interned?: Interned | undefined;
  readonly vocabulary?: Vocabulary | undefined;
};

/** Writes a value as a document, which is as secret as what `codec` writes. */
export function writeDocument<T>(codec: Codec<T>, value: T, writer: Scribe): Uint8Array {
  const content = writeContent(codec, value, writer);
  const head = new Writer(HEAD_OCTETS).octets(MAGIC).u16(STATE_VERSION).u32(content.length).done();
  const document = concat(head, checksumOf(head, content), content);
  wipe(content);
  return document;
}

/** Room for an IKE SA with its site. */
export const CONTENT_OCTETS = 2_048;

/** The content alone, for a place that has a version and a checksum of its own. */
export function writeContent<T>(codec: Codec<T>, value: T, writer: Scribe): Uint8Array {
  return drafted(codec, value, writer).taken();
}

/** The same in the draft, which the caller has to clear. */
export function drafted<T>(codec: Codec<T>, value: T, writer: Scribe): Draft {
  const { anchor, generation, vocabulary, draft = new Draft(CONTENT_OCTETS) } = writer;
  draft.clear();
  draft.number(generation, 4);
  codec.write({ w: draft, anchor, vocabulary, shared: new Map() }, value);
  return draft;
}

/** The value in a document and the generation of its writer; or why it cannot be read. */
export function readDocument<T>(
  codec: Codec<T>,
  document: Uint8Array,
  anchor: Anchor,
  around: Around = {},
): Result<{ readonly value: T; readonly generation: number }, StateFault> {
  const fault = frameFault(document);
  if (fault !== undefined) return err(fault);
  return readContent(codec, document.subarray(CONTENT_AT), anchor, around);
}

/** The same of a content alone. */
export function readContent<T>(
  codec: Codec<T>,
  content: Uint8Array,
  anchor: Anchor,
  around: Around = {},
): Result<{ readonly value: T; readonly generation: number }, StateFault> {
  return decode(content, "state", (r) => {
    const reading: Reading = { r, anchor, shared: new Map(), ...around };
    const generation = u32.read(reading);
    const value = codec.read(reading);
    r.end();
    return { value, generation };
  });
}

/** What the content of a document begins with; undefined: it cannot be read. */
export function readBeginning<T>(
  codec: Codec<T>,
  content: Uint8Array,
  anchor: Anchor,
  around: Around = {},
): T | undefined {
  const read = decode(content, "state", (r) => {
    const reading: Reading = { r, anchor, shared: new Map(), ...around };
    u32.read(reading);
    return codec.read(reading);
  });
  return read.ok ? read.value : undefined;
}

function frameFault(document: Uint8Array): StateFault | undefined {
  const { length } = document;
  if (length > DOCUMENT_OCTETS_MAX) {
    return { kind: "too-large", detail: `${length} octets, at most ${DOCUMENT_OCTETS_MAX}` };
  }
  const magic = document.subarray(0, MAGIC.length);
  if (!equalOctets(magic, MAGIC.subarray(0, magic.length))) {
    return { kind: "not-a-state", detail: "it does not begin as a state of erouted" };
  }
  if (length < CONTENT_AT) {
    return { kind: "truncated", detail: `${length} octets of at least ${CONTENT_AT}` };
  }
  const r = new Reader(document, "state");
  r.skip(MAGIC.length);
  const version = r.u16();
  if (version !== STATE_VERSION) {
    return { kind: "unknown-version", detail: `version ${version}, known is ${STATE_VERSION}` };
  }
  const content = r.u32();
  if (content > length - CONTENT_AT) {
    return { kind: "truncated", detail: `${length - CONTENT_AT} of ${content} octets of content` };
  }
  if (content < length - CONTENT_AT) {
    return { kind: "malformed", detail: `${length - CONTENT_AT - content} octets too many` };
  }
  const checksum = checksumOf(document.slice(0, HEAD_OCTETS), document.subarray(CONTENT_AT));
  if (!equalOctets(r.octets(CHECKSUM_OCTETS), checksum)) {
    return { kind: "checksum", detail: "octets are not as they were written" };
  }
  return undefined;
}

/** Covers all octets but its own. */
function checksumOf(head: Uint8Array, content: Uint8Array): Uint8Array {
  return sha256(head, content).slice(0, CHECKSUM_OCTETS);
}
