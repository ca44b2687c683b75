/** Authentication methods by name: what an end uses, and what the other end accepts (RFC 9593). */

import { type AcceptedMethod, AuthMethod } from "../crypto/signature.ts";
import { acceptedName } from "../crypto/x509/accepted-method.ts";
import type { PeerCredential } from "./credentials.ts";
import type { RefusalText } from "./refusal-text.ts";

/** The peer does not accept the way in which we authenticate. */
export type UnfitMethods = {
  readonly kind: "auth-methods-unfit";
  readonly ours: string;
  readonly accepted: readonly AcceptedMethod[];
};

/** `ECDSA signature on P-256 (9)`. */
export function methodText(method: number): string {
  return AUTH_METHODS.get(method) ?? `method ${method}`;
}

/** What a peer with this credential has to authenticate with. */
export function wantedMethods(kind: PeerCredential["kind"]): readonly string[] {
  return WANTED_METHODS[kind];
}

/** The words for operators. */
export function unfitText({ ours, accepted }: UnfitMethods): RefusalText {
  const rest = accepted.length - SHOWN_MAX;
  const shown = accepted.slice(0, SHOWN_MAX).map(acceptedText);
  return {
    reason: "auth-methods-unfit",
    detail: `the site says that it does not accept how we authenticate: ${ours}`,
    offered: [ours],
    wanted: rest > 0 ? [...shown, `and ${rest} more`] : shown,
  };
}

const SHOWN_MAX = 20;

function acceptedText(one: AcceptedMethod): string {
  const { method, algorithm } = one;
  if (method !== AuthMethod.DIGITAL_SIGNATURE || algorithm.length === 0) return methodText(method);
  return acceptedName(one) ?? "digital signature by an unknown algorithm";
}

const AUTH_METHODS: ReadonlyMap<number, string> = new Map([
  [0, "EAP"],
  [1, "RSA signature (1)"],
  [2, "pre-shared key (2)"],
  [3, "DSS signature (3)"],
  [9, "ECDSA signature on P-256 (9)"],
  [10, "ECDSA signature on P-384 (10)"],
  [11, "ECDSA signature on P-521 (11)"],
  [12, "secure password (12)"],
  [13, "NULL authentication (13)"],
  [14, "digital signature (14)"],
]);

const WANTED_METHODS: Readonly<Record<PeerCredential["kind"], readonly string[]>> = {
  psk: ["pre-shared key"],
  certificate: ["digital signature with a certificate"],
  either: ["pre-shared key", "digital signature with a certificate"],
};
