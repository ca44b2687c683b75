/** Handshakes of strongSwan with itself, and the keys that it logged. */

import { isakmpEncryptionFor, isakmpPrfFor } from "../../../../src/crypto/ikev1.ts";
import { Encr, PrfId } from "../../../../src/crypto/transform.ts";
import type { IsakmpAlgorithms } from "../../../../src/ike/v1/keys.ts";
import { IKE_HEADER_OCTETS, parseHeader } from "../../../../src/wire/header.ts";
import type { Payload, Received, ReceivedPayloads } from "../../../../src/wire/v1/message.ts";
import { parsePayloads } from "../../../../src/wire/v1/payload-chain.ts";
import recorded from "../../vectors/ikev1_strongswan.json";

export type Golden = (typeof recorded.handshakes)[number];

const [main, aggressive, withoutPfs] = recorded.handshakes;
if (main === undefined || aggressive === undefined || withoutPfs === undefined) {
  throw new Error("three handshakes were recorded");
}

/** Each handshake with the algorithms that it agreed on. */
export const GOLDEN: readonly (readonly [Golden, IsakmpAlgorithms])[] = [
  [main, algorithmsOf(Encr.AES_CBC, 256, PrfId.HMAC_SHA2_256, 14)],
  [aggressive, algorithmsOf(Encr.DES3, undefined, PrfId.HMAC_SHA1, 2)],
  [withoutPfs, algorithmsOf(Encr.AES_CBC, 128, PrfId.HMAC_MD5, 5)],
];

export const PSK = Uint8Array.fromHex(recorded.psk);

export const hex = (text: string) => Uint8Array.fromHex(text);

/** Header, octets after it, and the first payload of message `index`. */
export function messageAt(golden: Golden, index: number) {
  const octets = hex(golden.messages[index]?.octets ?? "");
  const header = parseHeader(octets);
  if (!header.ok) throw new Error(header.error.detail);
  return { octets, header: header.value, body: octets.subarray(IKE_HEADER_OCTETS) };
}

/** The payloads of a chain, all of them readable. */
export function payloadsIn(first: number, octets: Uint8Array): ReceivedPayloads {
  const chain = parsePayloads(first, octets, "recorded message");
  if (!chain.ok) throw new Error(`${chain.error.where}: ${chain.error.detail}`);
  const unread = chain.value.payloads.find(({ kind }) => kind === "UNREADABLE");
  if (unread !== undefined) throw new Error(JSON.stringify(unread));
  return chain.value;
}

/** The payloads of a message in clear. */
export function clearAt(golden: Golden, index: number): ReceivedPayloads {
  const { header, body } = messageAt(golden, index);
  return payloadsIn(header.nextPayload, body);
}

/** The first payload of a kind. */
export function the<K extends Payload["kind"]>(
  kind: K,
  { payloads }: ReceivedPayloads,
): Received & { readonly kind: K } {
  const found = payloads.find((one) => one.kind === kind);
  if (found === undefined) throw new Error(`no ${kind} payload`);
  return found as Received & { readonly kind: K };
}

function algorithmsOf(
  encrId: number,
  keyBits: number | undefined,
  prfId: number,
  ke: number,
): IsakmpAlgorithms {
  const encr = isakmpEncryptionFor(encrId, keyBits);
  const prf = isakmpPrfFor(prfId);
  if (encr === undefined || prf === undefined) throw new Error("built in");
  return { encr, prf, ke };
}
