/** A key exchange for simulations: fast, shaped like a real one, without any security. */

import { sha256 } from "../../src/crypto/hash.ts";
import type { KeyExchangeResult } from "../../src/crypto/key-exchange.ts";
import { type KeyExchangeRequest, keyExchangeFor } from "../../src/crypto/key-exchange.ts";
import { err, ok } from "../../src/octets/result.ts";

/** Both ends know both public values: the secret is the hash of the initiator's and the other. */
export function toyKeyExchange(op: KeyExchangeRequest): KeyExchangeResult {
  const method = keyExchangeFor(op.method);
  if (method === undefined) return err({ kind: "unsupported", detail: "not built in" });
  const { publicOctets, answerOctets } = method;
  const own = publicOf(op.random, op.op === "respond" ? answerOctets : publicOctets);
  const none = new Uint8Array(0);
  if (op.op === "offer") return ok({ publicValue: own, sharedSecret: none });
  const { peerPublic } = op;
  if (peerPublic.length !== (op.op === "respond" ? publicOctets : answerOctets)) {
    return err({ kind: "invalid-public", detail: `${peerPublic.length} octets` });
  }
  if (op.op === "derive") return ok({ publicValue: none, sharedSecret: sha256(own, peerPublic) });
  return ok({ publicValue: own, sharedSecret: sha256(peerPublic, own) });
}

function publicOf(random: Uint8Array, length: number): Uint8Array {
  const digest = sha256(random);
  const value = new Uint8Array(length);
  for (let at = 0; at < length; at++) value[at] = digest[at % digest.length] ?? 0;
  return value;
}
