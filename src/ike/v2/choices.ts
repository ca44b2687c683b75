/**
 * What was chosen before from the same offer. Sites of a fleet offer the same transforms, and the
 * same list of them is one object (`wire/known-transforms.ts`): so a choice is made
 * once, and sites share it.
 */

import type { Tries } from "../../crypto/additional-key-exchange.ts";
import type { Suite } from "../../crypto/suite.ts";
import { isAdditionalKe, TransformType } from "../../crypto/transform.ts";
import type { Transform } from "../../wire/v2/message.ts";
import type { TransformChoice } from "../algorithms.ts";
import type { Offered, Want } from "./additional.ts";

/** A choice, and the algorithms that it names. */
export type Choice<A> = { readonly choice: TransformChoice; readonly algorithms: A };

/** Made under one wish; undefined: the suite and the offer have nothing in common. */
type Entry<A> = { readonly want: Want; readonly made: Choice<A> | undefined };

/** Choices by offer and suite. */
export type Choices<A> = WeakMap<Offered, WeakMap<Suite, Entry<A>[]>>;

/** Wishes differ in the key exchange whose public value came along. */
const WISHES_MAX = 8;

/** What is to be chosen, and how many tries are left for it. */
export type Wish = { readonly want: Want; readonly tries: Tries };

/** What was chosen from this offer for the suite; otherwise `choose` does, and it is remembered. */
// biome-ignore lint/complexity/useMaxParams: where it is remembered, and the three that it is for
export function choiceOf<A>(
  choices: Choices<A>,
  offered: Offered,
  suite: Suite,
  wish: Wish,
  choose: (offered: Offered, suite: Suite, wish: Wish) => Choice<A> | undefined,
): Choice<A> | undefined {
  const { want, tries } = wish;
  const bySuite = choices.get(offered) ?? new WeakMap<Suite, Entry<A>[]>();
  const entries = bySuite.get(suite) ?? [];
  for (const entry of entries) if (isSame(entry.want, want)) return entry.made;
  const before = tries.left;
  const made = choose(offered, suite, wish);
  // One that took tries depends on how many were left.
  if (tries.left !== before || entries.length >= WISHES_MAX) return made;
  entries.push({ want, made });
  bySuite.set(suite, entries);
  choices.set(offered, bySuite);
  return made;
}

function isSame(a: Want, b: Want): boolean {
  return a.kind === b.kind && a.sentKe === b.sentKe && a.withAdditional === b.withAdditional;
}

/**
 * The transforms of a proposal by type; undefined: one of them has an unknown type, so the whole
 * proposal is left out (RFC 7296 §3.3.6).
 */
export function offeredOf(transforms: readonly Transform[], isIke: boolean): Offered | undefined {
  const known = isIke ? ikeOffers : espOffers;
  const before = known.get(transforms);
  if (before !== undefined) return before === "unknown-type" ? undefined : before;
  const sorted = sort(transforms, isIke);
  known.set(transforms, sorted ?? "unknown-type");
  return sorted;
}

const ikeOffers = new WeakMap<readonly Transform[], Offered | "unknown-type">();
const espOffers = new WeakMap<readonly Transform[], Offered | "unknown-type">();

function sort(transforms: readonly Transform[], isIke: boolean): Offered | undefined {
  if (!transforms.every(({ type }) => isKnownType(type, isIke))) return undefined;
  const byType = [...Map.groupBy(transforms, ({ type }) => type)];
  return new Map(byType.map(([type, all]) => [type, all.filter(isUnderstood)]));
}

function isKnownType(type: number, isIke: boolean): boolean {
  if (type === TransformType.ENCR || type === TransformType.INTEG || type === TransformType.KE) {
    return true;
  }
  if (isAdditionalKe(type)) return true;
  return type === (isIke ? TransformType.PRF : TransformType.ESN);
}

/** Only encryption has a key length: all other algorithms here have one length (§3.3.5). */
function isUnderstood({ type, keyBits, hasUnknownAttribute }: Transform): boolean {
  return !hasUnknownAttribute && (keyBits === undefined || type === TransformType.ENCR);
}
