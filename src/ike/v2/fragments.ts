/** Messages that came in fragments, put together again (RFC 7383 §2.6). */

import { concat } from "../../octets/concat.ts";
import { type Instant, later } from "../../octets/instant.ts";
import type { IkeHeader } from "../../wire/header.ts";
import type { Fragment } from "../../wire/v2/payload/sk.ts";
import { AUTH_OCTETS_MAX } from "../limits.ts";

/** One message of which some fragments are there. All of them have passed their integrity check. */
export type Reassembly = {
  readonly messageId: number;
  readonly exchangeType: number;
  readonly total: number;
  /** Type of the first payload inside: fragment 1 says it. */
  readonly firstInner: number;
  readonly parts: ReadonlyMap<number, Uint8Array>;
  readonly octets: number;
  /** What has not become whole by then is forgotten. */
  readonly until: Instant;
};

/** At most one message each way is put together at a time: both windows are one. */
export type Fragments = {
  readonly request: Reassembly | undefined;
  readonly response: Reassembly | undefined;
  readonly limits: FragmentLimits;
  /** Why authentic fragments were not taken, once that has happened. */
  readonly refused: string | undefined;
};

/** A message in more fragments, or with more in them, is not taken. */
export type FragmentLimits = { readonly fragmentsMax: number; readonly octetsMax: number };

/** Both ends have agreed on fragments, and know each other. */
export const NO_FRAGMENTS: Fragments = {
  request: undefined,
  response: undefined,
  refused: undefined,
  limits: { fragmentsMax: 128, octetsMax: 65_536 },
};

/** The same with a peer that has not authenticated yet: room for a chain of certificates. */
export const NO_FRAGMENTS_BEFORE_AUTH: Fragments = {
  ...NO_FRAGMENTS,
  limits: { fragmentsMax: 64, octetsMax: AUTH_OCTETS_MAX },
};

/** They have not agreed on fragments: none is taken. */
export const FRAGMENTS_OFF: Fragments = {
  ...NO_FRAGMENTS,
  limits: { fragmentsMax: 0, octetsMax: 0 },
};

/** None have come, and what was agreed on stays: for an IKE SA whose peer is known now. */
export function afterAuth({ limits }: Pick<Fragments, "limits">): Fragments {
  return limits.fragmentsMax === 0 ? FRAGMENTS_OFF : NO_FRAGMENTS;
}

/** Octets that are kept of what has come. */
export function fragmentOctetsKept({ request, response }: Fragments): number {
  return (request?.octets ?? 0) + (response?.octets ?? 0);
}

/** A sender repeats all fragments of a message together: nobody needs older ones. */
const REASSEMBLY_MS_MAX = 60_000;

/** What a fragment held once it was decrypted. */
export type Part = {
  readonly fragment: Fragment;
  readonly firstInner: number;
  readonly plaintext: Uint8Array;
};

/** A fragment added: either there is more to come, or the message is whole. */
export type Added =
  | { readonly kind: "incomplete"; readonly fragments: Fragments }
  /** It is not taken, and what has come of its message is forgotten. */
  | { readonly kind: "refused"; readonly fragments: Fragments; readonly isFirst: boolean }
  | {
      readonly kind: "whole";
      readonly fragments: Fragments;
      readonly firstInner: number;
      readonly inner: Uint8Array;
    };

/**
 * Adds an authentic fragment. Those of another message, or of the same one cut into fewer pieces,
 * are forgotten; a piece of an earlier, coarser cut is passed over (§2.6).
 */
export function addFragment(former: Fragments, header: IkeHeader, part: Part, now: Instant): Added {
  const fragments = withoutStale(former, now);
  const way = header.flags.response ? "response" : "request";
  const { number, total } = part.fragment;
  const before = fragments[way];
  const { fragmentsMax, octetsMax } = fragments.limits;
  const refuse = (why: string): Added => ({
    kind: "refused",
    fragments: { ...fragments, [way]: undefined, refused: why },
    isFirst: fragments.refused === undefined,
  });
  if (fragmentsMax === 0) return refuse("it sends fragments, which were not agreed on");
  if (total > fragmentsMax) {
    return refuse(`it sends ${total} fragments, more than ${fragmentsMax}`);
  }
  const fits = before !== undefined && isSameMessage(before, header);
  if (fits && total < before.total) return { kind: "incomplete", fragments };
  const known = fits && total === before.total ? before : begin(header, total, now);
  if (known.parts.has(number)) return { kind: "incomplete", fragments };
  const octets = known.octets + part.plaintext.length;
  if (octets > octetsMax) {
    return refuse(`it sends more than ${octetsMax} octets in fragments`);
  }
  const parts = new Map(known.parts).set(number, part.plaintext.slice());
  const firstInner = number === 1 ? part.firstInner : known.firstInner;
  if (parts.size < total) {
    const now: Reassembly = { ...known, parts, octets, firstInner };
    return { kind: "incomplete", fragments: { ...fragments, [way]: now } };
  }
  const ordered = Array.from({ length: total }, (_, i) => parts.get(i + 1) ?? new Uint8Array(0));
  return {
    kind: "whole",
    fragments: { ...fragments, [way]: undefined },
    firstInner,
    inner: concat(...ordered),
  };
}

/** Without messages whose rest has not come in time. */
export function withoutStale(fragments: Fragments, now: Instant): Fragments {
  const { request, response } = fragments;
  const isFresh = (one: Reassembly | undefined) => one === undefined || now < one.until;
  if (isFresh(request) && isFresh(response)) return fragments;
  return {
    ...fragments,
    request: isFresh(request) ? request : undefined,
    response: isFresh(response) ? response : undefined,
  };
}

function isSameMessage(known: Reassembly, header: IkeHeader): boolean {
  return known.messageId === header.messageId && known.exchangeType === header.exchangeType;
}

function begin({ messageId, exchangeType }: IkeHeader, total: number, now: Instant): Reassembly {
  const until = later(now, REASSEMBLY_MS_MAX);
  return { messageId, exchangeType, total, firstInner: 0, parts: new Map(), octets: 0, until };
}
