/** A key exchange for simulations: fast, shaped like a real one, without any security. */

import { sha256 } from "../../src/crypto/hash.ts";
import type { KeyExchangeResult } from "../../src/crypto/key-exchange.ts";
import { type KeyExchangeRequest, keyExchangeFor } from "../../src/crypto/key-exchange.ts";
import { compareOctets } from "../../src/octets/concat.ts";
import { err, ok } from "../../src/octets/result.ts";

/** Both ends know both public values: the secret is their hash. */
export function toyKeyExchange(op: KeyExchangeRequest): KeyExchangeResult {
  const length = keyExchangeFor(op.method)?.publicOctets;
  if (length === undefined) return err({ kind: "unsupported", detail: "not built in" });
  const own = publicOf(op.random, length);
  const none = new Uint8Array(0);
  if (op.op === "offer") return ok({ publicValue: own, sharedSecret: none });
  if (op.peerPublic.length !== length) {
    return err({ kind: "invalid-public", detail: `${op.peerPublic.length} octets` });
  }
  const isFirst = compareOctets(own, op.peerPublic) < 0;
  const sharedSecret = isFirst ? sha256(own, op.peerPublic) : sha256(op.peerPublic, own);
  return ok({ publicValue: op.op === "respond" ? own : none, sharedSecret });
}

function publicOf(random: Uint8Array, length: number): Uint8Array {
  const digest = sha256(random);
  const value = new Uint8Array(length);
  for (let at = 0; at < length; at++) value[at] = digest[at % digest.length] ?? 0;
  return value;
}
