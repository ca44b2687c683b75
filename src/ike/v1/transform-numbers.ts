/**
 * Numbers of algorithms in IKEv1, and what they are in the numbers of IKEv2, which all of erouted
 * uses (RFC 2409 App. A, RFC 2407 §4.4.4, §4.5; "IPSEC ISAKMP Identifiers" of IANA).
 */

import { Encr, Integ, PrfId } from "../../crypto/transform.ts";

/** KEY_IKE, the only transform of an ISAKMP proposal (RFC 2407 §4.4.2). */
export const KEY_IKE = 1;

/** Attributes of a transform for an ISAKMP SA (RFC 2409 App. A). */
export const IsakmpAttribute = {
  ENCRYPTION: 1,
  HASH: 2,
  AUTHENTICATION_METHOD: 3,
  GROUP_DESCRIPTION: 4,
  LIFE_TYPE: 11,
  LIFE_DURATION: 12,
  KEY_LENGTH: 14,
} as const;

/** Attributes of a transform for an IPsec SA (RFC 2407 §4.5). */
export const IpsecAttribute = {
  LIFE_TYPE: 1,
  LIFE_DURATION: 2,
  GROUP_DESCRIPTION: 3,
  ENCAPSULATION_MODE: 4,
  AUTHENTICATION_ALGORITHM: 5,
  KEY_LENGTH: 6,
} as const;

export const LifeType = { SECONDS: 1, KILOBYTES: 2 } as const;

/** RFC 2409 App. A, draft-beaulieu-ike-xauth-02 §7.2. */
export const AuthMethod = {
  PRE_SHARED_KEY: 1,
  RSA_SIGNATURES: 3,
  XAUTH_INIT_PRE_SHARED: 65001,
  XAUTH_RESP_PRE_SHARED: 65002,
  XAUTH_INIT_RSA: 65005,
  XAUTH_RESP_RSA: 65006,
} as const;

/** RFC 2407 §4.5, RFC 3947 §5.1, draft-ietf-ipsec-udp-encaps-02. */
const MODES = {
  tunnel: { none: 1, rfc: 3, draft: 61443 },
  transport: { none: 2, rfc: 4, draft: 61444 },
} as const;

/** How ESP passes a NAT: not at all, or in UDP with the numbers of the RFC or of its drafts. */
export type UdpEncapsulation = "none" | "rfc" | "draft";

/** The Encapsulation Mode. Numbers of RFC and drafts never mix (RFC 3947 §5.1). */
export function encapsulationMode(mode: "tunnel" | "transport", udp: UdpEncapsulation): number {
  return MODES[mode][udp];
}

/** Transport mode through a NAT, by the RFC or its drafts. */
export function isTransportInUdp(number: number | undefined): boolean {
  return number === MODES.transport.rfc || number === MODES.transport.draft;
}

/** `tunnel mode in UDP`; a number without a meaning is `encapsulation mode 9`. */
export function encapsulationModeName(number: number | undefined): string {
  if (number === undefined) return "no encapsulation mode";
  for (const [mode, numbers] of Object.entries(MODES)) {
    if (number === numbers.none) return `${mode} mode`;
    if (number === numbers.rfc) return `${mode} mode in UDP`;
    if (number === numbers.draft) return `${mode} mode in UDP by the draft`;
  }
  return `encapsulation mode ${number}`;
}

/** `pre-shared key`, `RSA signatures with XAUTH`; a number without a name is `method 9`. */
export function authMethodName(method: number | undefined): string {
  if (method === undefined) return "no authentication method";
  return AUTH_METHOD_NAMES.get(method) ?? `authentication method ${method}`;
}

/** Encryption in Phase 1, as number of IKEv2; undefined if IKEv2 has none. */
export const isakmpEncryption = table([
  [1, 2], // DES
  [2, 5], // IDEA
  [3, 7], // Blowfish
  [4, 4], // RC5
  [5, Encr.DES3],
  [6, 6], // CAST
  [7, Encr.AES_CBC],
  [8, Encr.CAMELLIA_CBC],
]);

/** The hash of Phase 1, as the PRF of IKEv2 that is its HMAC. */
export const isakmpHash = table([
  [1, PrfId.HMAC_MD5],
  [2, PrfId.HMAC_SHA1],
  [3, 3], // Tiger
  [4, PrfId.HMAC_SHA2_256],
  [5, PrfId.HMAC_SHA2_384],
  [6, PrfId.HMAC_SHA2_512],
]);

/** Transforms of ESP. Most have the same number. */
export const espTransform = table([
  [1, 1],
  [2, 2],
  [3, Encr.DES3],
  [4, 4],
  [5, 5],
  [6, 6],
  [7, 7],
  [8, 8],
  [9, 9],
  [11, Encr.NULL],
  [12, Encr.AES_CBC],
  [13, Encr.AES_CTR],
  [14, Encr.AES_CCM_8],
  [15, Encr.AES_CCM_12],
  [16, Encr.AES_CCM_16],
  [18, Encr.AES_GCM_8],
  [19, Encr.AES_GCM_12],
  [20, Encr.AES_GCM_16],
  [22, Encr.CAMELLIA_CBC],
  [23, Encr.NULL_AUTH_AES_GMAC],
]);

/** Authentication Algorithms of ESP. */
export const espAuthentication = table([
  [1, Integ.HMAC_MD5_96],
  [2, Integ.HMAC_SHA1_96],
  [3, 3], // DES-MAC
  [4, 4], // KPDK
  [5, Integ.HMAC_SHA2_256_128],
  [6, Integ.HMAC_SHA2_384_192],
  [7, Integ.HMAC_SHA2_512_256],
  [9, Integ.AES_XCBC_96],
]);

/** The PRF and the integrity algorithm that one hash of Phase 1 stands for. */
export const INTEGRITY_OF_PRF: ReadonlyMap<number, number> = new Map([
  [PrfId.HMAC_MD5, Integ.HMAC_MD5_96],
  [PrfId.HMAC_SHA1, Integ.HMAC_SHA1_96],
  [PrfId.HMAC_SHA2_256, Integ.HMAC_SHA2_256_128],
  [PrfId.HMAC_SHA2_384, Integ.HMAC_SHA2_384_192],
  [PrfId.HMAC_SHA2_512, Integ.HMAC_SHA2_512_256],
]);

/** A registry of IKEv1 beside that of IKEv2. */
export type NumberTable = {
  readonly ofV1: ReadonlyMap<number, number>;
  readonly ofV2: ReadonlyMap<number, number>;
};

function table(pairs: readonly (readonly [v1: number, v2: number])[]): NumberTable {
  return { ofV1: new Map(pairs), ofV2: new Map(pairs.map(([v1, v2]) => [v2, v1])) };
}

const AUTH_METHOD_NAMES: ReadonlyMap<number, string> = new Map([
  [AuthMethod.PRE_SHARED_KEY, "pre-shared key"],
  [2, "DSS signatures"],
  [AuthMethod.RSA_SIGNATURES, "RSA signatures"],
  [4, "RSA encryption"],
  [5, "revised RSA encryption"],
  [9, "ECDSA on P-256"],
  [10, "ECDSA on P-384"],
  [11, "ECDSA on P-521"],
  [64221, "hybrid RSA authentication"],
  [AuthMethod.XAUTH_INIT_PRE_SHARED, "pre-shared key with XAUTH"],
  [AuthMethod.XAUTH_RESP_PRE_SHARED, "pre-shared key with XAUTH of the responder"],
  [AuthMethod.XAUTH_INIT_RSA, "RSA signatures with XAUTH"],
  [AuthMethod.XAUTH_RESP_RSA, "RSA signatures with XAUTH of the responder"],
]);
