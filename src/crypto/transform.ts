/** Transform types and identifiers by their IANA numbers (RFC 7296 §3.3.2, "IKEv2 Parameters"). */

export const TransformType = {
  ENCR: 1,
  PRF: 2,
  INTEG: 3,
  KE: 4,
  ESN: 5,
  ADDKE1: 6, // RFC 9370 §2.2.1, to ADDKE7
  ADDKE7: 12,
} as const;

/** Additional key exchanges 1 to 7 (RFC 9370 §2.2.1). */
export const ADDKE_FIRST = 6;
export const ADDKE_MAX = 7;

/** Whether a type of transform is an additional key exchange. */
export function isAdditionalKe(type: number): boolean {
  return type >= ADDKE_FIRST && type < ADDKE_FIRST + ADDKE_MAX;
}

export const Encr = {
  DES3: 3,
  NULL: 11,
  AES_CBC: 12,
  AES_CTR: 13,
  AES_CCM_8: 14,
  AES_CCM_12: 15,
  AES_CCM_16: 16,
  AES_GCM_8: 18,
  AES_GCM_12: 19,
  AES_GCM_16: 20,
  NULL_AUTH_AES_GMAC: 21,
  CAMELLIA_CBC: 23,
  CHACHA20_POLY1305: 28,
} as const;

export const PrfId = {
  HMAC_MD5: 1,
  HMAC_SHA1: 2,
  HMAC_SHA2_256: 5,
  HMAC_SHA2_384: 6,
  HMAC_SHA2_512: 7,
} as const;

export const Integ = {
  NONE: 0,
  HMAC_MD5_96: 1,
  HMAC_SHA1_96: 2,
  AES_XCBC_96: 5,
  AES_CMAC_96: 8,
  HMAC_SHA2_256_128: 12,
  HMAC_SHA2_384_192: 13,
  HMAC_SHA2_512_256: 14,
  /** Of old kernels: a private number, which never goes on the wire. */
  HMAC_SHA2_256_96: 1027,
} as const;

export const Ke = {
  NONE: 0,
  MODP_1024: 2,
  MODP_1536: 5,
  MODP_2048: 14,
  MODP_3072: 15,
  MODP_4096: 16,
  ECP_256: 19,
  ECP_384: 20,
  ECP_521: 21,
  X25519: 31,
  ML_KEM_512: 35,
  ML_KEM_768: 36,
  ML_KEM_1024: 37,
} as const;
