/** Where the Encrypted payload lies in a message (RFC 7296 §3.14, RFC 7383 §2.5); no crypto. */

import { assert } from "../../octets/assert.ts";
import { decode, type Reader } from "../../octets/reader.ts";
import { err, ok, type Result } from "../../octets/result.ts";
import { Writer } from "../../octets/writer.ts";
import { emitHeader, IKE_HEADER_OCTETS, type IkeHeader, patchHeaderLength } from "../header.ts";
import { emitPayloadHeader, patchPayloadLength } from "../payload-header.ts";
import type { MessageHeader } from "./emit-message.ts";
import { exchangeName } from "./exchange-type.ts";
import { type Payload, PayloadType } from "./message.ts";
import { emitFragmentHead, type Fragment, parseFragmentHead } from "./payload/sk.ts";
import { type ChainFault, readChain, type UnsupportedCritical } from "./payload-chain.ts";

export type SkPlace = {
  readonly kind: "SK" | "SKF";
  /** Type of the first payload inside; NONE if it is empty, or a fragment after the first. */
  readonly firstInner: number;
  /**
   * Offset of the Encrypted payload's body, which begins with the IV and reaches to the end of the
   * message. The octets before it are the associated data of an AEAD; they include the fragment's
   * numbers.
   */
  readonly bodyAt: number;
  /** Payloads before the Encrypted one, usually none. Only the ICV protects them. */
  readonly outer: readonly Payload[];
  /** In an SKF: which fragment it is. */
  readonly fragment?: Fragment;
};

/**
 * The octets of a message before the body of its Encrypted payload. Those of a first fragment look
 * as if the message had come whole (RFC 9242 §3.3.2), apart from the lengths.
 */
export function headOf(message: Uint8Array, { kind, bodyAt }: SkPlace): Uint8Array {
  if (kind === "SK") return message.slice(0, bodyAt);
  const head = message.slice(0, bodyAt - FRAGMENT_HEAD_OCTETS);
  const end = head.length - GENERIC_HEADER_OCTETS;
  let typeAt = NEXT_PAYLOAD_AT;
  for (let at = IKE_HEADER_OCTETS; at < end; ) {
    typeAt = at;
    at += Math.max(GENERIC_HEADER_OCTETS, ((head[at + 2] ?? 0) << 8) | (head[at + 3] ?? 0));
  }
  head[typeAt] = PayloadType.SK;
  return head;
}

const NEXT_PAYLOAD_AT = 16;
const GENERIC_HEADER_OCTETS = 4;
/** Fragment Number and Total Fragments. */
const FRAGMENT_HEAD_OCTETS = 4;

/** Finds the Encrypted payload of a message; malformed if there is none, or it is not the last. */
export function findSk(message: Uint8Array, header: IkeHeader): Result<SkPlace, ChainFault> {
  const where = exchangeName(header.exchangeType);
  const place = decode(message, where, (r) => readSkPlace(r, header.nextPayload));
  if (!place.ok) return place;
  return place.value.kind === "unsupported-critical" ? err(place.value) : ok(place.value);
}

function readSkPlace(r: Reader, first: number): SkPlace | UnsupportedCritical {
  r.skip(IKE_HEADER_OCTETS);
  const chain = readChain(r, first);
  if ("kind" in chain) return chain;
  const { payloads: outer, encrypted } = chain;
  if (encrypted === undefined) r.fail(`no Encrypted payload among ${outer.length} payloads`);
  const { firstInner } = encrypted;
  if (encrypted.payloadType === PayloadType.SK) {
    return { kind: "SK", firstInner, bodyAt: r.at, outer };
  }
  const fragment = parseFragmentHead(r);
  return { kind: "SKF", firstInner, bodyAt: r.at, outer, fragment };
}

/** A message whose Encrypted payload still consists of zeros from `bodyAt` to its end. */
export type ProtectedFrame = { readonly octets: Uint8Array; readonly bodyAt: number };

/**
 * A message with only an Encrypted payload, all lengths set, and `bodyOctets` zeros in which the
 * caller puts IV, ciphertext and ICV. With `fragment` it is an SKF.
 */
export function emitProtectedFrame(
  header: MessageHeader,
  firstInner: number,
  bodyOctets: number,
  fragment?: Fragment,
): ProtectedFrame {
  assert(bodyOctets >= 0, "octets of an Encrypted payload", bodyOctets);
  const fragmentOctets = fragment === undefined ? 0 : FRAGMENT_HEAD_OCTETS;
  const w = new Writer(FRAME_OCTETS + fragmentOctets + bodyOctets);
  const nextPayload = fragment === undefined ? PayloadType.SK : PayloadType.SKF;
  emitHeader(w, header, nextPayload);
  const at = emitPayloadHeader(w, firstInner);
  if (fragment !== undefined) emitFragmentHead(w, fragment);
  const bodyAt = w.length;
  w.zeros(bodyOctets);
  patchPayloadLength(w, at);
  patchHeaderLength(w);
  return { octets: w.done(), bodyAt };
}

/** IKE header and generic header. */
const FRAME_OCTETS = IKE_HEADER_OCTETS + GENERIC_HEADER_OCTETS;
