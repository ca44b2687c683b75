/** Payloads of a site's requests, and what it reads from answers (RFC 7296 §1.2, §1.3). */

import { TransformType } from "../../src/crypto/transform.ts";
import type { TransformChoice } from "../../src/ike/algorithms.ts";
import { payloadOf } from "../../src/ike/v2/find-payload.ts";
import { Reader } from "../../src/octets/reader.ts";
import { Writer } from "../../src/octets/writer.ts";
import {
  type NotifyPayload,
  type Payload,
  type Proposal,
  Protocol,
  type SaPayload,
  type Transform,
} from "../../src/wire/v2/message.ts";
import { NotifyType } from "../../src/wire/v2/notify-type.ts";

/** A transform with or without key length. */
export function transformOf(type: number, id: number, keyBits?: number): Transform {
  return { type, id, keyBits, hasUnknownAttribute: false };
}

/** One IKE proposal; `spi` is empty in IKE_SA_INIT. */
export function ikeOffer(
  transforms: readonly Transform[],
  ke: readonly number[],
  spi: Uint8Array,
): SaPayload {
  const methods = ke.map((id) => transformOf(TransformType.KE, id));
  const proposal: Proposal = {
    number: 1,
    protocol: Protocol.IKE,
    spi,
    transforms: [...transforms, ...methods],
  };
  return { kind: "SA", proposals: [proposal] };
}

/** One ESP proposal, with a key exchange of its own if `ke` is given. */
export function espOffer(
  transforms: readonly Transform[],
  spiIn: number,
  ke: number | undefined,
): SaPayload {
  const methods = ke === undefined ? [] : [transformOf(TransformType.KE, ke)];
  const proposal: Proposal = {
    number: 1,
    protocol: Protocol.ESP,
    spi: spiOctets(spiIn),
    transforms: [...transforms, ...methods],
  };
  return { kind: "SA", proposals: [proposal] };
}

/** What an answer's only proposal chose; undefined if there is none. */
export function chosenOf(
  payloads: readonly Payload[],
): { readonly choice: TransformChoice; readonly spi: Uint8Array } | undefined {
  const proposal = payloadOf(payloads, "SA")?.proposals[0];
  if (proposal === undefined) return undefined;
  const idOf = (type: number) => proposal.transforms.find((t) => t.type === type)?.id ?? 0;
  const encr = proposal.transforms.find((t) => t.type === TransformType.ENCR);
  if (encr === undefined) return undefined;
  const choice = {
    encr: { id: encr.id, keyBits: encr.keyBits },
    integ: idOf(TransformType.INTEG),
    prf: idOf(TransformType.PRF),
    ke: idOf(TransformType.KE),
    esn: idOf(TransformType.ESN) === 1,
  };
  return { choice, spi: proposal.spi };
}

/** The first notify of an error type (below 16384), RFC 7296 §3.10.1. */
export function errorOf(payloads: readonly Payload[]): NotifyPayload | undefined {
  return payloads.find((p): p is NotifyPayload => p.kind === "NOTIFY" && p.type < 16384);
}

/** The group that N(INVALID_KE_PAYLOAD) asks for, if it is one that was offered. */
export function wantedGroup(
  payloads: readonly Payload[],
  offered: readonly number[],
): number | undefined {
  const notify = errorOf(payloads);
  if (notify?.type !== NotifyType.INVALID_KE_PAYLOAD || notify.data.length !== 2) return undefined;
  const group = new Reader(notify.data, "INVALID_KE_PAYLOAD").u16();
  return offered.includes(group) ? group : undefined;
}

/** N(REKEY_SA) for the Child SA with this inbound SPI. */
export function rekeyNotify(spiIn: number): NotifyPayload {
  return {
    kind: "NOTIFY",
    protocol: Protocol.ESP,
    spi: spiOctets(spiIn),
    type: NotifyType.REKEY_SA,
    data: new Uint8Array(0),
  };
}

export function spiOctets(spi: number): Uint8Array {
  return new Writer(4).u32(spi).done();
}

export function numberOfSpi(spi: Uint8Array): number {
  return new Reader(spi, "SPI").u32();
}
