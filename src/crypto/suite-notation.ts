/**
 * Suites in strongSwan's notation: `aes256gcm16-prfsha384-ecp384`. The rules of RFC 7296 §3.3.3 and
 * RFC 5282 §8: what a proposal needs and what it must not contain.
 */

import { err, ok, type Result } from "../octets/result.ts";
import { distinctMethods, TRIES_MAX } from "./additional-key-exchange.ts";
import { encryptionFor } from "./encryption.ts";
import { isAead } from "./esp-algorithm.ts";
import { integrityFor } from "./integrity.ts";
import { type Keyword, keywordFor, legacyKeywordFor, unknownKeyword, wordFor } from "./keyword.ts";
import type { EncrTransform, Suite } from "./suite.ts";
import { Encr, Integ, Ke, PrfId } from "./transform.ts";

/** What a suite is for: an IKE SA, or a Child SA (ESP). */
export type SuiteKind = "ike" | "esp";

/**
 * ESP without `esn` or `noesn`: the peer decides; extended sequence numbers if it supports them.
 */
const ESN_DEFAULT: readonly boolean[] = [true, false];

/** The PRF that follows from an integrity algorithm: the same HMAC. */
const IMPLIED_PRF: ReadonlyMap<number, number> = new Map([
  [Integ.HMAC_MD5_96, PrfId.HMAC_MD5],
  [Integ.HMAC_SHA1_96, PrfId.HMAC_SHA1],
  [Integ.HMAC_SHA2_256_128, PrfId.HMAC_SHA2_256],
  [Integ.HMAC_SHA2_384_192, PrfId.HMAC_SHA2_384],
  [Integ.HMAC_SHA2_512_256, PrfId.HMAC_SHA2_512],
]);

type MutableSuite = {
  encr: EncrTransform[];
  prf: number[];
  integ: number[];
  ke: number[];
  additional: number[][];
  esn: boolean[];
};

/**
 * One proposal: keywords with `-` between them; of each kind, the best comes first. The fault is a
 * sentence that names the keyword and what would be right.
 *
 * IKE: encryption and key exchange; a PRF, which follows from the integrity algorithms if none is
 * named. ESP: encryption; groups mean perfect forward secrecy, `none` among them makes it optional.
 * Additional key exchanges follow the first: `ke1_mlkem768`, optional with `ke1_none` beside it.
 * CBC and CTR need integrity, AEAD has none, and the two are never in one proposal.
 *
 * `words`: `legacy` admits what is too weak for IKEv2 as well.
 */
export function parseSuite(
  text: string,
  kind: SuiteKind,
  words: "strong" | "legacy" = "strong",
): Result<Suite, string> {
  const meaningOf = words === "legacy" ? legacyKeywordFor : keywordFor;
  const suite: MutableSuite = { encr: [], prf: [], integ: [], ke: [], additional: [], esn: [] };
  const seen = new Set<string>();
  if (text.includes(",")) return err(`"${text}": one proposal only, without ","`);
  for (const word of text.trim().toLowerCase().split("-")) {
    if (word === "") return err(`"${text}": a keyword is missing`);
    const keyword = meaningOf(word);
    if (keyword === undefined) return err(unknownKeyword(word));
    const canonical = wordFor(keyword) ?? word;
    if (seen.has(canonical)) return err(`"${canonical}" is there twice`);
    seen.add(canonical);
    const misplaced = misplacement(keyword, word, kind);
    if (misplaced !== undefined) return err(misplaced);
    add(suite, keyword);
  }
  if (kind === "ike" && suite.prf.length === 0) suite.prf = impliedPrfs(suite);
  if (kind === "esp" && suite.esn.length === 0) suite.esn = [...ESN_DEFAULT];
  const wrong = lack(suite, kind);
  if (wrong !== undefined) return err(wrong);
  const { encr, prf, integ, ke, esn, additional } = suite;
  return ok(additional.length > 0 ? suite : { encr, prf, integ, ke, esn });
}

/** The notation that {@link parseSuite} reads back to the same suite. */
export function formatSuite(suite: Suite, kind: SuiteKind): string {
  const prf = kind === "ike" && !isSameList(suite.prf, impliedPrfs(suite)) ? suite.prf : [];
  const esn = kind === "esp" && !isSameList(suite.esn, ESN_DEFAULT) ? suite.esn : [];
  const keywords: readonly Keyword[] = [
    ...suite.encr.map(({ id, keyBits }) => ({ kind: "encr", id, keyBits }) as const),
    ...suite.integ.map((id) => ({ kind: "integ", id }) as const),
    ...prf.map((id) => ({ kind: "prf", id }) as const),
    ...suite.ke.map((id) => ({ kind: "ke", id }) as const),
    ...(suite.additional ?? []).flatMap((methods, i) =>
      methods.map((id) => ({ kind: "addke", ordinal: i + 1, id }) as const),
    ),
    ...esn.map((on) => ({ kind: "esn", esn: on }) as const),
  ];
  return keywords.map((keyword) => wordFor(keyword) ?? unnamed(keyword)).join("-");
}

/** Whether it contains SHA-1, which deserves a warning: it exists for old routers only. */
export function usesSha1(suite: Suite): boolean {
  return suite.integ.includes(Integ.HMAC_SHA1_96) || suite.prf.includes(PrfId.HMAC_SHA1);
}

/** Whether anybody on the way can read its packets: it only shows that nobody changed them. */
export function isUnencrypted(suite: Suite): boolean {
  return suite.encr.some(({ id }) => id === Encr.NULL_AUTH_AES_GMAC);
}

function add(suite: MutableSuite, keyword: Keyword): void {
  switch (keyword.kind) {
    case "encr":
      suite.encr.push({ id: keyword.id, keyBits: keyword.keyBits });
      break;
    case "esn":
      suite.esn.push(keyword.esn);
      break;
    case "addke":
      while (suite.additional.length < keyword.ordinal) suite.additional.push([]);
      suite.additional[keyword.ordinal - 1]?.push(keyword.id);
      break;
    default:
      suite[keyword.kind].push(keyword.id);
  }
}

/** What is wrong with a keyword in a proposal of this kind, whatever else is in it. */
function misplacement(keyword: Keyword, word: string, kind: SuiteKind): string | undefined {
  if (kind === "esp") {
    return keyword.kind === "prf" ? `"${word}": ESP has no PRF, leave it out` : undefined;
  }
  const isMissing =
    !isLegacy(keyword) &&
    ((keyword.kind === "encr" && encryptionFor(keyword.id, keyword.keyBits) === undefined) ||
      (keyword.kind === "integ" && integrityFor(keyword.id) === undefined));
  if (isMissing) return `"${word}" is not built in for IKE, only for ESP`;
  if (keyword.kind === "esn") return `"${word}": only ESP has sequence numbers to extend`;
  if (keyword.kind === "ke" && keyword.id === Ke.NONE) {
    return `"${word}": IKE always needs a key exchange, for example "x25519"`;
  }
  return undefined;
}

/** What is missing, or does not go together. */
function lack(suite: Suite, kind: SuiteKind): string | undefined {
  if (suite.encr.length === 0) return 'no encryption algorithm, for example "aes256gcm16"';
  const aead = suite.encr.filter(isAead);
  const other = cipherName(suite.encr.find((encr) => !isAead(encr)));
  if (aead.length > 0 && aead.length < suite.encr.length) {
    return `${other} cannot be in one proposal with ${cipherName(aead[0])}: write two`;
  }
  const integ = suite.integ.map((id) => wordFor({ kind: "integ", id }));
  if (aead.length > 0 && integ.length > 0) {
    const instead = kind === "ike" ? ` (as PRF: "prf${integ[0]}")` : "";
    const name = cipherName(aead[0]);
    return `"${integ[0]}": ${name} needs no integrity algorithm, leave it out${instead}`;
  }
  if (aead.length === 0 && integ.length === 0) {
    return `${other} needs an integrity algorithm, for example "sha256"`;
  }
  if (kind === "ike" && suite.prf.length === 0) {
    return `${cipherName(aead[0])} needs a PRF as well, for example "prfsha256"`;
  }
  if (kind === "ike" && suite.ke.length === 0) {
    return 'IKE needs a key exchange, for example "x25519"';
  }
  return additionalLack(suite);
}

/** What is wrong with its additional key exchanges. */
function additionalLack({ ke, additional = [] }: Suite): string | undefined {
  if (additional.length === 0) return undefined;
  const gap = additional.findIndex((methods) => methods.length === 0);
  if (gap >= 0) {
    const named = `"ke${additional.length}_"`;
    return `${named} needs "ke${gap + 1}_": additional key exchanges are numbered without gaps`;
  }
  const empty = additional.findIndex((methods) => methods.every((id) => id === Ke.NONE));
  if (empty >= 0) return `"ke${empty + 1}_none" makes another method optional: name that as well`;
  const first = ke.filter((id) => id !== Ke.NONE);
  if (first.length === 0) {
    return '"ke1_" follows a first key exchange: name that as well, for example "x25519"';
  }
  if (distinctMethods([first, ...additional], [], { left: TRIES_MAX }) !== undefined)
    return undefined;
  return "each key exchange needs a method of its own: none is used twice (RFC 9370)";
}

/** IKEv1 alone has it, whose algorithms are built in elsewhere. */
function isLegacy(keyword: Keyword): boolean {
  return keywordFor(wordFor(keyword) ?? "") === undefined;
}

function cipherName(encr: EncrTransform | undefined): string {
  return encr === undefined ? "" : (CIPHER_NAMES.get(encr.id) ?? "AES-CBC");
}

const CIPHER_NAMES: ReadonlyMap<number, string> = new Map([
  [Encr.DES3, "3DES"],
  [Encr.AES_CTR, "AES-CTR"],
  [Encr.AES_CCM_8, "AES-CCM"],
  [Encr.AES_CCM_12, "AES-CCM"],
  [Encr.AES_CCM_16, "AES-CCM"],
  [Encr.AES_GCM_8, "AES-GCM"],
  [Encr.AES_GCM_12, "AES-GCM"],
  [Encr.AES_GCM_16, "AES-GCM"],
  [Encr.NULL_AUTH_AES_GMAC, "AES-GMAC"],
  [Encr.CAMELLIA_CBC, "Camellia"],
  [Encr.CHACHA20_POLY1305, "ChaCha20-Poly1305"],
]);

function impliedPrfs(suite: Suite): number[] {
  return suite.integ.flatMap((id) => IMPLIED_PRF.get(id) ?? []);
}

function isSameList<T>(a: readonly T[], b: readonly T[]): boolean {
  return a.length === b.length && a.every((value, index) => value === b[index]);
}

/** A transform without a keyword: printed, although it cannot be read back. */
function unnamed(keyword: Keyword): string {
  if (keyword.kind === "esn") return "esn";
  if (keyword.kind === "addke") return `ke${keyword.ordinal}_ke${keyword.id}`;
  return `${keyword.kind}${keyword.id}`;
}
