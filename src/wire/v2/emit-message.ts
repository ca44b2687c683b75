/** Messages and chains of payloads as octets (RFC 7296 §3). */

import { Writer } from "../../octets/writer.ts";
import { emitHeader, IKE_HEADER_OCTETS, type IkeHeader, patchHeaderLength } from "../header.ts";
import type { Payload } from "./message.ts";
import { emitPayloads, firstPayloadType } from "./payload-chain.ts";
import { payloadsLength } from "./payload-length.ts";

/** A header without the fields that follow from the payloads. */
export type MessageHeader = Omit<IkeHeader, "length" | "nextPayload">;

/** A whole message without protection: IKE_SA_INIT, and answers to strangers. */
export function emitMessage(header: MessageHeader, payloads: readonly Payload[]): Uint8Array {
  const w = new Writer(IKE_HEADER_OCTETS + payloadsLength(payloads));
  emitHeader(w, header, firstPayloadType(payloads));
  emitPayloads(w, payloads);
  patchHeaderLength(w);
  return w.done();
}

/** Payloads alone: an Encrypted payload holds them padded and encrypted (§3.14). */
export function emitPayloadOctets(payloads: readonly Payload[]): Uint8Array {
  const w = new Writer(payloadsLength(payloads));
  emitPayloads(w, payloads);
  return w.done();
}
