/** Why two ends do not agree on a PPK (RFC 8784 §3), in words for the journal. */

import type { RefusalText } from "./refusal-text.ts";

export type PpkFault =
  /** The site does not say USE_PPK, and has to. */
  | "ppk-missing"
  /** It says USE_PPK, and then names none. */
  | "ppk-without-identity"
  /** It names one that is not on record, and does not go without, or may not. */
  | "ppk-unknown"
  /** Its AUTH without a PPK is right, the one with the PPK is not. */
  | "wrong-ppk"
  /** One of both keys is wrong, or both are: only a site that can do without a PPK tells which. */
  | "wrong-psk-or-ppk"
  | "wrong-signature-or-ppk"
  /** We call: the site does not say USE_PPK, and has to. */
  | "ppk-unsupported"
  /** We call: the site has not taken the PPK, and has to. */
  | "ppk-ignored";

/** Both sides are PPK_IDs; a side is empty where it names none. */
export type PpkRefusal = {
  readonly kind: "ppk";
  readonly fault: PpkFault;
  readonly offered: readonly string[];
  readonly wanted: readonly string[];
};

/** What an operator is told. */
export function ppkFaultText({ fault, offered, wanted }: PpkRefusal): RefusalText {
  const [theirs] = offered;
  const [ours = "none"] = wanted;
  const sides = offered.length === 0 ? {} : { offered, wanted };
  return { reason: fault, detail: DETAILS[fault](theirs ?? "none", ours), ...sides };
}

const DETAILS: Readonly<Record<PpkFault, (theirs: string, ours: string) => string>> = {
  "ppk-missing": (_, ours) =>
    `the site does not use a PPK, but has to use the one called ${ours}: give it to the site`,
  "ppk-without-identity": (_, ours) =>
    `the site says that it uses a PPK, and does not say which; here it is called ${ours}`,
  "ppk-unknown": (theirs, ours) =>
    ours === "none"
      ? `the site insists on its PPK ${theirs}, but none is on record for it`
      : `the site names the PPK ${theirs}, the one on record for it is called ${ours}`,
  "wrong-ppk": () =>
    "the pre-shared key is right, the PPK of the site differs from the one on record",
  "wrong-psk-or-ppk": () =>
    "the pre-shared key or the PPK of the site differs from the one on record: both are in its " +
    "proof, which does not tell which",
  "wrong-signature-or-ppk": () =>
    "the signature of the site is wrong, or its PPK differs from the one on record: both are in " +
    "its proof, which does not tell which",
  "ppk-unsupported": (_, ours) =>
    `the site does not say that it can use PPKs, but has to use the one called ${ours}`,
  "ppk-ignored": (_, ours) => `the site goes on without the PPK ${ours}, which it has to use`,
};
