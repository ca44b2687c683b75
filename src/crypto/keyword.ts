/**
 * The words of the proposal notation: what each means, and the known word nearest to a wrong one.
 */

import { ADDKE_MAX, Encr, Integ, Ke, PrfId } from "./transform.ts";

export type Keyword =
  | { readonly kind: "encr"; readonly id: number; readonly keyBits: number | undefined }
  | { readonly kind: "integ" | "prf" | "ke"; readonly id: number }
  /** An additional key exchange (RFC 9370); `ordinal` is 1 for ADDKE1. */
  | { readonly kind: "addke"; readonly ordinal: number; readonly id: number }
  | { readonly kind: "esn"; readonly esn: boolean };

/** Words for the same transform: the first is the one that is printed. */
const KEYWORDS: ReadonlyMap<string, Keyword> = new Map([
  ...aes(128, ["aes128", "aes"]),
  ...aes(192, ["aes192"]),
  ...aes(256, ["aes256"]),
  ...camellia(128, ["camellia128", "camellia"]),
  ...camellia(192, ["camellia192"]),
  ...camellia(256, ["camellia256"]),
  entry("chacha20poly1305", { kind: "encr", id: Encr.CHACHA20_POLY1305, keyBits: undefined }),
  ...hmac(["sha1", "sha"], Integ.HMAC_SHA1_96, PrfId.HMAC_SHA1),
  ...hmac(["sha256", "sha2_256"], Integ.HMAC_SHA2_256_128, PrfId.HMAC_SHA2_256),
  ...hmac(["sha384", "sha2_384"], Integ.HMAC_SHA2_384_192, PrfId.HMAC_SHA2_384),
  ...hmac(["sha512", "sha2_512"], Integ.HMAC_SHA2_512_256, PrfId.HMAC_SHA2_512),
  entry("aesxcbc", { kind: "integ", id: Integ.AES_XCBC_96 }),
  entry("aescmac", { kind: "integ", id: Integ.AES_CMAC_96 }),
  ...group(Ke.X25519, ["x25519", "curve25519"]),
  ...group(Ke.ECP_256, ["ecp256"]),
  ...group(Ke.ECP_384, ["ecp384"]),
  ...group(Ke.ECP_521, ["ecp521"]),
  ...group(Ke.MODP_2048, ["modp2048"]),
  ...group(Ke.MODP_3072, ["modp3072"]),
  ...group(Ke.MODP_4096, ["modp4096"]),
  ...group(Ke.ML_KEM_512, ["mlkem512"]),
  ...group(Ke.ML_KEM_768, ["mlkem768"]),
  ...group(Ke.ML_KEM_1024, ["mlkem1024"]),
  ...group(Ke.NONE, ["none", "modpnone"]),
  entry("esn", { kind: "esn", esn: true }),
  entry("noesn", { kind: "esn", esn: false }),
]);

/** Words for what is too weak for IKEv2: old routers with IKEv1 may need it. */
const LEGACY_KEYWORDS: ReadonlyMap<string, Keyword> = new Map([
  entry("3des", { kind: "encr", id: Encr.DES3, keyBits: undefined }),
  ...hmac(["md5"], Integ.HMAC_MD5_96, PrfId.HMAC_MD5),
  ...group(Ke.MODP_1024, ["modp1024"]),
  ...group(Ke.MODP_1536, ["modp1536"]),
]);

/** Words from other products, with the message shown instead of the nearest word. */
const REFUSED: ReadonlyMap<string, string> = new Map(
  [
    ["des", "broken"],
    ["3des", "too weak: its blocks are too short"],
    ["null", "no encryption at all"],
    ["md5", "broken"],
    ["prfmd5", "broken"],
    ["modp768", "broken"],
    ["modp1024", "too weak"],
    ["modp1536", "too weak"],
    ["modp6144", "not built in"],
    ["modp8192", "not built in"],
    ["x448", "not built in"],
    ["curve448", "not built in"],
    ["prfaesxcbc", "not built in"],
    ["prfaescmac", "not built in"],
    ["ecp256bp", "not built in"],
    ["ecp384bp", "not built in"],
    ["ecp512bp", "not built in"],
  ].map(([word, why]) => [word ?? "", why ?? ""]),
);

/** A longer word is not compared with any. */
const COMPARED_LENGTH_MAX = 32;

/** `ke1_mlkem768`: the first additional key exchange. */
const ADDITIONAL = /^ke(\d{1,3})_(.*)$/;

/** What a word means; undefined if it is not one of ours. */
export function keywordFor(word: string): Keyword | undefined {
  const [, ordinal, method = ""] = ADDITIONAL.exec(word) ?? [];
  if (ordinal === undefined) return KEYWORDS.get(word);
  const keyword = KEYWORDS.get(method);
  if (keyword?.kind !== "ke" || !isOrdinal(Number(ordinal))) return undefined;
  return { kind: "addke", ordinal: Number(ordinal), id: keyword.id };
}

function isOrdinal(ordinal: number): boolean {
  return ordinal >= 1 && ordinal <= ADDKE_MAX;
}

/** What a word of {@link parseSuite} with legacy algorithms means. */
export function legacyKeywordFor(word: string): Keyword | undefined {
  return keywordFor(word) ?? LEGACY_KEYWORDS.get(word);
}

/** Why a word means nothing: a sentence that says what would be right. */
export function unknownKeyword(word: string): string {
  const [, ordinal, method = ""] = ADDITIONAL.exec(word) ?? [];
  if (ordinal !== undefined && !isOrdinal(Number(ordinal))) {
    return `"${word}": additional key exchanges are numbered from "ke1_" to "ke${ADDKE_MAX}_"`;
  }
  if (ordinal !== undefined && KEYWORDS.has(method)) {
    return `"${word}": "${method}" is no key exchange, for example "ke${ordinal}_mlkem768"`;
  }
  if (ordinal !== undefined) return unknownKeyword(method);
  const why = REFUSED.get(word);
  if (why !== undefined) return `"${word}" is ${why}`;
  const nearest = nearestKeyword(word);
  const hint = nearest === undefined ? "" : `, did you mean "${nearest}"?`;
  return `"${word}" is no known keyword${hint}`;
}

/** The word that is printed for a transform; undefined if there is none. */
export function wordFor(wanted: Keyword): string | undefined {
  if (wanted.kind === "addke") {
    const method = wordFor({ kind: "ke", id: wanted.id });
    return method === undefined ? undefined : `ke${wanted.ordinal}_${method}`;
  }
  for (const keywords of [KEYWORDS, LEGACY_KEYWORDS]) {
    for (const [word, keyword] of keywords) if (isSame(keyword, wanted)) return word;
  }
  return undefined;
}

function isSame(a: Keyword, b: Keyword): boolean {
  if (a.kind === "esn" || b.kind === "esn") {
    return a.kind === "esn" && b.kind === "esn" && a.esn === b.esn;
  }
  if (a.kind !== b.kind || a.id !== b.id) return false;
  return a.kind !== "encr" || (b.kind === "encr" && a.keyBits === b.keyBits);
}

function nearestKeyword(word: string): string | undefined {
  if (word.length === 0 || word.length > COMPARED_LENGTH_MAX) return undefined;
  // A word of which more than half of the letters change is another word.
  let least = Math.ceil(word.length / 2) + 1;
  let nearest: string | undefined;
  for (const candidate of KEYWORDS.keys()) {
    const changes = changesBetween(candidate, word);
    if (changes < least) {
      least = changes;
      nearest = candidate;
    }
  }
  return nearest;
}

/** Letters to insert, remove or replace (Levenshtein). */
function changesBetween(a: string, b: string): number {
  let above = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (above[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      row.push(Math.min(replaced, (above[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1));
    }
    above = row;
  }
  return above[b.length] ?? 0;
}

type Entry = readonly [string, Keyword];

function entry(word: string, keyword: Keyword): Entry {
  return [word, keyword];
}

function aes(keyBits: number, cbc: readonly string[]): readonly Entry[] {
  const each = (id: number, mode: string, ...ends: readonly string[]) =>
    ends.map((end) => entry(`aes${keyBits}${mode}${end}`, { kind: "encr", id, keyBits }));
  return [
    ...cbc.map((word) => entry(word, { kind: "encr", id: Encr.AES_CBC, keyBits })),
    // The length of the ICV in octets or bits.
    ...each(Encr.AES_GCM_16, "gcm", "16", "128", ""),
    ...each(Encr.AES_GCM_12, "gcm", "12", "96"),
    ...each(Encr.AES_GCM_8, "gcm", "8", "64"),
    ...each(Encr.AES_CCM_16, "ccm", "16", "128", ""),
    ...each(Encr.AES_CCM_12, "ccm", "12", "96"),
    ...each(Encr.AES_CCM_8, "ccm", "8", "64"),
    ...each(Encr.AES_CTR, "ctr", ""),
    ...each(Encr.NULL_AUTH_AES_GMAC, "gmac", ""),
  ];
}

function camellia(keyBits: number, words: readonly string[]): readonly Entry[] {
  return words.map((word) => entry(word, { kind: "encr", id: Encr.CAMELLIA_CBC, keyBits }));
}

function hmac(words: readonly string[], integ: number, prf: number): readonly Entry[] {
  return [
    ...words.map((word) => entry(word, { kind: "integ", id: integ })),
    ...words.map((word) => entry(`prf${word}`, { kind: "prf", id: prf })),
  ];
}

function group(id: number, words: readonly string[]): readonly Entry[] {
  return words.map((word) => entry(word, { kind: "ke", id }));
}
