/** Why the two ends do not agree on a PPK (RFC 8784 §3), and the words for the journal. */

import type { RefusalText } from "./refusal-text.ts";

export type PpkFault =
  /** The site does not send USE_PPK, but must. */
  | "ppk-missing"
  /** It sends USE_PPK, but no PPK_IDENTITY. */
  | "ppk-without-identity"
  /** Its PPK is not on record here, and it cannot or must not go on without one. */
  | "ppk-unknown"
  /** The PPK_ID is right, but the PPK is another: its AUTH without a PPK or its proof show it. */
  | "wrong-ppk"
  /** The key, the PPK or both are wrong; only a site that can do without a PPK shows which. */
  | "wrong-psk-or-ppk"
  | "wrong-signature-or-ppk"
  /** We are the initiator: the site does not send USE_PPK, but must. */
  | "ppk-unsupported"
  /** We are the initiator: the site did not use the PPK, but must. */
  | "ppk-ignored";

/** Both sides are PPK_IDs; a side that names none is empty. */
export type PpkRefusal = {
  readonly kind: "ppk";
  readonly fault: PpkFault;
  readonly offered: readonly string[];
  readonly wanted: readonly string[];
};

/** The words for operators. */
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
  "wrong-ppk": (theirs) =>
    theirs === "none"
      ? "the pre-shared key is right, the PPK of the site differs from the one on record"
      : `the PPK ${theirs} of the site differs from the one on record under this name`,
  "wrong-psk-or-ppk": () =>
    "the pre-shared key or the PPK of the site differs from the one on record: its " +
    "proof depends on both, and does not show which",
  "wrong-signature-or-ppk": () =>
    "the signature of the site is wrong, or its PPK differs from the one on record: " +
    "its proof depends on both, and does not show which",
  "ppk-unsupported": (_, ours) =>
    `the site does not say that it can use PPKs, but has to use the one called ${ours}`,
  "ppk-ignored": (_, ours) => `the site goes on without the PPK ${ours}, which it has to use`,
};
