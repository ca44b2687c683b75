/** A site at rest as octets: what comes first can be read without the rest. */

import type { PeerId } from "../../eroute/peer-id.ts";
import { drafted, readBeginning, readContent } from "../../ike/state/document.ts";
import { assert } from "../../octets/assert.ts";
import { type Anchor, bool, type Codec, list, record, u16 } from "../../octets/codec.ts";
import type { Place } from "../../octets/octet-store.ts";
import type { XfrmStateId } from "../../xfrm/state.ts";
import { type PlainChild, plainChild, stateId } from "../dataplane/plain-child.ts";
import { type RestingIkeSa, restingIkeSa } from "../negotiation/at-rest.ts";
import { peerId } from "../plain-peer-id.ts";
import type { Lexicon, Resting } from "../resting.ts";
import { type RestingEroute, restingEroute } from "../sites/resting-eroute.ts";

/** What walks over all sites want to know of each. */
export type Beginning = {
  /** The index of its eroute as configured. */
  readonly base: number;
  readonly peerId: PeerId;
  /** States that the kernel accepted from us. */
  readonly states: readonly XfrmStateId[];
};

export type SiteDocument = Beginning & {
  readonly children: readonly PlainChild[];
  readonly eroute: RestingEroute;
  readonly ikeSa: RestingIkeSa;
  readonly initialContact: boolean;
};

const CHILDREN_MAX = 65_535;

const BEGINNING = {
  base: u16,
  peerId,
  states: list(stateId, CHILDREN_MAX),
} as const;

const beginning: Codec<Beginning> = record<Beginning>(BEGINNING);

const document: Codec<SiteDocument> = record<SiteDocument>({
  ...BEGINNING,
  children: list(plainChild, CHILDREN_MAX),
  eroute: restingEroute,
  ikeSa: restingIkeSa,
  initialContact: bool,
});

/** The process that writes is the one that reads: instants only have to be no negative numbers. */
const ANCHOR: Anchor = { now: 0, wallMs: 2 ** 44 };

/**
 * Keeps the octets, which are secret. They begin with the number of the lexicon. Undefined: there
 * are too many.
 */
export function writeSite(resting: Resting, site: SiteDocument): Place | undefined {
  const { number: generation, vocabulary } = resting.lexicon;
  const scribe = { anchor: ANCHOR, generation, vocabulary, draft: resting.draft };
  try {
    const { octets, length } = drafted(document, site, scribe);
    return resting.documents.put(octets.subarray(0, length));
  } finally {
    resting.draft.clear();
  }
}

export function readSite(resting: Resting, place: Place): Read<SiteDocument> {
  const octets = resting.documents.view(place);
  const lexicon = lexiconOf(resting, octets);
  const read = readContent(document, octets, ANCHOR, lexicon);
  assert(read.ok, read.ok ? "" : `a site at rest cannot be read: ${read.error.detail}`);
  return { value: read.value.value, lexicon };
}

export function readBeginningOf(resting: Resting, place: Place): Read<Beginning> {
  const octets = resting.documents.view(place);
  const lexicon = lexiconOf(resting, octets);
  const value = readBeginning(beginning, octets, ANCHOR, lexicon);
  assert(value !== undefined, "the beginning of a site at rest can be read");
  return { value, lexicon };
}

type Read<T> = { readonly value: T; readonly lexicon: Lexicon };

function lexiconOf({ lexicons }: Resting, octets: Uint8Array): Lexicon {
  const number = new DataView(octets.buffer, octets.byteOffset, 4).getUint32(0);
  const lexicon = lexicons.get(number);
  assert(lexicon !== undefined, "a lexicon stays as long as a site was written with it");
  return lexicon;
}
