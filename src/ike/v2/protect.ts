/** The Encrypted payload: sealing and opening messages (RFC 7296 §3.14, RFC 5282). */

import { type Encryption, seal, unseal } from "../../crypto/encryption.ts";
import { integrityIcv } from "../../crypto/integrity.ts";
import type { Instant } from "../../octets/instant.ts";
import { equalConstantTime } from "../../octets/secret.ts";
import { Writer } from "../../octets/writer.ts";
import type { IkeHeader } from "../../wire/header.ts";
import { emitPayloadOctets, type MessageHeader } from "../../wire/v2/emit-message.ts";
import { exchangeName } from "../../wire/v2/exchange-type.ts";
import { type Payload, PayloadType } from "../../wire/v2/message.ts";
import type { Fragment } from "../../wire/v2/payload/sk.ts";
import { firstPayloadType, parsePayloads } from "../../wire/v2/payload-chain.ts";
import { emitProtectedFrame, findSk, headOf, type SkPlace } from "../../wire/v2/protected.ts";
import type { IkeAlgorithms } from "../algorithms.ts";
import type { Refusal } from "../refusal.ts";
import type { SaId } from "../sa-id.ts";
import type { MessageListener, SeenMessage } from "../seen-message.ts";
import { addFragment, type Fragments } from "./fragments.ts";
import type { CoveredMessage } from "./int-auth.ts";
import type { IkeKeys } from "./keys.ts";
import { payloadsText, type SeenIkev2Message } from "./seen-message.ts";

/** What is needed to seal and open messages: an IKE SA that has keys. */
export type Secured = {
  readonly id: SaId;
  readonly algorithms: IkeAlgorithms;
  readonly keys: IkeKeys;
  /** Longer messages are sent in fragments (RFC 7383); undefined: none is. */
  readonly fragmentOctets: number | undefined;
};

export type MessageHead = {
  readonly exchangeType: number;
  readonly response: boolean;
  readonly messageId: number;
};

/** The content of a message of the peer, or why there is none. */
export type Opened =
  /** The sender is not the peer, or the message was damaged: it is dropped silently. */
  | { readonly kind: "forged" }
  /** The message is authentic but malformed: the sender is the peer, and may be told. */
  | { readonly kind: "faulty"; readonly refusal: Refusal }
  /** A fragment of a message; `fragments` are those that have arrived now. */
  | { readonly kind: "fragment"; readonly number: number; readonly fragments: Fragments }
  /** An authentic fragment that is not accepted; `fragments.refused` says why. */
  | { readonly kind: "unwelcome"; readonly isFirst: boolean; readonly fragments: Fragments }
  | {
      readonly kind: "whole";
      readonly payloads: readonly Payload[];
      /** What precedes the body of the Encrypted payload, as if the message came whole. */
      readonly head: Uint8Array;
      /** The payloads as octets. */
      readonly inner: Uint8Array;
      readonly fragments: Fragments;
    };

/** An authentic message, complete or malformed. */
export type Read = Extract<Opened, { kind: "faulty" | "whole" }>;

/** What sealing needs from outside. */
export type Sealing = {
  random(count: number): Uint8Array;
  readonly onMessage: MessageListener;
};
export type Opening = Pick<Sealing, "onMessage"> & { readonly now: Instant };

/**
 * The datagrams of a message with `payloads` sealed inside: one, or its fragments. A copy of the
 * keys must seal each (direction, response flag, message ID) only once: the AEAD nonce is made of
 * them.
 */
export function sealMessage(
  secured: Secured,
  head: MessageHead,
  payloads: readonly Payload[],
  { random, onMessage }: Sealing,
): readonly Uint8Array[] {
  if (onMessage !== undefined) show(onMessage, { way: "sent", secured, head, payloads });
  const inner = emitPayloadOctets(payloads);
  const firstInner = firstPayloadType(payloads);
  const { fragmentOctets } = secured;
  const whole = FRAME_OCTETS + sealedOctets(secured.algorithms, inner.length);
  if (fragmentOctets === undefined || whole <= fragmentOctets) {
    return [sealPart(secured, head, { inner, firstInner, fragment: undefined }, random)];
  }
  const room = roomInside(secured.algorithms, fragmentOctets);
  const total = Math.ceil(inner.length / room);
  return Array.from({ length: total }, (_, i) => {
    const part = inner.subarray(i * room, (i + 1) * room);
    const fragment = { number: i + 1, total };
    const first = i === 0 ? firstInner : PayloadType.NONE;
    return sealPart(secured, head, { inner: part, firstInner: first, fragment }, random);
  });
}

/** The message that {@link sealMessage} seals, as it is before encryption. */
export function coveredMessage(
  secured: Pick<Secured, "id">,
  head: MessageHead,
  payloads: readonly Payload[],
): CoveredMessage {
  const { octets } = emitProtectedFrame(headerOf(secured, head), firstPayloadType(payloads), 0);
  return { head: octets, inner: emitPayloadOctets(payloads) };
}

/** The content of a message of the peer, after its integrity check. */
export function openMessage(
  secured: Secured & { readonly fragments: Fragments },
  message: { readonly header: IkeHeader; readonly octets: Uint8Array },
  { onMessage, now }: Opening,
): Opened {
  const opened = open(secured, message, now);
  if (onMessage === undefined || opened.kind !== "whole") return opened;
  const { exchangeType, messageId, flags } = message.header;
  const head = { exchangeType, messageId, response: flags.response };
  show(onMessage, { way: "received", secured, head, payloads: opened.payloads });
  return opened;
}

function show(
  onMessage: NonNullable<MessageListener>,
  message: {
    readonly way: SeenMessage["way"];
    readonly secured: Secured;
    readonly head: MessageHead;
    readonly payloads: readonly Payload[];
  },
): void {
  const { way, secured, head, payloads } = message;
  const words = {
    exchange: exchangeName(head.exchangeType),
    inside: () => payloadsText(payloads),
  };
  const seen: SeenIkev2Message = { way, id: secured.id, ...head, ...words, payloads };
  onMessage(seen);
}

function open(
  secured: Secured & { readonly fragments: Fragments },
  { header, octets }: { readonly header: IkeHeader; readonly octets: Uint8Array },
  now: Instant,
): Opened {
  const place = findSk(octets, header);
  if (!place.ok) return { kind: "forged" };
  const { fragment, firstInner } = place.value;
  const plaintext = unprotect(secured, place.value, octets);
  if (plaintext === undefined) return { kind: "forged" };
  // Pad Length counts the padding before it, without its own octet.
  const padOctets = plaintext[plaintext.length - 1];
  if (padOctets === undefined || padOctets + 1 > plaintext.length) {
    const detail = `pad length ${padOctets ?? 0} of ${plaintext.length} octets`;
    return { kind: "faulty", refusal: { kind: "malformed", where: "Encrypted payload", detail } };
  }
  const inner = plaintext.slice(0, plaintext.length - padOctets - 1);
  const { fragments } = secured;
  const head = headOf(octets, place.value);
  if (fragment === undefined) return payloadsOf({ firstInner, head, inner }, fragments);
  const part = { fragment, firstInner, head, plaintext: inner };
  const added = addFragment(fragments, header, part, now);
  if (added.kind === "refused") {
    return { kind: "unwelcome", isFirst: added.isFirst, fragments: added.fragments };
  }
  if (added.kind === "whole") return payloadsOf(added, added.fragments);
  return { kind: "fragment", number: fragment.number, fragments: added.fragments };
}

function payloadsOf(
  { firstInner, head, inner }: CoveredMessage & { readonly firstInner: number },
  fragments: Fragments,
): Opened {
  const parsed = parsePayloads(firstInner, inner, "Encrypted payload");
  if (!parsed.ok) return { kind: "faulty", refusal: parsed.error };
  return { kind: "whole", payloads: parsed.value.payloads, head, inner, fragments };
}

/** IKE header, generic payload header. */
const FRAME_OCTETS = 32;
/** Fragment Number and Total Fragments. */
const FRAGMENT_HEAD_OCTETS = 4;

type PlainPart = {
  readonly inner: Uint8Array;
  readonly firstInner: number;
  readonly fragment: Fragment | undefined;
};

function sealPart(
  secured: Secured,
  head: MessageHead,
  part: PlainPart,
  random: (count: number) => Uint8Array,
): Uint8Array {
  const { encr, integ } = secured.algorithms;
  const { inner, fragment } = part;
  const padOctets = paddingOctets(encr, inner.length);
  const plaintext = new Uint8Array(inner.length + padOctets + 1);
  plaintext.set(inner);
  plaintext[plaintext.length - 1] = padOctets;
  const { octets, bodyAt } = emitProtectedFrame(
    headerOf(secured, head),
    part.firstInner,
    sealedOctets(secured.algorithms, inner.length),
    fragment,
  );
  const iv = encr.kind === "aead" ? aeadIv(secured, head, fragment) : random(encr.ivOctets);
  octets.set(iv, bodyAt);
  const aad = octets.slice(0, bodyAt);
  const key = sendKeys(secured);
  octets.set(seal(encr, key.encryption, iv, aad, plaintext), bodyAt + encr.ivOctets);
  if (integ !== undefined) {
    const covered = octets.subarray(0, octets.length - integ.icvOctets);
    octets.set(integrityIcv(integ, key.integrity, covered), covered.length);
  }
  return octets;
}

function headerOf({ id }: Pick<Secured, "id">, head: MessageHead): MessageHeader {
  const { exchangeType, response, messageId } = head;
  return {
    spiI: id.spiI,
    spiR: id.spiR,
    version: { major: 2, minor: 0 },
    exchangeType,
    flags: { initiator: id.role === "initiator", version: false, response },
    messageId,
  };
}

/** The length of IV, ciphertext and ICV for this many octets of payloads. */
function sealedOctets({ encr, integ }: IkeAlgorithms, innerOctets: number): number {
  const plain = innerOctets + paddingOctets(encr, innerOctets) + 1;
  return encr.ivOctets + plain + icvOctetsOf({ encr, integ });
}

/** How many octets of payloads fit into a fragment, padding included. */
function roomInside(algorithms: IkeAlgorithms, fragmentOctets: number): number {
  const { encr } = algorithms;
  const around = FRAME_OCTETS + FRAGMENT_HEAD_OCTETS + encr.ivOctets + icvOctetsOf(algorithms);
  const ciphertext = fragmentOctets - around;
  return ciphertext - (ciphertext % encr.blockOctets) - 1;
}

function icvOctetsOf({ encr, integ }: Pick<IkeAlgorithms, "encr" | "integ">): number {
  return encr.kind === "aead" ? encr.icvOctets : (integ?.icvOctets ?? 0);
}

function unprotect(secured: Secured, place: SkPlace, octets: Uint8Array): Uint8Array | undefined {
  const { encr, integ } = secured.algorithms;
  const key = receiveKeys(secured);
  const icvOctets = integ?.icvOctets ?? 0;
  const end = octets.length - icvOctets;
  if (place.bodyAt + encr.ivOctets > end) return undefined;
  if (integ !== undefined) {
    const icv = integrityIcv(integ, key.integrity, octets.subarray(0, end));
    if (!equalConstantTime(icv, octets.subarray(end))) return undefined;
  }
  const ivEnd = place.bodyAt + encr.ivOctets;
  const iv = octets.slice(place.bodyAt, ivEnd);
  const aad = octets.slice(0, place.bodyAt);
  return unseal(encr, key.encryption, iv, aad, octets.slice(ivEnd, end));
}

function paddingOctets(encr: Encryption, innerOctets: number): number {
  const rest = (innerOctets + 1) % encr.blockOctets;
  return rest === 0 ? 0 : encr.blockOctets - rest;
}

/**
 * Unique for each key: each direction has its own key, a copy of the keys seals a message only
 * once, and no two copies have the same epoch.
 */
//                      1                   2                   3
//  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
// +-----------------------------+-+-------------------------------+
// | epoch                       |R| Fragment Number, 0 if whole   |
// +-----------------------------+-+-------------------------------+
// | Message ID                                                    |
// +---------------------------------------------------------------+
function aeadIv(secured: Secured, head: MessageHead, fragment: Fragment | undefined): Uint8Array {
  const { algorithms, keys } = secured;
  return new Writer(algorithms.encr.ivOctets)
    .u16((keys.epoch << 1) | (head.response ? 1 : 0))
    .u16(fragment?.number ?? 0)
    .u32(head.messageId)
    .done();
}

type DirectionKeys = { readonly encryption: Uint8Array; readonly integrity: Uint8Array };

function sendKeys({ id, keys }: Secured): DirectionKeys {
  return id.role === "initiator"
    ? { encryption: keys.SK_ei, integrity: keys.SK_ai }
    : { encryption: keys.SK_er, integrity: keys.SK_ar };
}

function receiveKeys({ id, keys }: Secured): DirectionKeys {
  return id.role === "initiator"
    ? { encryption: keys.SK_er, integrity: keys.SK_ar }
    : { encryption: keys.SK_ei, integrity: keys.SK_ai };
}
