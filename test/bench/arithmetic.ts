/** The bare arithmetic of a responder's handshake, below which no implementation can get. */

import { encryptionFor, seal, unseal } from "../../src/crypto/encryption.ts";
import { performKeyExchange, privateOctets } from "../../src/crypto/key-exchange.ts";
import { prf, prfFor } from "../../src/crypto/prf.ts";
import { Encr, PrfId } from "../../src/crypto/transform.ts";
import { cpuUs } from "./thread-time.ts";

export type Arithmetic = {
  readonly keyExchangeUs: number;
  readonly hmacUs: number;
  readonly cipherUs: number;
};

/** SKEYSEED, prf+ of IKE (6) and ESP (3) keys, AUTH of both ends (3 each), and a few more. */
const HMACS = 20;
/** One message opened, one sealed, and the two of the row. */
const CIPHERS = 4;
const MESSAGE_OCTETS = 200;
const ROUNDS = 2_000;

/** µs of CPU a handshake for each part, measured in this process. */
export function measureArithmetic(method: number): Arithmetic {
  const random = crypto.getRandomValues(new Uint8Array(privateOctets(method)));
  const offered = performKeyExchange({ op: "offer", method, random });
  if (!offered.ok) throw new Error(offered.error.detail);
  const peerPublic = offered.value.publicValue;
  const sha = prfFor(PrfId.HMAC_SHA2_256);
  const gcm = encryptionFor(Encr.AES_GCM_16, 128);
  if (sha === undefined || gcm === undefined) throw new Error("an algorithm is missing");
  const key = new Uint8Array(32).fill(7);
  const gcmKey = new Uint8Array(gcm.keyOctets).fill(7);
  const text = new Uint8Array(MESSAGE_OCTETS);
  const none = new Uint8Array(0);
  const iv = new Uint8Array(gcm.ivOctets);
  const sealed = seal(gcm, gcmKey, iv, none, text);
  return {
    keyExchangeUs: perRound(() =>
      performKeyExchange({ op: "respond", method, random, peerPublic }),
    ),
    hmacUs: perRound(() => prf(sha, key, text.subarray(0, 64))) * HMACS,
    cipherUs:
      (perRound(() => seal(gcm, gcmKey, iv, none, text)) +
        perRound(() => unseal(gcm, gcmKey, iv, none, sealed))) *
      (CIPHERS / 2),
  };
}

/** SKEYID and its children (4), HASH_I, HASH_R, three of Quick Mode, KEYMAT of 64 octets twice. */
const IKEV1_HMACS = 13;
/** The third message, and the three of Quick Mode. */
const IKEV1_CIPHERS = 4;

/** The same for Aggressive Mode and a Quick Mode of IKEv1, with AES-256-CBC. */
export function measureIkev1Arithmetic(method: number): Arithmetic {
  const { keyExchangeUs, hmacUs } = measureArithmetic(method);
  const cbc = encryptionFor(Encr.AES_CBC, 256);
  if (cbc === undefined) throw new Error("an algorithm is missing");
  const text = new Uint8Array(MESSAGE_OCTETS - (MESSAGE_OCTETS % cbc.blockOctets));
  const [key, iv] = [new Uint8Array(cbc.keyOctets).fill(7), new Uint8Array(cbc.ivOctets)];
  const cipherUs = perRound(() => seal(cbc, key, iv, new Uint8Array(0), text)) * IKEV1_CIPHERS;
  return { keyExchangeUs, hmacUs: (hmacUs / HMACS) * IKEV1_HMACS, cipherUs };
}

/** The second half counts: the first one warms up. */
function perRound(work: () => unknown): number {
  for (let round = 0; round < ROUNDS; round++) work();
  const from = cpuUs();
  for (let round = 0; round < ROUNDS; round++) work();
  return (cpuUs() - from) / ROUNDS;
}
