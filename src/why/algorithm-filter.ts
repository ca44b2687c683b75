/** Finds sites by algorithm, by any name that people use, in what they have or offered. Pure. */

import type { IkeSaView } from "../concentrator/snapshot.ts";
import { LEGACY_NAMES } from "../crypto/ikev1.ts";
import { keywordFor } from "../crypto/keyword.ts";
import { ALGORITHM_NAMES, transformName } from "../crypto/names.ts";
import { TransformType } from "../crypto/transform.ts";
import { err, ok, type Result } from "../octets/result.ts";

export type AlgorithmFilter = {
  /** As it was given. */
  readonly word: string;
  /** Whether one of these lists, `AES_GCM_16_256/PRF_HMAC_SHA2_256/X25519`, has it. */
  isIn(lists: readonly string[]): boolean;
};

/**
 * A filter for one algorithm or family: `mlkem768`, `ML_KEM_768`, `modp`, or `pq` for any key
 * exchange that a quantum computer does not break; `legacy` for anything that IKEv1 has only where
 * `legacy` of an eroute allows it; `ikev1` and `ikev2` for a version of IKE, `ppk` and
 * `downgrade-prevention` for IKE SAs that have it.
 */
export function algorithmFilter(word: string): Result<AlgorithmFilter, string> {
  const wanted = bare(word);
  const exact = wanted === LEGACY ? WEAK : exactNames(word.toLowerCase());
  const isKnown = exact.size > 0 || isPostQuantumWord(wanted) || KNOWN.some(startsWith(wanted));
  if (wanted.length < LENGTH_MIN || !isKnown) {
    return err(`"${word.slice(0, 40)}" is no known algorithm, such as mlkem768, modp1024 or pq`);
  }
  const family = isPostQuantumWord(wanted) ? "mlkem" : wanted;
  const fits = exact.size > 0 ? (name: string) => exact.has(name) : startsWith(family);
  const seen = new Map<string, boolean>();
  const isInList = (list: string) => {
    const before = seen.get(list);
    if (before !== undefined) return before;
    const is = list.split("/").some((name) => fits(bareName(name)));
    // Few lists are different: sites of a fleet have the same.
    if (seen.size < SEEN_MAX) seen.set(list, is);
    return is;
  };
  return ok({ word, isIn: (lists) => lists.some(isInList) });
}

/** All key exchanges of an IKE SA or Child SA: `X25519+ML_KEM_768`; empty if it has none. */
export function keyExchangesIn(algorithms: string): string {
  return algorithms
    .split("/")
    .filter((name) => KEY_EXCHANGES.has(name))
    .join("+");
}

/** Whether one of its key exchanges is not broken by a quantum computer. */
export function isPostQuantum(algorithms: string): boolean {
  return algorithms.includes("ML_KEM_");
}

const LENGTH_MIN = 2;
const SEEN_MAX = 1_000;

function isPostQuantumWord(word: string): boolean {
  return word === "pq" || word === "postquantum";
}

const LEGACY = "legacy";

/** A word of our own notation means exactly its transform; `sha1` also the PRF of that name. */
function exactNames(word: string): ReadonlySet<string> {
  const names = [word, `prf${word}`].flatMap((one) => {
    const keyword = keywordFor(one);
    if (keyword === undefined || keyword.kind === "esn") return [];
    const keyBits = keyword.kind === "encr" ? keyword.keyBits : undefined;
    return [bare(transformName(TYPES[keyword.kind], keyword.id, keyBits))];
  });
  return new Set(names);
}

const TYPES = {
  encr: TransformType.ENCR,
  integ: TransformType.INTEG,
  prf: TransformType.PRF,
  ke: TransformType.KE,
  addke: TransformType.KE,
} as const;

/** `mlkem768` for `ML_KEM_768`, `ml-kem-768`. */
function bare(name: string): string {
  return name.toLowerCase().replace(/[^a-z0-9]/g, "");
}

/** Without the number of an additional key exchange, and what stands behind the name. */
function bareName(name: string): string {
  return bare(name.replace(/^ADDKE\d_/, "").replace(/ .*$/, ""));
}

/** A longer word than the name may end with its key length. */
function startsWith(wanted: string): (name: string) => boolean {
  return (name) =>
    name.startsWith(wanted) || (wanted.startsWith(name) && /^\d+$/.test(wanted.slice(name.length)));
}

/** What else an IKE SA has is found like an algorithm: each stands in a list of its own. */
export function traitNames(sa: IkeSaTraits): readonly string[] {
  const names = [`IKEv${sa.version}`];
  if (sa.ppk) names.push(PPK);
  if (sa.downgradePrevention) names.push(DOWNGRADE_PREVENTION);
  return names;
}

type IkeSaTraits = Pick<IkeSaView, "version" | "ppk" | "downgradePrevention">;

const PPK = "PPK";
const DOWNGRADE_PREVENTION = "DOWNGRADE_PREVENTION";
const TRAITS = ["IKEv1", "IKEv2", PPK, DOWNGRADE_PREVENTION];
const KNOWN: readonly string[] = [...ALGORITHM_NAMES.all, ...TRAITS].map(bare);
const WEAK: ReadonlySet<string> = new Set(LEGACY_NAMES.map(bare));
const KEY_EXCHANGES: ReadonlySet<string> = new Set(ALGORITHM_NAMES.keyExchanges);
