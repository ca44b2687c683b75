/** The key exchanges of a proposal: the first, and additional ones (RFC 9370 §2.2). */

import { distinctMethods, isOptional, type Tries } from "../../crypto/additional-key-exchange.ts";
import type { Suite } from "../../crypto/suite.ts";
import { ADDKE_FIRST, ADDKE_MAX, Ke, TransformType } from "../../crypto/transform.ts";
import type { Transform } from "../../wire/v2/message.ts";
import type { AdditionalKe, TransformChoice } from "../algorithms.ts";

/**
 * The transforms of a proposal by type, sorted once for all suites: a list for each type that is
 * offered, without the transforms that are not understood.
 */
export type Offered = ReadonlyMap<number, readonly Transform[]>;

export type Want = {
  /** In IKE_AUTH a Child SA has no key exchange of its own: whatever is offered, none is chosen. */
  readonly kind: "ike" | "esp" | "esp-without-ke";
  /** The method for which the peer has already sent its public value goes before others. */
  readonly sentKe: number | undefined;
  /** Whether additional key exchanges are possible: both ends have to know how (RFC 9242). */
  readonly withAdditional: boolean;
};

const ONLY_NONE: readonly number[] = [Ke.NONE];

/** The methods that follow the first key exchange, in this order. */
export function additionalMethods({
  additional,
}: {
  readonly additional?: readonly AdditionalKe[] | undefined;
}): readonly number[] {
  return (additional ?? []).map(({ ke }) => ke).filter((ke) => ke !== Ke.NONE);
}

/** The additional key exchanges that a suite offers, as transforms. */
export function additionalOffer(suite: Suite): readonly Transform[] {
  return (suite.additional ?? []).flatMap((methods, i) => {
    return methods.map((id) => transformOf({ type: ADDKE_FIRST + i, ke: id }));
  });
}

/** The additional key exchanges that were chosen, as transforms. */
export function additionalAnswer(
  chosen: readonly AdditionalKe[] | undefined,
): readonly Transform[] {
  return (chosen ?? []).map(transformOf);
}

/**
 * The suite as it is offered. A peer that does not know a transform type leaves its whole proposal
 * out (RFC 7296 §3.3.6): where an additional key exchange is optional, a second proposal does
 * without its type.
 */
export function formsOf(suite: Suite): readonly Suite[] {
  const { additional } = suite;
  if (additional?.some(isOptional) !== true) return [suite];
  const needed = additional.map((methods) => (isOptional(methods) ? [] : methods));
  return [suite, { ...suite, additional: needed }];
}

/**
 * The suites of a rekey. A peer that has agreed on no additional key exchange is not asked for one,
 * unless nothing else is allowed: its IKE SA was made with the best that it has.
 */
export function suitesAsAgreed(
  suites: readonly Suite[],
  agreed: { readonly additional?: readonly AdditionalKe[] | undefined },
): readonly Suite[] {
  if (additionalMethods(agreed).length > 0) return suites;
  const others = suites.filter(({ additional = [] }) => additional.every(isOptional));
  return others.length > 0 ? others : suites;
}

/** Whoever has an optional additional key exchange in any of its proposals gets it. */
export function strictFirst(suite: Suite): readonly Suite[] {
  const known = forms.get(suite);
  if (known !== undefined) return known;
  const made = strictForms(suite);
  forms.set(suite, made);
  return made;
}

/** The same suite has the same forms, so that choices can be remembered by them. */
const forms = new WeakMap<Suite, readonly Suite[]>();

function strictForms(suite: Suite): readonly Suite[] {
  const { additional } = suite;
  if (additional?.some(isOptional) !== true) return [suite];
  const strict = additional.map((methods) => methods.filter((id) => id !== Ke.NONE));
  return [{ ...suite, additional: strict }, suite];
}

/** A method of each type, no method twice; undefined: the two have no such choice in common. */
export function chooseKeyExchanges(
  offered: Offered,
  suite: Suite,
  want: Want,
  tries: Tries,
): Pick<TransformChoice, "ke" | "additional"> | undefined {
  if (want.kind === "esp-without-ke") return { ke: Ke.NONE };
  for (const ke of firstMethods(offered, suite, want)) {
    const lists = additionalLists(offered, suite, ke === Ke.NONE ? "without-first" : want);
    const methods = lists && distinctMethods(lists, [ke], tries);
    if (methods === undefined) continue;
    const chosen = methods.map((method, i) => ({ type: ADDKE_FIRST + i, ke: method }));
    // A type that is not offered is not answered.
    const additional = chosen.filter(({ type }) => offered.has(type));
    return additional.length === 0 ? { ke } : { ke, additional };
  }
  return undefined;
}

/** What both allow as first key exchange, best first. */
function firstMethods(offered: Offered, suite: Suite, want: Want): readonly number[] {
  const isEsp = want.kind === "esp";
  const wanted = suite.ke.length === 0 && isEsp ? ONLY_NONE : suite.ke;
  const common = commonOf(wanted, offered.get(TransformType.KE) ?? (isEsp ? "none" : []));
  // A peer that offers groups and NONE, and sends no public value, has decided for NONE.
  const sent = want.sentKe ?? (isEsp ? Ke.NONE : undefined);
  if (sent === undefined || !common.includes(sent)) return common;
  return [sent, ...common.filter((id) => id !== sent)];
}

/**
 * What both allow in each type of additional key exchange; undefined: nothing in one of them.
 * Without a first key exchange there is no additional one, whatever the suite demands.
 */
function additionalLists(
  offered: Offered,
  { additional = [] }: Suite,
  want: Want | "without-first",
): readonly (readonly number[])[] | undefined {
  const isPossible = want !== "without-first" && want.withAdditional;
  if (want !== "without-first" && !isPossible && !additional.every(isOptional)) return undefined;
  const lists: (readonly number[])[] = [];
  for (let i = 0; i < ADDKE_MAX; i++) {
    const wanted = isPossible ? (additional[i] ?? ONLY_NONE) : ONLY_NONE;
    const common = commonOf(wanted, offered.get(ADDKE_FIRST + i) ?? "none");
    if (common.length === 0) return undefined;
    lists.push(common);
  }
  return lists;
}

/** A proposal without an optional type offers NONE of it (RFC 7296 §3.3.3). */
function commonOf(
  wanted: readonly number[],
  transforms: readonly Transform[] | "none",
): readonly number[] {
  if (transforms === "none") return wanted.filter((id) => id === Ke.NONE);
  return wanted.filter((id) => transforms.some((t) => t.id === id));
}

function transformOf({ type, ke }: AdditionalKe): Transform {
  return { type, id: ke, keyBits: undefined, hasUnknownAttribute: false };
}
