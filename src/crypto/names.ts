/** Names of transforms, for messages ("IKEv2 Parameters" of IANA; RFC 7296 §3.3.2). */

import type { Suite } from "./suite.ts";
import { ADDKE_FIRST, isAdditionalKe, TransformType } from "./transform.ts";

/** Includes those that are not built in: a refusal shows what the peer offered. */
const ENCR_NAMES: Readonly<Record<number, string>> = {
  1: "DES_IV64",
  2: "DES",
  3: "3DES",
  4: "RC5",
  5: "IDEA",
  6: "CAST",
  7: "BLOWFISH",
  8: "3IDEA",
  9: "DES_IV32",
  11: "NULL",
  12: "AES_CBC",
  13: "AES_CTR",
  14: "AES_CCM_8",
  15: "AES_CCM_12",
  16: "AES_CCM_16",
  18: "AES_GCM_8",
  19: "AES_GCM_12",
  20: "AES_GCM_16",
  21: "NULL_AUTH_AES_GMAC",
  23: "CAMELLIA_CBC",
  24: "CAMELLIA_CTR",
  25: "CAMELLIA_CCM_8",
  26: "CAMELLIA_CCM_12",
  27: "CAMELLIA_CCM_16",
  28: "CHACHA20_POLY1305",
};

const PRF_NAMES: Readonly<Record<number, string>> = {
  1: "PRF_HMAC_MD5",
  2: "PRF_HMAC_SHA1",
  3: "PRF_HMAC_TIGER",
  4: "PRF_AES128_XCBC",
  5: "PRF_HMAC_SHA2_256",
  6: "PRF_HMAC_SHA2_384",
  7: "PRF_HMAC_SHA2_512",
  8: "PRF_AES128_CMAC",
};

const INTEG_NAMES: Readonly<Record<number, string>> = {
  0: "NONE",
  1: "HMAC_MD5_96",
  2: "HMAC_SHA1_96",
  3: "DES_MAC",
  4: "KPDK_MD5",
  5: "AES_XCBC_96",
  6: "HMAC_MD5_128",
  7: "HMAC_SHA1_160",
  8: "AES_CMAC_96",
  9: "AES_128_GMAC",
  10: "AES_192_GMAC",
  11: "AES_256_GMAC",
  12: "HMAC_SHA2_256_128",
  13: "HMAC_SHA2_384_192",
  14: "HMAC_SHA2_512_256",
  1027: "HMAC_SHA2_256_96",
};

const KE_NAMES: Readonly<Record<number, string>> = {
  0: "NONE",
  1: "MODP_768",
  2: "MODP_1024",
  5: "MODP_1536",
  14: "MODP_2048",
  15: "MODP_3072",
  16: "MODP_4096",
  17: "MODP_6144",
  18: "MODP_8192",
  19: "ECP_256",
  20: "ECP_384",
  21: "ECP_521",
  22: "MODP_1024_160",
  23: "MODP_2048_224",
  24: "MODP_2048_256",
  25: "ECP_192",
  26: "ECP_224",
  27: "BRAINPOOL_P224",
  28: "BRAINPOOL_P256",
  29: "BRAINPOOL_P384",
  30: "BRAINPOOL_P512",
  31: "X25519",
  32: "X448",
  35: "ML_KEM_512",
  36: "ML_KEM_768",
  37: "ML_KEM_1024",
};

const ESN_NAMES: Readonly<Record<number, string>> = { 0: "NO_ESN", 1: "ESN" };

/** Every name of a registered algorithm. */
export const ALGORITHM_NAMES = {
  all: [ENCR_NAMES, PRF_NAMES, INTEG_NAMES, KE_NAMES]
    .flatMap((names) => Object.values(names))
    .filter((name) => name !== "NONE"),
  keyExchanges: Object.values(KE_NAMES).filter((name) => name !== "NONE"),
} as const;

/** A transform that one end offers or wants. */
export type NamedTransform = {
  readonly type: number;
  readonly id: number;
  readonly keyBits: number | undefined;
};

/** `AES_GCM_16_256`, `PRF_HMAC_SHA2_256`, `X25519`; for unregistered numbers `ENCR_99`. */
export function transformName(type: number, id: number, keyBits: number | undefined): string {
  const name = nameOf(type, id);
  return keyBits === undefined ? name : `${name}_${keyBits}`;
}

/** The transform of a name from {@link transformName}; undefined for any other text. */
export function transformNamed(name: string): NamedTransform | undefined {
  for (const [type, names] of NAMED_TYPES) {
    const id = idNamed(names, name);
    if (id !== undefined) return { type, id, keyBits: undefined };
  }
  const [, base = "", bits = ""] = /^(.+)_(\d{1,5})$/.exec(name) ?? [];
  for (const [type, names] of NAMED_TYPES) {
    const id = idNamed(names, base);
    if (id !== undefined) return { type, id, keyBits: Number(bits) };
  }
  const further = furtherNamed(name);
  if (further !== undefined) return further;
  const [, kind = "", number = "", length] = UNREGISTERED.exec(name) ?? [];
  const type = TransformType[kind as keyof typeof TransformType];
  const keyBits = length === undefined ? undefined : Number(length);
  return type === undefined ? undefined : { type, id: Number(number), keyBits };
}

/** `ADDKE1_ML_KEM_768` and `ADDKE1_99`; `TRANSFORM_13_4` for a type without a name. */
function furtherNamed(name: string): NamedTransform | undefined {
  const [, ordinal = "", method = ""] = /^ADDKE([1-7])_(\w+)$/.exec(name) ?? [];
  if (ordinal !== "") {
    const id = idNamed(KE_NAMES, method) ?? (/^\d{1,5}$/.test(method) ? Number(method) : undefined);
    const type = ADDKE_FIRST + Number(ordinal) - 1;
    return id === undefined ? undefined : { type, id, keyBits: undefined };
  }
  const [, type = "", id = ""] = /^TRANSFORM_(\d{1,3})_(\d{1,5})(?:_\d{1,5})?$/.exec(name) ?? [];
  return type === "" ? undefined : { type: Number(type), id: Number(id), keyBits: undefined };
}

/**
 * The common name of a type of transform: `encryption`, `additional key exchange 1`, or a number.
 */
export function transformTypeName(type: number): string {
  const name = TYPE_NAMES.get(type);
  if (name !== undefined) return name;
  if (isAdditionalKe(type)) {
    return `additional key exchange ${type - ADDKE_FIRST + 1}`;
  }
  return `transform type ${type}`;
}

const TYPE_NAMES: ReadonlyMap<number, string> = new Map([
  [TransformType.ENCR, "encryption"],
  [TransformType.INTEG, "integrity"],
  [TransformType.PRF, "PRF"],
  [TransformType.KE, "key exchange"],
  [TransformType.ESN, "extended sequence numbers"],
]);

/** The names of transforms in the order given: `AES_CBC_128/HMAC_SHA2_256_128/X25519`. */
export function transformsText(transforms: readonly NamedTransform[]): string {
  return transforms.map((t) => transformName(t.type, t.id, t.keyBits)).join("/");
}

/** All transforms of a suite in the order of a proposal: type by type, best first. */
export function suiteText(suite: Suite): string {
  return transformsText(suiteTransforms(suite));
}

/** All transforms of a suite, type by type, best first. */
export function suiteTransforms(suite: Suite): readonly NamedTransform[] {
  const each = (type: number, ids: readonly number[]) =>
    ids.map((id) => ({ type, id, keyBits: undefined }));
  return [
    ...suite.encr.map((encr) => ({ type: TransformType.ENCR, id: encr.id, keyBits: encr.keyBits })),
    ...each(TransformType.INTEG, suite.integ),
    ...each(TransformType.PRF, suite.prf),
    ...each(TransformType.KE, suite.ke),
    ...each(
      TransformType.ESN,
      suite.esn.map((esn) => (esn ? 1 : 0)),
    ),
    ...(suite.additional ?? []).flatMap((ids, i) => each(ADDKE_FIRST + i, ids)),
  ];
}

/** `ENCR_99`, `ENCR_99_256`. */
const UNREGISTERED = /^(ENCR|PRF|INTEG|KE|ESN)_(\d{1,5})(?:_(\d{1,5}))?$/;

/** `NONE` means no key exchange, in the types where it may be offered. */
const NAMED_TYPES = [
  [TransformType.ENCR, ENCR_NAMES],
  [TransformType.PRF, PRF_NAMES],
  [TransformType.KE, KE_NAMES],
  [TransformType.INTEG, INTEG_NAMES],
  [TransformType.ESN, ESN_NAMES],
] as const;

function idNamed(names: Readonly<Record<number, string>>, name: string): number | undefined {
  const found = Object.entries(names).find(([, one]) => one === name);
  return found === undefined ? undefined : Number(found[0]);
}

function nameOf(type: number, id: number): string {
  switch (type) {
    case TransformType.ENCR:
      return ENCR_NAMES[id] ?? `ENCR_${id}`;
    case TransformType.PRF:
      return PRF_NAMES[id] ?? `PRF_${id}`;
    case TransformType.INTEG:
      return INTEG_NAMES[id] ?? `INTEG_${id}`;
    case TransformType.KE:
      return KE_NAMES[id] ?? `KE_${id}`;
    case TransformType.ESN:
      return ESN_NAMES[id] ?? `ESN_${id}`;
    default:
      break;
  }
  if (!isAdditionalKe(type)) return `TRANSFORM_${type}_${id}`;
  return `ADDKE${type - ADDKE_FIRST + 1}_${KE_NAMES[id] ?? id}`;
}
