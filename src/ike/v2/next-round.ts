/** What a key exchange in IKE_INTERMEDIATE changes: the keys, and what comes next (RFC 9370). */

import { wipe } from "../../octets/secret.ts";
import { fragmentsOfRound } from "./fragments.ts";
import type { HalfOpen } from "./half-open.ts";
import { deriveIkeKeys, rekeySkeyseed } from "./keys.ts";
import { MESSAGES_OF, roundsAfter } from "./round.ts";
import type { Transcript } from "./transcript.ts";

// SKEYSEED(n) = prf(SK_d(n-1), SK(n) | Ni | Nr)
// {SK_d(n) | SK_ai(n) | … | SK_pr(n)} = prf+(SKEYSEED(n), Ni | Nr | SPIi | SPIr)

/**
 * The state after a round with this shared secret, with new keys (§2.2.2). Wipes the secret, and
 * those of the former keys that protect no message.
 */
export function afterKeyExchange(
  half: HalfOpen,
  { transcript, sharedSecret }: KeyExchanged,
): HalfOpen {
  const { algorithms, keys, Ni, Nr } = half;
  const { spiI, spiR } = half.id;
  const SKEYSEED = rekeySkeyseed(algorithms.prf, keys.SK_d, { sharedSecret, Ni, Nr });
  const renewed = deriveIkeKeys(algorithms, SKEYSEED, { Ni, Nr, spiI, spiR });
  wipe(SKEYSEED, sharedSecret, keys.SK_d, keys.SK_pi, keys.SK_pr);
  const rounds = roundsAfter(half.rounds);
  const { octetsMax } = MESSAGES_OF[rounds[0].kind];
  const fragments = fragmentsOfRound(half.fragments, octetsMax);
  return { ...half, keys: renewed, rounds, transcript, fragments };
}

/** What the round has brought. */
export type KeyExchanged = {
  readonly transcript: Transcript;
  readonly sharedSecret: Uint8Array;
};
