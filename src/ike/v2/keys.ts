/** Keys of an IKE SA and of its Child SAs (RFC 7296 §2.13, §2.14, §2.17, §2.18). */

import { type Prf, prf, prfPlus } from "../../crypto/prf.ts";
import { concat } from "../../octets/concat.ts";
import { wipe } from "../../octets/secret.ts";
import { Writer } from "../../octets/writer.ts";
import type { IkeSpi } from "../../wire/header.ts";
import type { EspAlgorithms, IkeAlgorithms } from "../algorithms.ts";
import type { EspKeys } from "../esp-keys.ts";
import { FIRST_EPOCH } from "./epoch.ts";

/** The keys that an IKE SA has throughout its life. */
export type IkeKeys = {
  readonly SK_d: Uint8Array;
  readonly SK_ai: Uint8Array;
  readonly SK_ar: Uint8Array;
  readonly SK_ei: Uint8Array;
  readonly SK_er: Uint8Array;
  /** Which copy of the keys this is (`epoch.ts`): part of each AEAD IV. */
  readonly epoch: number;
};

/** The keys for the AUTH of both ends: wiped after IKE_AUTH. */
export type ProofKeys = { readonly SK_pi: Uint8Array; readonly SK_pr: Uint8Array };

/** All keys that one key exchange makes. */
export type DerivedKeys = IkeKeys & ProofKeys;

/** The keys until IKE_AUTH is done: if a PPK is mixed in, it may turn out not to be used. */
export type HalfOpenKeys = DerivedKeys & {
  /** The keys that contain the PPK, as they are without it (RFC 8784 §3). */
  readonly plain?: Pick<DerivedKeys, "SK_d" | "SK_pi" | "SK_pr"> | undefined;
};

/** Nonces and SPIs from which the keys are made. */
export type KeyInput = {
  readonly Ni: Uint8Array;
  readonly Nr: Uint8Array;
  readonly spiI: IkeSpi;
  readonly spiR: IkeSpi;
};

/** SKEYSEED = prf(Ni | Nr, g^ir) (§2.14). */
export function skeyseed(
  algorithm: Prf,
  nonces: { readonly Ni: Uint8Array; readonly Nr: Uint8Array },
  sharedSecret: Uint8Array,
): Uint8Array {
  return prf(algorithm, concat(nonces.Ni, nonces.Nr), sharedSecret);
}

/**
 * SKEYSEED of a rekeyed IKE SA = prf(SK_d, g^ir | Ni | Nr), with the old SK_d and prf (§2.18). The
 * secrets of additional key exchanges follow: SK(0) | Ni | Nr | SK(1) | … (RFC 9370 §2.2.4).
 */
export function rekeySkeyseed(
  oldPrf: Prf,
  oldSkD: Uint8Array,
  input: {
    readonly sharedSecret: Uint8Array;
    readonly additional?: readonly Uint8Array[];
    readonly Ni: Uint8Array;
    readonly Nr: Uint8Array;
  },
): Uint8Array {
  const { sharedSecret, additional = [], Ni, Nr } = input;
  return prf(oldPrf, oldSkD, sharedSecret, Ni, Nr, ...additional);
}

/** {SK_d | SK_ai | SK_ar | SK_ei | SK_er | SK_pi | SK_pr} = prf+(SKEYSEED, …) (§2.14). */
export function deriveIkeKeys(
  algorithms: IkeAlgorithms,
  SKEYSEED: Uint8Array,
  input: KeyInput,
): DerivedKeys {
  const spis = new Writer(16).u64(input.spiI).u64(input.spiR).done();
  const prfOctets = algorithms.prf.keyOctets;
  const integOctets = algorithms.integ?.keyOctets ?? 0;
  const encrOctets = algorithms.encr.keyOctets;
  const total = 3 * prfOctets + 2 * integOctets + 2 * encrOctets;
  const seed = concat(input.Ni, input.Nr, spis);
  const material = prfPlus(algorithms.prf, SKEYSEED, seed, total);
  const take = cutter(material);
  const keys = {
    SK_d: take(prfOctets),
    SK_ai: take(integOctets),
    SK_ar: take(integOctets),
    SK_ei: take(encrOctets),
    SK_er: take(encrOctets),
    SK_pi: take(prfOctets),
    SK_pr: take(prfOctets),
    epoch: FIRST_EPOCH,
  };
  wipe(material);
  return keys;
}

/**
 * KEYMAT = prf+(SK_d, [g^ir |] Ni | Nr [| SK(1) | …]); encryption before integrity, initiator first
 * (§2.17; RFC 9370 §2.2.4).
 */
export function deriveEspKeys(
  ike: { readonly prf: Prf; readonly SK_d: Uint8Array },
  esp: EspAlgorithms,
  input: {
    readonly sharedSecret: Uint8Array;
    readonly additional?: readonly Uint8Array[];
    readonly Ni: Uint8Array;
    readonly Nr: Uint8Array;
  },
): EspKeys {
  const encrOctets = esp.encr.keyOctets;
  const integOctets = esp.integ?.keyOctets ?? 0;
  const seed = concat(input.sharedSecret, input.Ni, input.Nr, ...(input.additional ?? []));
  const material = prfPlus(ike.prf, ike.SK_d, seed, 2 * (encrOctets + integOctets));
  const take = cutter(material);
  const keys = {
    initiator: { encryption: take(encrOctets), integrity: take(integOctets) },
    responder: { encryption: take(encrOctets), integrity: take(integOctets) },
  };
  wipe(material, seed);
  return keys;
}

/** The keys without those for AUTH, which are wiped: both proofs are done, or none is needed. */
export function keysAfterProof(keys: DerivedKeys): IkeKeys {
  const { SK_d, SK_ai, SK_ar, SK_ei, SK_er, epoch } = keys;
  wipe(keys.SK_pi, keys.SK_pr);
  return { SK_d, SK_ai, SK_ar, SK_ei, SK_er, epoch };
}

/** Wipes all keys of an IKE SA. */
export function wipeIkeKeys(keys: IkeKeys): void {
  wipe(keys.SK_d, keys.SK_ai, keys.SK_ar, keys.SK_ei, keys.SK_er);
}

/** Wipes all keys of an IKE SA that is not established. */
export function wipeHalfOpenKeys(keys: HalfOpenKeys): void {
  wipeIkeKeys(keys);
  wipe(keys.SK_pi, keys.SK_pr, keys.plain?.SK_d, keys.plain?.SK_pi, keys.plain?.SK_pr);
}

/** An AEAD needs no key for integrity. */
const NO_KEY = new Uint8Array(0);

function cutter(material: Uint8Array): (count: number) => Uint8Array {
  let at = 0;
  return (count) => {
    if (count === 0) return NO_KEY;
    at += count;
    return material.slice(at - count, at);
  };
}
