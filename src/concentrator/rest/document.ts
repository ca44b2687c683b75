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

/** As what it is counted while it is at rest. */
export type Kind = { readonly isV1: boolean; readonly canBeSentAway: boolean };

/** What walks over all sites want to know of each. */
export type Beginning = Kind & {
  /** The index of its eroute as configured. */
  readonly base: number;
  readonly peerId: PeerId;
  /** States that the kernel accepted from us. */
  readonly states: readonly XfrmStateId[];
};

/** All but the IKE SA. */
export type Remains = Beginning & {
  readonly eroute: RestingEroute;
  readonly children: readonly PlainChild[];
};

export type SiteDocument = Remains & {
  readonly ikeSa: RestingIkeSa;
  readonly initialContact: boolean;
};

const CHILDREN_MAX = 65_535;

const KIND = { isV1: bool, canBeSentAway: bool } as const;

const kind: Codec<Kind> = record<Kind>(KIND);

const BEGINNING = {
  ...KIND,
  base: u16,
  peerId,
  states: list(stateId, CHILDREN_MAX),
} as const;

const beginning: Codec<Beginning> = record<Beginning>(BEGINNING);

const REMAINS = {
  ...BEGINNING,
  eroute: restingEroute,
  children: list(plainChild, CHILDREN_MAX),
} as const;

const remains: Codec<Remains> = record<Remains>(REMAINS);

const document: Codec<SiteDocument> = record<SiteDocument>({
  ...REMAINS,
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
    return resting.documents.put(octets, length);
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

/** Of a site that is not woken. */
export function readBeginningOf(resting: Resting, place: Place): Read<Beginning> {
  return readFirst(resting, place, beginning);
}

/** Of a site that cannot be read to its end. */
export function readRemains(resting: Resting, place: Place): Read<Remains> {
  return readFirst(resting, place, remains);
}

function readFirst<T>(resting: Resting, place: Place, codec: Codec<T>): Read<T> {
  const octets = resting.documents.view(place);
  const lexicon = lexiconOf(resting, octets);
  const value = readBeginning(codec, octets, ANCHOR, lexicon);
  assert(value !== undefined, "the beginning of a site at rest can be read");
  return { value, lexicon };
}

/** What the tables have counted of it; undefined: not even that can be read. */
export function readCounted(
  { documents, lexicons }: Resting,
  place: Place,
): { readonly kind: Kind | undefined; readonly lexicon: Lexicon | undefined } {
  const octets = documents.view(place);
  return { kind: readBeginning(kind, octets, ANCHOR), lexicon: lexicons.get(numberIn(octets)) };
}

type Read<T> = { readonly value: T; readonly lexicon: Lexicon };

function lexiconOf({ lexicons }: Resting, octets: Uint8Array): Lexicon {
  const lexicon = lexicons.get(numberIn(octets));
  assert(lexicon !== undefined, "a lexicon stays as long as a site was written with it");
  return lexicon;
}

function numberIn(octets: Uint8Array): number {
  return new DataView(octets.buffer, octets.byteOffset, octets.byteLength).getUint32(0);
}
