/** What a site offered beside what is configured, and where they have nothing in common. Pure. */

import type { JournalRecord } from "../concentrator/journal/journal.ts";
import { isAead } from "../crypto/esp-algorithm.ts";
import { type NamedTransform, transformNamed, transformTypeName } from "../crypto/names.ts";
import type { Suite } from "../crypto/suite.ts";
import { formatSuite, parseSuite, type SuiteKind, usesSha1 } from "../crypto/suite-notation.ts";
import { ADDKE_FIRST, isAdditionalKe, TransformType } from "../crypto/transform.ts";
import { type AddressRange, parseAddress } from "../inet/address.ts";
import { parsePrefix, prefixRange } from "../inet/prefix.ts";
import { intersectRange } from "../inet/range.ts";
import { REASONS } from "./reason.ts";

/** Both sides of a refusal, as the journal has them. */
export type Comparison = {
  readonly about: SuiteKind | "subnets" | "proof";
  readonly offered: readonly string[];
  readonly configured: readonly string[];
  /** Words that only one side has. */
  readonly onlyOffered: readonly string[];
  readonly onlyConfigured: readonly string[];
  /** Each part of the two proposals that are most alike, or of the subnets. */
  readonly nearest: readonly ComparedPart[];
  /**
   * The site's nearest proposal in the notation of `ike` or `esp`; undefined if it cannot be
   * allowed.
   */
  readonly proposal: string | undefined;
};

export type ComparedPart = {
  readonly part: PartName;
  readonly offered: readonly string[];
  readonly configured: readonly string[];
  /** Empty where the two have nothing in common. */
  readonly common: readonly string[];
};

/** `encryption`, `additional key exchange 1`, `transform type 13`; `network here`. */
export type PartName = string;

/** Compares both sides of a record; undefined unless it has both. */
export function compare(record: JournalRecord): Comparison | undefined {
  const { offered, wanted, step, reason } = record;
  if (offered === undefined || wanted === undefined) return undefined;
  const { compares } = REASONS[reason];
  const words = compares === undefined ? transformsIn : wordsIn;
  const [theirs, ours] = [words(offered), words(wanted)];
  const sides = {
    offered,
    configured: wanted,
    onlyOffered: [...theirs].filter((word) => !ours.has(word)),
    onlyConfigured: [...ours].filter((word) => !theirs.has(word)),
  };
  if (compares === "proof") return { about: "proof", ...sides, nearest: [], proposal: undefined };
  if (compares === "subnets") {
    return { about: "subnets", ...sides, nearest: comparedSubnets(sides), proposal: undefined };
  }
  // An IKE SA is rekeyed by CREATE_CHILD_SA as well: only its proposals have a PRF.
  const isIke = step === "IKE_SA_INIT" || wanted.some((text) => text.includes("PRF_"));
  const about = isIke ? "ike" : "esp";
  const { parts, transforms } = nearestOf(offered, wanted, {
    about,
    isWithoutKe: step === "IKE_AUTH",
  });
  // Two equal columns would say nothing: then both sides are shown as they came.
  const nearest = parts.some(({ common }) => common.length === 0) ? parts : [];
  return { about, ...sides, nearest, proposal: proposalOf(transforms, about) };
}

/** The parts that have nothing in common. */
export function apart({ nearest }: Comparison): readonly ComparedPart[] {
  return nearest.filter(({ common }) => common.length === 0);
}

/** Whether a proposal of these words is weak. */
export function isWeak(proposal: string, kind: SuiteKind): boolean {
  const suite = parseSuite(proposal, kind);
  return suite.ok && usesSha1(suite.value);
}

/** All transforms of proposals. */
function transformsIn(texts: readonly string[]): ReadonlySet<string> {
  const all = texts.flatMap((text) => text.replace(MORE, "").split("/"));
  return new Set(all.filter((word) => word !== ""));
}

/** Words, or whole selectors. */
function wordsIn(texts: readonly string[]): ReadonlySet<string> {
  const words = (text: string) => text.replace(MORE, "").split(/[/ ,|]+/);
  const all = texts.flatMap((text) => (/\d\/\d/.test(text) ? [text] : words(text)));
  return new Set(all.filter((word) => word !== ""));
}

type Nearest = {
  readonly parts: readonly ComparedPart[];
  readonly transforms: readonly NamedTransform[];
};

/**
 * The pair that differs in the fewest parts, preferably with the same encryption; the first of
 * several.
 */
function nearestOf(offered: readonly string[], wanted: readonly string[], terms: Terms): Nearest {
  let nearest: Nearest = { parts: [], transforms: [] };
  let least = Number.POSITIVE_INFINITY;
  const configured = wanted.map(wordsByType);
  for (const text of offered) {
    const theirs = wordsByType(text);
    for (const ours of configured) {
      const parts = partsOf(theirs, ours, terms);
      const lack = parts.filter(({ common }) => common.length === 0);
      const lacking = lack.length + (lack[0]?.part === "encryption" ? 0.5 : 0);
      if (lacking >= least || parts.length === 0) continue;
      least = lacking;
      nearest = {
        parts,
        transforms: text.split("/").map((word) => transformNamed(bareName(word)) ?? UNKNOWN),
      };
    }
  }
  return nearest;
}

/** What the proposals are for; in IKE_AUTH a Child SA has no key exchange of its own. */
type Terms = { readonly about: SuiteKind; readonly isWithoutKe: boolean };

type WordsByType = ReadonlyMap<number, readonly string[]>;

function wordsByType(text: string): WordsByType {
  return Map.groupBy(text.split("/"), (word) => transformNamed(bareName(word))?.type ?? NO_TYPE);
}

function partsOf(theirs: WordsByType, ours: WordsByType, terms: Terms): readonly ComparedPart[] {
  // Shortened, or not ours: this cannot be a proposal.
  if (!theirs.has(TransformType.ENCR) || !ours.has(TransformType.ENCR)) return [];
  const others = [...theirs.keys(), ...ours.keys()].filter((type) => !TYPES.includes(type));
  return [...TYPES, ...new Set(others)].flatMap((type) => {
    const [offered, configured] = [theirs.get(type), ours.get(type)];
    if (offered === undefined && configured === undefined) return [];
    if (isBesideThePoint(type, { theirs, ours }, terms)) return [];
    const part = type === NO_TYPE ? "what is not known here" : transformTypeName(type);
    const none = type === TransformType.ESN && terms.about === "esp" ? "NO_ESN" : "NONE";
    const [left, right] = [offered?.map(orNone) ?? [none], configured?.map(orNone) ?? [none]];
    const common = left.filter((name) => right.includes(name));
    if (type === TransformType.ESN && common.length > 0) return [];
    return [{ part, offered: left, configured: right, common }];
  });
}

/** What does not decide whether two proposals go together. */
function isBesideThePoint(
  type: number,
  { theirs, ours }: { readonly theirs: WordsByType; readonly ours: WordsByType },
  { about, isWithoutKe }: Terms,
): boolean {
  const offered = theirs.get(type);
  // What stands for the end of a long list.
  if (type === NO_TYPE) return offered?.every((word) => CUT.test(word)) === true;
  // In IKE_AUTH the Child SA takes the keys of the IKE SA (RFC 7296 §1.2).
  if (type === TransformType.KE || isAdditionalKe(type)) return about === "esp" && isWithoutKe;
  if (type === TransformType.ESN) return about === "esp" && !ours.has(type);
  return type === TransformType.INTEG && agreeOnAead(theirs, ours);
}

/** Then an integrity algorithm beside it is ignored (RFC 5282 §8). */
function agreeOnAead(theirs: WordsByType, ours: WordsByType): boolean {
  const offered = theirs.get(TransformType.ENCR) ?? [];
  const common = ours.get(TransformType.ENCR)?.find((word) => offered.includes(word));
  const named = common === undefined ? undefined : transformNamed(common);
  return named !== undefined && isAead(named);
}

/** `ADDKE1_NONE` is the same as to leave the type out. */
function orNone(word: string): string {
  return /^ADDKE\d_NONE$/.test(word) ? "NONE" : word;
}

/** In the order in which people look for them; all others follow by number. */
const TYPES: readonly number[] = [
  TransformType.ENCR,
  TransformType.INTEG,
  TransformType.PRF,
  TransformType.KE,
  TransformType.ESN,
];

/** Of words that name no transform. */
const NO_TYPE = 0;
const UNKNOWN: NamedTransform = { type: NO_TYPE, id: 0, keyBits: undefined };
const CUT = /\d+ more/;

/** Without the note on what is wrong with it. */
function bareName(word: string): string {
  return word.replace(/ with .*$/, "");
}

/** In the configuration's words; undefined if one of its transforms is not built in. */
function proposalOf(transforms: readonly NamedTransform[], kind: SuiteKind): string | undefined {
  if (transforms.some(({ type }) => !TYPES.includes(type) && !isAdditionalKe(type))) {
    return undefined;
  }
  const ids = (type: number) => transforms.filter((t) => t.type === type).map(({ id }) => id);
  const suite: Suite = {
    encr: transforms.filter(({ type }) => type === TransformType.ENCR),
    prf: ids(TransformType.PRF),
    integ: ids(TransformType.INTEG),
    ke: ids(TransformType.KE),
    additional: additionalOf(transforms),
    // What the notation takes for granted.
    esn: kind === "esp" ? [true, false] : [],
  };
  if (suite.encr.length === 0) return undefined;
  const text = formatSuite(suite, kind);
  return parseSuite(text, kind).ok ? text : undefined;
}

/** Methods of each additional key exchange, up to the last that there is. */
function additionalOf(transforms: readonly NamedTransform[]): readonly (readonly number[])[] {
  const count = Math.max(0, ...transforms.map(({ type }) => type - ADDKE_FIRST + 1));
  return Array.from({ length: count }, (_, i) =>
    transforms.filter(({ type }) => type === ADDKE_FIRST + i).map(({ id }) => id),
  );
}

/** Between our subnets and the site's. */
const BETWEEN = " === ";

function comparedSubnets(
  sides: Pick<Comparison, "offered" | "configured">,
): readonly ComparedPart[] {
  const [ours = "", theirs = ""] = (sides.offered[0] ?? "").split(BETWEEN);
  const [allowedHere = "", allowedThere = ""] = (sides.configured[0] ?? "").split(BETWEEN);
  return [
    comparedSelectors("network here", ours, allowedHere),
    comparedSelectors("network of the site", theirs, allowedThere),
  ];
}

function comparedSelectors(part: PartName, theirs: string, ours: string): ComparedPart {
  const [offered, configured] = [theirs.split(","), ours.split(",")];
  const common = offered.filter(
    (one) => !MORE.test(one) && configured.some((other) => overlap(one, other)),
  );
  return { part, offered, configured, common };
}

/** What a text puts in place of what it does not show. */
const MORE = /\band \d+ more$/;

function overlap(one: string, other: string): boolean {
  const [a, b] = [rangeOf(one), rangeOf(other)];
  if (a === undefined || b === undefined) return one === other;
  return intersectRange(a, b) !== undefined;
}

/** Of `192.168.1.0/24`, `192.0.2.3-192.0.2.9`, or either with `[6/80]` behind it. */
function rangeOf(selector: string): AddressRange | undefined {
  const addresses = selector.replace(/\[.*$/, "");
  const prefix = parsePrefix(addresses);
  if (prefix !== undefined) return prefixRange(prefix);
  const [first, last] = addresses.split("-").map(parseAddress);
  if (first === undefined || last === undefined) return undefined;
  return { family: first.family, first: first.value, last: last.value };
}
