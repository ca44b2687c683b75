/** Algorithms that an eroute has to allow by `legacy`: where one is agreed on, it is said. */

import { isLegacy } from "../../crypto/ikev1.ts";
import { transformName } from "../../crypto/names.ts";
import { TransformType } from "../../crypto/transform.ts";
import type { IkeEffect } from "./step.ts";

type Agreed = {
  readonly encr: { readonly id: number };
  readonly prf?: { readonly id: number };
  readonly integ?: { readonly id: number } | undefined;
  readonly ke?: number;
};

/** The weak algorithms of an SA: `PRF_HMAC_SHA1`, `MODP_1024`. */
export function legacyIn({ encr, prf, integ, ke }: Agreed): readonly string[] {
  const all: readonly (readonly [type: number, id: number | undefined])[] = [
    [TransformType.ENCR, encr.id],
    [TransformType.PRF, prf?.id],
    [TransformType.INTEG, integ?.id],
    [TransformType.KE, ke],
  ];
  return all.flatMap(([type, id]) =>
    id !== undefined && isLegacy(type, id) ? [transformName(type, id, undefined)] : [],
  );
}

/** Counts an SA that has one of them. */
export function countLegacy(agreed: Agreed): readonly IkeEffect[] {
  return legacyIn(agreed).length === 0 ? [] : [{ kind: "count", counter: "ikev1_sas_legacy" }];
}
