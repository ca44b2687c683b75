/** Messages after Phase 1: encrypted, and hashed with SKEYID_a (RFC 2409 §5.5, §5.7). */

import { equalConstantTime, wipe } from "../../octets/secret.ts";
import { IKE_HEADER_OCTETS, type IkeHeader } from "../../wire/header.ts";
import { isakmpFlags } from "../../wire/v1/header.ts";
import type { Payload, ReceivedPayloads } from "../../wire/v1/message.ts";
import {
  emitEncrypted,
  emitPayloadOctets,
  firstPayloadType,
  parsePayloads,
} from "../../wire/v1/payload-chain.ts";
import type { IkeContext } from "../effect.ts";
import { decryptPayloads, encryptPayloads, exchangeIv } from "./cipher.ts";
import type { Established } from "./established-phase.ts";
import { messageHash } from "./keys.ts";
import { seenPayloads } from "./seen-message.ts";

export type Secured = Pick<Established, "id" | "algorithms" | "keys" | "lastBlock">;

/** A decrypted message: nothing in it is authenticated yet. */
export type Decrypted = {
  readonly received: ReceivedPayloads;
  /** The IV of the next message. */
  readonly iv: Uint8Array;
};

/** Decrypts a message; undefined if it is not encrypted, or decrypts to nonsense. */
export function decryptMessage(
  { algorithms, keys }: Pick<Established, "algorithms" | "keys">,
  iv: Uint8Array,
  header: IkeHeader,
  octets: Uint8Array,
): Decrypted | undefined {
  if (!isakmpFlags(octets).encryption) return undefined;
  const content = octets.slice(IKE_HEADER_OCTETS);
  const opened = decryptPayloads(algorithms, keys.cipherKey, iv, content);
  if (opened === undefined) return undefined;
  const parsed = parsePayloads(header.nextPayload, opened.octets, "message");
  return parsed.ok ? { received: parsed.value, iv: opened.iv } : undefined;
}

/** The IV with which an exchange begins. */
export function firstIv({ algorithms, lastBlock }: Secured, messageId: number): Uint8Array {
  return exchangeIv(algorithms, lastBlock, messageId);
}

/**
 * Whether the first payload is the HASH of the others. `Ni`: in the second message of Quick Mode
 * the initiator's nonce is covered, too.
 */
export function isHashed(
  { algorithms, keys }: Secured,
  messageId: number,
  { payloads, afterFirst }: ReceivedPayloads,
  Ni?: Uint8Array,
): boolean {
  const [first] = payloads;
  if (first?.kind !== "HASH") return false;
  const content = Ni === undefined ? { rest: afterFirst } : { Ni, rest: afterFirst };
  const wanted = messageHash(algorithms.prf, keys.SKEYID_a, messageId, content);
  const isRight = equalConstantTime(wanted, first.data);
  wipe(wanted);
  return isRight;
}

/** The HASH of payloads, before them. */
export function hashed(
  { algorithms, keys }: Secured,
  messageId: number,
  payloads: readonly Payload[],
  Ni?: Uint8Array,
): readonly Payload[] {
  const rest = emitPayloadOctets(payloads);
  const content = Ni === undefined ? { rest } : { Ni, rest };
  const data = messageHash(algorithms.prf, keys.SKEYID_a, messageId, content);
  return [{ kind: "HASH", data }, ...payloads];
}

/** A message, encrypted, and the IV of the next one. */
export function sealMessage(
  sa: Pick<Secured, "id" | "algorithms" | "keys">,
  head: {
    readonly exchangeType: number;
    readonly messageId: number;
    readonly iv: Uint8Array;
  },
  payloads: readonly Payload[],
  { onMessage }: Pick<IkeContext, "onMessage">,
): { readonly octets: Uint8Array; readonly iv: Uint8Array } {
  const { exchangeType, messageId } = head;
  const plain = emitPayloadOctets(payloads);
  const sealed = encryptPayloads(sa.algorithms, sa.keys.cipherKey, head.iv, plain);
  const flags = { encryption: true, commit: false, authenticationOnly: false };
  const { spiI, spiR } = sa.id;
  const header = { spiI, spiR, exchangeType, messageId, flags };
  onMessage?.(seenPayloads("sent", header, payloads));
  const type = firstPayloadType(payloads);
  return { octets: emitEncrypted(header, type, sealed.octets), iv: sealed.iv };
}

/** A new message ID for an exchange of ours: random and not zero (RFC 2408 §3.1). */
export function newMessageId(
  { quickModes }: Pick<Established, "quickModes">,
  { random }: Pick<IkeContext, "random">,
): number {
  for (;;) {
    const octets = random(4);
    const id = new DataView(octets.buffer, octets.byteOffset, 4).getUint32(0);
    if (id !== 0 && !quickModes.some(({ messageId }) => messageId === id)) return id;
  }
}
