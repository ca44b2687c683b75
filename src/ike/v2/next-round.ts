/**
 * What a round of IKE_INTERMEDIATE changes: the keys, and what comes next (RFC 9370, RFC 9867).
 */

import { prfPlus } from "../../crypto/prf.ts";
import { wipe } from "../../octets/secret.ts";
import { fragmentsOfRound } from "./fragments.ts";
import type { HalfOpen } from "./half-open.ts";
import { deriveIkeKeys, rekeySkeyseed, wipeHalfOpenKeys } from "./keys.ts";
import { ppkProof } from "./ppk-intermediate.ts";
import type { IntermediatePpk, PpkState } from "./ppk-keys.ts";
import { MESSAGES_OF, roundsAfter } from "./round.ts";
import type { Transcript } from "./transcript.ts";

// SKEYSEED(n) = prf(SK_d(n-1), SK(n) | Ni | Nr), then, with a PPK, SKEYSEED = prf+(PPK, SK_d)
// {SK_d(n) | SK_ai(n) | … | SK_pr(n)} = prf+(SKEYSEED(n), Ni | Nr | SPIi | SPIr)

/** What the round has brought. */
export type RoundDone = {
  readonly transcript: Transcript;
  /** Of its key exchange (RFC 9370 §2.2.2). */
  readonly sharedSecret: Uint8Array | undefined;
  /** Undefined: the round was not about PPKs. `key`: the one that both ends use from now on. */
  readonly ppk:
    | { readonly offered: readonly string[]; readonly key: Uint8Array | undefined }
    | undefined;
};

/**
 * The state after the round, with new keys if it has brought any. Wipes the secret, and those of
 * the former keys that protect no message. The PPK stays.
 */
export function afterRound(half: HalfOpen, done: RoundDone): HalfOpen {
  const { transcript, sharedSecret, ppk } = done;
  const { algorithms, Ni, Nr } = half;
  const { spiI, spiR } = half.id;
  const renewed = (SKEYSEED: Uint8Array) => {
    const keys = deriveIkeKeys(algorithms, SKEYSEED, { Ni, Nr, spiI, spiR });
    wipe(SKEYSEED);
    return keys;
  };
  let { keys } = half;
  if (sharedSecret !== undefined) {
    keys = renewed(rekeySkeyseed(algorithms.prf, keys.SK_d, { sharedSecret, Ni, Nr }));
    wipe(sharedSecret);
  }
  if (ppk?.key !== undefined) {
    const { prf } = algorithms;
    const before = keys;
    keys = renewed(prfPlus(prf, ppk.key, before.SK_d, prf.keyOctets));
    if (before !== half.keys) wipeHalfOpenKeys(before);
  }
  if (keys !== half.keys) wipe(half.keys.SK_d, half.keys.SK_pi, half.keys.SK_pr);
  const rounds = roundsAfter(half.rounds);
  const { octetsMax } = MESSAGES_OF[rounds[0].kind];
  const fragments = fragmentsOfRound(half.fragments, octetsMax);
  return { ...half, keys, rounds, transcript, fragments, ...ppkAfter(half, ppk) };
}

function ppkAfter(
  half: HalfOpen,
  ppk: RoundDone["ppk"],
): { readonly ppk: PpkState; readonly intermediatePpk: IntermediatePpk | undefined } {
  if (ppk === undefined) return { ppk: half.ppk, intermediatePpk: half.intermediatePpk };
  const { offered, key } = ppk;
  const proof = key === undefined ? undefined : ppkProof(half, key);
  return { ppk: key === undefined ? "none" : "mixed", intermediatePpk: { offered, proof } };
}
