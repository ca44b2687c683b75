/** Additional key exchanges in proposals: transform types 6 to 12 (RFC 9370 §2.2.1). */

import type { Suite } from "../../crypto/suite.ts";
import { Ke, TransformType } from "../../crypto/transform.ts";
import type { Transform } from "../../wire/v2/message.ts";
import type { AdditionalKe } from "../algorithms.ts";

/** How many an SA can have beside the first one. */
const ADDITIONAL_KES_MAX = TransformType.ADDKE7 - TransformType.ADDKE1 + 1;

/** Whether a transform is one of an additional key exchange. */
export function isAdditional(type: number): boolean {
  return type >= TransformType.ADDKE1 && type <= TransformType.ADDKE7;
}

/** The additional key exchanges that a suite offers, as transforms. */
export function additionalOffer(suite: Suite): readonly Transform[] {
  return (suite.additional ?? []).flatMap((methods, i) => {
    return methods.map((id) => transformOf({ type: TransformType.ADDKE1 + i, ke: id }));
  });
}

/** The additional key exchanges that were chosen, as transforms. */
export function additionalAnswer(chosen: readonly AdditionalKe[] | undefined) {
  return (chosen ?? []).map(transformOf);
}

/** The methods that follow the first key exchange, in this order. */
export function additionalMethods({
  additional,
}: {
  readonly additional?: readonly AdditionalKe[] | undefined;
}): readonly number[] {
  return (additional ?? []).map(({ ke }) => ke).filter((ke) => ke !== Ke.NONE);
}

/**
 * One method for each type that is offered, NONE included; undefined: a type has none that both
 * ends accept. No method is used twice, beside NONE. `ke` is the first key exchange: without one,
 * or if the peer lacks the exchange for it (`isPossible` is false), only NONE is chosen.
 */
export function chooseAdditional(
  offered: (type: number) => readonly Transform[],
  suite: Suite,
  { ke, isPossible }: { readonly ke: number; readonly isPossible: boolean },
): readonly AdditionalKe[] | undefined {
  const chosen: AdditionalKe[] = [];
  const used = [ke];
  for (let i = 0; i < ADDITIONAL_KES_MAX; i++) {
    const type = TransformType.ADDKE1 + i;
    const ids = offered(type).map(({ id }) => id);
    const accepted = suite.additional?.[i] ?? ONLY_NONE;
    const wanted = isPossible && ke !== Ke.NONE ? accepted : accepted.filter(isNone);
    const isOffered = (id: number) => ids.includes(id) || (ids.length === 0 && isNone(id));
    const found = wanted.find((id) => isOffered(id) && (isNone(id) || !used.includes(id)));
    if (found === undefined) return undefined;
    if (ids.length > 0) chosen.push({ type, ke: found });
    used.push(found);
  }
  return chosen;
}

const ONLY_NONE: readonly number[] = [Ke.NONE];

function isNone(id: number): boolean {
  return id === Ke.NONE;
}

function transformOf({ type, ke }: AdditionalKe): Transform {
  return { type, id: ke, keyBits: undefined, hasUnknownAttribute: false };
}
