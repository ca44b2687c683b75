/**
 * Messages of IKEv1 in fragments, as Cisco and Microsoft have them: each fragment is a message in
 * clear whose only payload holds a part of the whole one. Nothing about them is authentic until the
 * whole message has been read.
 */

import { concat, equalOctets } from "../../octets/concat.ts";
import { type Instant, later } from "../../octets/instant.ts";
import type { IkeHeader } from "../../wire/header.ts";
import type { IsakmpHeader } from "../../wire/v1/header.ts";
import type { FragmentPayload } from "../../wire/v1/message.ts";
import { emitMessage } from "../../wire/v1/payload-chain.ts";
import { AUTH_OCTETS_MAX } from "../limits.ts";

/** A message of which some fragments have arrived. One is kept at a time. */
export type Reassembly = {
  readonly messageId: number;
  readonly exchangeType: number;
  readonly id: number;
  /** The number of the last fragment, once that has arrived. */
  readonly last: number | undefined;
  readonly parts: ReadonlyMap<number, Uint8Array>;
  readonly octets: number;
  /** If it is not complete by then, it is forgotten. */
  readonly until: Instant;
};

/** After a fragment was added. */
export type Added =
  | { readonly kind: "incomplete"; readonly reassembly: Reassembly }
  /** The message is forgotten; `why` has both numbers. */
  | { readonly kind: "refused"; readonly why: string }
  /** A whole message with its header, which is read like any other. */
  | { readonly kind: "whole"; readonly octets: Uint8Array };

/** Fragments of 552 octets are the shortest in the field. */
const FRAGMENTS_MAX = 64;
/** A sender repeats all fragments of a message together, so older ones are not needed. */
const REASSEMBLY_MS_MAX = 30_000;

/**
 * Adds a fragment. It replaces what is known of another message. Some senders give every message
 * the same ID: a fragment that differs from the one with its number begins another message, too.
 */
export function addFragment(
  former: Reassembly | undefined,
  header: Pick<IkeHeader, "messageId" | "exchangeType">,
  fragment: FragmentPayload,
  now: Instant,
): Added {
  const { number, isLast, data } = fragment;
  if (number > FRAGMENTS_MAX) {
    return refused(`fragment number ${number}, at most ${FRAGMENTS_MAX} are accepted`);
  }
  const isSame = former !== undefined && now < former.until && fits(former, header, fragment);
  const known = isSame ? former : begin(header, fragment.id, now);
  const octets = known.parts.has(number) ? known.octets : known.octets + data.length;
  if (octets > AUTH_OCTETS_MAX) {
    return refused(`fragments of ${octets} octets, at most ${AUTH_OCTETS_MAX} are accepted`);
  }
  const last = isLast ? number : known.last;
  const parts = new Map(known.parts).set(number, data.slice());
  const { messageId, exchangeType, id, until } = known;
  if (last === undefined || parts.size < last) {
    const reassembly = { messageId, exchangeType, id, last, parts, octets, until };
    return { kind: "incomplete", reassembly };
  }
  const ordered = Array.from({ length: last }, (_, i) => parts.get(i + 1) ?? new Uint8Array(0));
  return { kind: "whole", octets: concat(...ordered) };
}

/** Whether a fragment can be of the same message. */
function fits(
  known: Reassembly,
  header: Pick<IkeHeader, "messageId" | "exchangeType">,
  { id, number, isLast, data }: FragmentPayload,
): boolean {
  if (known.id !== id || known.messageId !== header.messageId) return false;
  if (known.exchangeType !== header.exchangeType) return false;
  const there = known.parts.get(number);
  if (there !== undefined && !equalOctets(there, data)) return false;
  if (known.last !== undefined) return isLast ? number === known.last : number < known.last;
  return !isLast || [...known.parts.keys()].every((other) => other <= number);
}

function begin(
  { messageId, exchangeType }: Pick<IkeHeader, "messageId" | "exchangeType">,
  id: number,
  now: Instant,
): Reassembly {
  const until = later(now, REASSEMBLY_MS_MAX);
  return { messageId, exchangeType, id, last: undefined, parts: new Map(), octets: 0, until };
}

function refused(why: string): Added {
  return { kind: "refused", why };
}

/**
 * A whole message as fragments with at most `partOctets` of it in each; undefined if they would be
 * too many. `header` is that of the message.
 */
export function fragmentsOf(
  message: Uint8Array,
  header: IsakmpHeader,
  { id, partOctets }: { readonly id: number; readonly partOctets: number },
): readonly Uint8Array[] | undefined {
  const count = Math.ceil(message.length / partOctets);
  if (count > FRAGMENTS_MAX) return undefined;
  const { spiI, spiR, exchangeType, messageId } = header;
  const flags = { encryption: false, commit: false, authenticationOnly: false };
  return Array.from({ length: count }, (_, i) => {
    const data = message.subarray(i * partOctets, (i + 1) * partOctets);
    const number = i + 1;
    const fragment = { kind: "FRAGMENT", id, number, isLast: number === count, data } as const;
    return emitMessage({ spiI, spiR, exchangeType, messageId, flags }, [fragment]);
  });
}
