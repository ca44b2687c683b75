/** Which versions of IKE the ends of a pair have: in some worlds IKEv1, at one end or at both. */

import type { EroutePlan, IkeVersions, Ikev1Rule } from "../../../src/eroute/eroute.ts";
import { IKEV1_ESP_SUITE, IKEV1_IKE_SUITE } from "../ikev1-suites.ts";
import type { Prng } from "../prng.ts";

/** The versions of each end, which have one in common. */
export type PairVersions = { readonly a: IkeVersions; readonly b: IkeVersions };

const IKEV2: IkeVersions = { v2: true, v1: undefined };

const SHARE = 0.3;

/** Undefined: both ends have IKEv2 alone. */
export function drawVersions(prng: Prng, isNatted: boolean): PairVersions | undefined {
  if (!prng.chance(SHARE)) return undefined;
  // Behind a NAT an end has no address by which Main Mode could find its key.
  const mode = isNatted ? "aggressive" : prng.pick(["main", "aggressive"] as const);
  const versions = (name: "old" | "both" | "new"): IkeVersions => {
    if (name === "new") return IKEV2;
    return { v2: name === "both", v1: ruleWith(prng.chance(0.5) ? mode : "both") };
  };
  const [a, b] = prng.pick([
    ["old", "old"],
    ["old", "old"],
    ["old", "both"],
    ["both", "old"],
    ["both", "both"],
    ["both", "new"],
    ["new", "both"],
  ] as const);
  return { a: versions(a), b: versions(b) };
}

/** Whether an IKE SA of this pair may have been made with IKEv1. */
export function mayUseIkev1({ a, b }: PairVersions): boolean {
  return a.v1 !== undefined && b.v1 !== undefined;
}

/** The plan of one end with its versions. */
export function withVersions(plan: EroutePlan, versions: IkeVersions): EroutePlan {
  return { ...plan, eroutes: plan.eroutes.map((eroute) => ({ ...eroute, versions })) };
}

function ruleWith(mode: Ikev1Rule["mode"]): Ikev1Rule {
  return {
    ...{ mode, legacy: false, xauth: false, pushesConfig: false, sha256With96Bits: false },
    ...{ ike: [IKEV1_IKE_SUITE], esp: [IKEV1_ESP_SUITE] },
  };
}
