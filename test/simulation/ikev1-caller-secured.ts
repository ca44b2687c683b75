/** What the caller seals and opens once it has keys: nothing of it comes from the state machine. */

import { decryptPayloads, encryptPayloads, exchangeIv } from "../../src/ike/v1/cipher.ts";
import { type IsakmpAlgorithms, type IsakmpKeys, messageHash } from "../../src/ike/v1/keys.ts";
import { assert } from "../../src/octets/assert.ts";
import { equalOctets } from "../../src/octets/concat.ts";
import { type IkeSpi, parseHeader } from "../../src/wire/header.ts";
import { isakmpFlags } from "../../src/wire/v1/header.ts";
import type { Payload } from "../../src/wire/v1/message.ts";
import {
  emitEncrypted,
  emitMessage,
  emitPayloadOctets,
  parsePayloads,
} from "../../src/wire/v1/payload-chain.ts";

/** What Phase 1 has led to so far. */
export type CallerState = {
  spiR: IkeSpi;
  algorithms: IsakmpAlgorithms | undefined;
  keys: IsakmpKeys | undefined;
  lastBlock: Uint8Array;
  hashOfPeer?: (IDir_b: Uint8Array) => Uint8Array;
};

export type Secured = ReturnType<typeof securedBy>;

export function securedBy(spiI: IkeSpi, state: CallerState) {
  const secured = () => {
    const { algorithms, keys } = state;
    assert(algorithms !== undefined && keys !== undefined, "Phase 1 is over");
    return { algorithms, keys };
  };

  const seal = (
    exchangeType: number,
    messageId: number,
    iv: Uint8Array,
    payloads: readonly Payload[],
  ) => {
    const { algorithms, keys } = secured();
    const plain = emitPayloadOctets(payloads);
    const sealed = encryptPayloads(algorithms, keys.cipherKey, iv, plain);
    const flags = { encryption: true, commit: false, authenticationOnly: false };
    const head = { spiI, spiR: state.spiR, exchangeType, messageId, flags };
    const type = emitMessage(head, payloads)[16] ?? 0;
    return { octets: emitEncrypted(head, type, sealed.octets), iv: sealed.iv };
  };

  const hashedOf = (messageId: number, payloads: readonly Payload[]) => {
    const { algorithms, keys } = secured();
    const rest = emitPayloadOctets(payloads);
    const data = messageHash(algorithms.prf, keys.SKEYID_a, messageId, { rest });
    return [{ kind: "HASH", data } as const, ...payloads];
  };

  /** Opens a message of the other end, and checks its HASH. */
  const open = (octets: Uint8Array, iv?: Uint8Array, nonce?: Uint8Array) => {
    const header = parseHeader(octets);
    assert(header.ok, "a header");
    const { algorithms, keys } = secured();
    const { messageId, nextPayload } = header.value;
    assert(isakmpFlags(octets).encryption, "it is encrypted");
    const begin = iv ?? exchangeIv(algorithms, state.lastBlock, messageId);
    const opened = decryptPayloads(algorithms, keys.cipherKey, begin, octets.subarray(28));
    assert(opened !== undefined, "whole blocks");
    const parsed = parsePayloads(nextPayload, opened.octets, "message");
    assert(parsed.ok, "payloads");
    const { payloads, afterFirst } = parsed.value;
    const [first] = payloads;
    const content = nonce === undefined ? { rest: afterFirst } : { Ni: nonce, rest: afterFirst };
    const wanted = messageHash(algorithms.prf, keys.SKEYID_a, messageId, content);
    assert(first?.kind === "HASH" && equalOctets(first.data, wanted), "the HASH is right");
    return { header: header.value, payloads, iv: opened.iv };
  };

  return { secured, seal, hashedOf, open };
}
