/**
 * ML-KEM by the runtime's own code, which is many times faster than the library in `crypto`, and
 * constant in time. It answers with promises, and draws the randomness of a ciphertext itself.
 */

import { webcrypto } from "node:crypto";
import {
  type KeyExchangeAnswer,
  type KeyExchangeRequest,
  type KeyExchangeResult,
  keyExchangeFor,
  mlKemFault,
} from "../crypto/key-exchange.ts";
import { wipe } from "../octets/secret.ts";

/** The runtime has no ML-KEM-512. */
const ALGORITHMS: ReadonlyMap<string | undefined, webcrypto.Algorithm> = new Map([
  ["ML_KEM_768", { name: "ML-KEM-768" }],
  ["ML_KEM_1024", { name: "ML-KEM-1024" }],
]);

const { subtle } = webcrypto;

/**
 * Begins one step of a key exchange; undefined if the runtime does not have its method. The work,
 * some tens of microseconds, is done at the end of this turn at the latest. The promise never
 * rejects, and `random` is read before this returns.
 */
export function beginMlKem(request: KeyExchangeRequest): Promise<KeyExchangeResult> | undefined {
  const algorithm = ALGORITHMS.get(keyExchangeFor(request.method)?.name);
  return algorithm === undefined ? undefined : settle(request, algorithm);
}

async function settle(
  request: KeyExchangeRequest,
  algorithm: webcrypto.Algorithm,
): Promise<KeyExchangeResult> {
  const wrong = mlKemFault(request);
  if (wrong !== undefined) return wrong;
  try {
    return { ok: true, value: await exchange(request, algorithm) };
  } catch (cause) {
    const detail = `${algorithm.name}: ${cause instanceof Error ? cause.message : "?"}`;
    return { ok: false, error: { kind: "internal", detail } };
  }
}

async function exchange(
  request: KeyExchangeRequest,
  algorithm: webcrypto.Algorithm,
): Promise<KeyExchangeAnswer> {
  if (request.op === "respond") {
    const given = new Uint8Array(request.peerPublic);
    const imported = subtle.importKey("raw-public", given, algorithm, false, ["encapsulateBits"]);
    const key = await imported;
    const { ciphertext, sharedKey } = await subtle.encapsulateBits(algorithm, key);
    return { publicValue: new Uint8Array(ciphertext), sharedSecret: new Uint8Array(sharedKey) };
  }
  const seed = new Uint8Array(request.random);
  const imported = subtle.importKey("raw-seed", seed, algorithm, false, ["decapsulateBits"]);
  wipe(seed); // it has been copied
  const key = await imported;
  if (request.op === "offer") {
    const publicKey = await subtle.getPublicKey(key, ["encapsulateBits"]);
    const octets = await subtle.exportKey("raw-public", publicKey);
    return { publicValue: new Uint8Array(octets), sharedSecret: new Uint8Array(0) };
  }
  const ciphertext = new Uint8Array(request.peerPublic);
  const secret = await subtle.decapsulateBits(algorithm, key, ciphertext);
  return { publicValue: new Uint8Array(0), sharedSecret: new Uint8Array(secret) };
}
