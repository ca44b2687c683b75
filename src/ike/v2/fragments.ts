/** Reassembly of messages that arrive in fragments (RFC 7383 §2.6). */

import { concat } from "../../octets/concat.ts";
import { type Instant, later } from "../../octets/instant.ts";
import type { IkeHeader } from "../../wire/header.ts";
import type { Fragment } from "../../wire/v2/payload/sk.ts";
import { AUTH_OCTETS_MAX } from "../limits.ts";

/** A message of which some fragments have arrived. All of them passed their integrity check. */
export type Reassembly = {
  readonly messageId: number;
  readonly exchangeType: number;
  readonly total: number;
  /** Type of the first payload inside, from fragment 1. */
  readonly firstInner: number;
  /** What precedes the body of fragment 1, as if the message had come whole; empty before it. */
  readonly head: Uint8Array;
  readonly parts: ReadonlyMap<number, Uint8Array>;
  readonly octets: number;
  /** If it is not complete by then, it is forgotten. */
  readonly until: Instant;
};

/** At most one request and one response at a time: both windows have size one. */
export type Fragments = {
  readonly request: Reassembly | undefined;
  readonly response: Reassembly | undefined;
  readonly limits: FragmentLimits;
  /** Why authentic fragments were not accepted, once that has happened. */
  readonly refused: string | undefined;
};

/** A message with more fragments or more octets is not accepted. */
export type FragmentLimits = { readonly fragmentsMax: number; readonly octetsMax: number };

/** Both ends have agreed on fragments, and are authenticated. */
export const NO_FRAGMENTS: Fragments = {
  request: undefined,
  response: undefined,
  refused: undefined,
  limits: { fragmentsMax: 128, octetsMax: 65_536 },
};

/** The same before the peer has authenticated: room for a chain of certificates. */
export const NO_FRAGMENTS_BEFORE_AUTH: Fragments = {
  ...NO_FRAGMENTS,
  limits: { fragmentsMax: 64, octetsMax: AUTH_OCTETS_MAX },
};

/** The ends have not agreed on fragments: none is accepted. */
export const FRAGMENTS_OFF: Fragments = {
  ...NO_FRAGMENTS,
  limits: { fragmentsMax: 0, octetsMax: 0 },
};

/** The same agreement for a round before authentication; none have arrived yet. */
export function fragmentsOfRound({ limits }: Fragments, octetsMax: number): Fragments {
  const { fragmentsMax } = NO_FRAGMENTS_BEFORE_AUTH.limits;
  if (limits.fragmentsMax === 0) return FRAGMENTS_OFF;
  return { ...NO_FRAGMENTS_BEFORE_AUTH, limits: { fragmentsMax, octetsMax } };
}

/** The same agreement once the peer has authenticated; none have arrived yet. */
export function afterAuth({ limits }: Pick<Fragments, "limits">): Fragments {
  return limits.fragmentsMax === 0 ? FRAGMENTS_OFF : NO_FRAGMENTS;
}

/** How many octets of fragments are stored. */
export function fragmentOctetsKept({ request, response }: Fragments): number {
  return (request?.octets ?? 0) + (response?.octets ?? 0);
}

/** A sender repeats all fragments of a message together, so older ones are not needed. */
const REASSEMBLY_MS_MAX = 60_000;

/** The content of a fragment after decryption. */
export type Part = {
  readonly fragment: Fragment;
  readonly firstInner: number;
  /** Both are kept: nothing else holds them. */
  readonly head: Uint8Array;
  readonly plaintext: Uint8Array;
};

/** After a fragment was added: more are needed, or the message is complete. */
export type Added =
  | { readonly kind: "incomplete"; readonly fragments: Fragments }
  /** The fragment is not accepted, and its message is forgotten. */
  | { readonly kind: "refused"; readonly fragments: Fragments; readonly isFirst: boolean }
  | {
      readonly kind: "whole";
      readonly fragments: Fragments;
      readonly firstInner: number;
      readonly head: Uint8Array;
      readonly inner: Uint8Array;
    };

/**
 * Adds an authentic fragment. It replaces fragments of another message, and of the same message in
 * fewer pieces; it is ignored if the message is known in more pieces (§2.6).
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
  const { head, firstInner } = number === 1 ? part : known;
  const octets = known.octets + part.plaintext.length + (number === 1 ? head.length : 0);
  if (octets > octetsMax) {
    return refuse(`it sends more than ${octetsMax} octets in fragments`);
  }
  const parts = new Map(known.parts).set(number, part.plaintext);
  if (parts.size < total) {
    const now: Reassembly = { ...known, parts, octets, firstInner, head };
    return { kind: "incomplete", fragments: { ...fragments, [way]: now } };
  }
  const ordered = Array.from({ length: total }, (_, i) => parts.get(i + 1) ?? new Uint8Array(0));
  return {
    kind: "whole",
    fragments: { ...fragments, [way]: undefined },
    firstInner,
    head,
    inner: concat(...ordered),
  };
}

/** Without messages whose other fragments did not arrive in time. */
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
  const empty = { firstInner: 0, head: new Uint8Array(0), parts: new Map(), octets: 0 };
  return { messageId, exchangeType, total, ...empty, until };
}
