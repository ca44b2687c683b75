/** What an eroute accepts if its configuration names no algorithms: secure and widely supported. */

import type { EncrTransform, Suite } from "./suite.ts";
import { Encr, Integ, Ke, PrfId } from "./transform.ts";

const AES_GCM: readonly EncrTransform[] = [
  { id: Encr.AES_GCM_16, keyBits: 256 },
  { id: Encr.AES_GCM_16, keyBits: 128 },
];

/** For IKE messages alone: not each router's kernel has it for ESP. */
const CHACHA20: EncrTransform = { id: Encr.CHACHA20_POLY1305, keyBits: undefined };

const AES_CBC: readonly EncrTransform[] = [
  { id: Encr.AES_CBC, keyBits: 256 },
  { id: Encr.AES_CBC, keyBits: 128 },
];

const PRFS = [PrfId.HMAC_SHA2_256, PrfId.HMAC_SHA2_384, PrfId.HMAC_SHA2_512];

const INTEGS = [Integ.HMAC_SHA2_256_128, Integ.HMAC_SHA2_384_192, Integ.HMAC_SHA2_512_256];

/**
 * The cheapest first: all are strong enough. The larger groups cost milliseconds each, and
 * strangers could request them, too: they are accepted only where an eroute names them.
 */
const GROUPS = [Ke.X25519, Ke.ECP_256, Ke.MODP_2048];

/** After the first key exchange (RFC 9370): who breaks one of the two has nothing. */
const ADDITIONAL = [[Ke.ML_KEM_768, Ke.ML_KEM_1024]];

/** AEADs first, then AES-CBC with HMAC-SHA2; no SHA-1, nothing below 112 bits of strength. */
const CLASSICAL_IKE_SUITES: readonly Suite[] = [
  { encr: [...AES_GCM, CHACHA20], prf: PRFS, integ: [], ke: GROUPS, esn: [] },
  { encr: AES_CBC, prf: PRFS, integ: INTEGS, ke: GROUPS, esn: [] },
];

/**
 * With ML-KEM where the other end has it, else without. These are proposals of their own: a peer
 * that does not know additional key exchanges leaves such a proposal out (RFC 7296 §3.3.6).
 */
export const DEFAULT_IKE_SUITES: readonly Suite[] = [
  ...CLASSICAL_IKE_SUITES.map((suite) => ({ ...suite, additional: ADDITIONAL })),
  ...CLASSICAL_IKE_SUITES,
];

/**
 * The same for Child SAs, without ML-KEM: their keys come from those of the IKE SA as well. Perfect
 * forward secrecy if the peer wants it: the peer decides when it rekeys. Extended sequence numbers
 * if the peer supports them.
 */
export const DEFAULT_ESP_SUITES: readonly Suite[] = [
  { encr: AES_GCM, prf: [], integ: [], ke: [...GROUPS, Ke.NONE], esn: [true, false] },
  { encr: AES_CBC, prf: [], integ: INTEGS, ke: [...GROUPS, Ke.NONE], esn: [true, false] },
];
