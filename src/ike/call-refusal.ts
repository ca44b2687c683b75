/** Why a request of ours failed, or a site's call to another gateway than this one. */

import { never } from "../octets/assert.ts";
import type { PeerRefusedReason, Reason } from "../reason/reason.ts";
import {
  NotifyType as Ikev1NotifyType,
  notifyName as ikev1NotifyName,
} from "../wire/v1/notify-type.ts";
import { NotifyType, notifyName } from "../wire/v2/notify-type.ts";
import type { OwnCredential } from "./credentials.ts";

export type CallRefusal =
  /**
   * The peer answered our request with an error notify. `because`: what of the request, or of the
   * answer, it is about.
   */
  | {
      readonly kind: "peer-refused";
      readonly notify: number;
      readonly asked: string;
      readonly because?: string;
    }
  /**
   * The same with IKEv1, where often nothing protects it. `offered`: what the site does not accept;
   * `proof`: how we authenticate.
   */
  | {
      readonly kind: "peer-refused-ikev1";
      readonly notify: number;
      readonly asked: string;
      readonly proof: OwnCredential["kind"];
      readonly offered?: readonly string[];
    }
  /** No answer, or an answer from another site than the one that we called. */
  | { readonly kind: "no-answer"; readonly detail: string }
  /** The site called for another ID than ours. */
  | { readonly kind: "our-id"; readonly expected: string; readonly ours: string }
  | { readonly kind: "wrong-peer"; readonly expected: string; readonly seen: string };

type CallRefusalText = {
  readonly reason: Reason;
  readonly detail: string;
  readonly offered?: readonly string[];
  readonly wanted?: readonly string[];
};

/** The words for a failed request of ours. */
export function callText(refusal: CallRefusal): CallRefusalText {
  switch (refusal.kind) {
    case "our-id":
      return {
        reason: "wrong-our-id",
        detail: `the site expects our ID to be ${refusal.expected}, ours is ${refusal.ours}`,
        offered: [refusal.expected],
        wanted: [refusal.ours],
      };
    case "peer-refused": {
      const name = notifyName(refusal.notify);
      const advice = adviceFor(refusal.notify);
      const because = refusal.because === undefined ? "" : `; ${refusal.because}`;
      return {
        reason: PEER_REFUSED.get(refusal.notify) ?? "peer-refused",
        detail: `${refusal.asked}: the site answered ${name}; ${advice}${because}`,
      };
    }
    case "peer-refused-ikev1":
      return ikev1Text(refusal);
    case "no-answer":
      return { reason: "no-answer", detail: refusal.detail };
    case "wrong-peer":
      return {
        reason: "wrong-peer",
        detail: `called ${refusal.expected}, but ${refusal.seen} answered: compare the IDs`,
      };
    default:
      return never(refusal);
  }
}

function ikev1Text({
  notify,
  asked,
  proof,
  offered,
}: Extract<CallRefusal, { kind: "peer-refused-ikev1" }>): CallRefusalText {
  const special = proof === "signature" ? SIGNATURE_ADVICE.get(notify) : undefined;
  const advice = special ?? IKEV1_ADVICE.get(notify) ?? "its own log says why";
  const ours = offered === undefined ? "" : `; offered: ${offered.join(", ")}`;
  return {
    reason: IKEV1_REFUSED.get(notify) ?? "peer-refused",
    detail: `${asked}: the site answered ${ikev1NotifyName(notify)}; ${advice}${ours}`,
  };
}

const IKEV1_REFUSED: ReadonlyMap<number, PeerRefusedReason> = new Map([
  [Ikev1NotifyType.NO_PROPOSAL_CHOSEN, "peer-refused-no-proposal-chosen"],
  [Ikev1NotifyType.AUTHENTICATION_FAILED, "peer-refused-authentication-failed"],
  [Ikev1NotifyType.INVALID_MAJOR_VERSION, "peer-refused-invalid-major-version"],
] as const);

const IKEV1_ADVICE: ReadonlyMap<number, string> = new Map([
  [
    Ikev1NotifyType.NO_PROPOSAL_CHOSEN,
    "its proposals and the eroute's have nothing in common, or it does not accept this mode",
  ],
  [Ikev1NotifyType.AUTHENTICATION_FAILED, "its pre-shared key or the IDs differ from those here"],
  [Ikev1NotifyType.INVALID_ID_INFORMATION, "it expects another ID than ours (ourid)"],
  [
    Ikev1NotifyType.PAYLOAD_MALFORMED,
    "it cannot read what we have encrypted: its pre-shared key may differ from the one here",
  ],
  [Ikev1NotifyType.INVALID_HASH_INFORMATION, "its pre-shared key differs from the one here"],
]);

const OUR_CERTIFICATE =
  "it does not accept our certificate: its authority, its validity, or our ID (ourid)";

/** What is different where both ends have certificates. */
const SIGNATURE_ADVICE: ReadonlyMap<number, string> = new Map([
  [Ikev1NotifyType.AUTHENTICATION_FAILED, OUR_CERTIFICATE],
  [Ikev1NotifyType.INVALID_KEY_INFORMATION, OUR_CERTIFICATE],
  [Ikev1NotifyType.INVALID_CERTIFICATE, OUR_CERTIFICATE],
  [Ikev1NotifyType.INVALID_CERT_AUTHORITY, OUR_CERTIFICATE],
  [Ikev1NotifyType.INVALID_SIGNATURE, "our certificate and our key may not belong together"],
  [Ikev1NotifyType.PAYLOAD_MALFORMED, "its own log says why"],
  [Ikev1NotifyType.INVALID_HASH_INFORMATION, "its own log says why"],
]);

/** Each error notify that can answer a request of ours has its own reason. */
const PEER_REFUSED: ReadonlyMap<number, PeerRefusedReason> = new Map([
  [NotifyType.UNSUPPORTED_CRITICAL_PAYLOAD, "peer-refused-unsupported-critical-payload"],
  [NotifyType.INVALID_IKE_SPI, "peer-refused-invalid-ike-spi"],
  [NotifyType.INVALID_MAJOR_VERSION, "peer-refused-invalid-major-version"],
  [NotifyType.INVALID_SYNTAX, "peer-refused-invalid-syntax"],
  [NotifyType.INVALID_MESSAGE_ID, "peer-refused-invalid-message-id"],
  [NotifyType.INVALID_SPI, "peer-refused-invalid-spi"],
  [NotifyType.NO_PROPOSAL_CHOSEN, "peer-refused-no-proposal-chosen"],
  [NotifyType.INVALID_KE_PAYLOAD, "peer-refused-invalid-ke-payload"],
  [NotifyType.AUTHENTICATION_FAILED, "peer-refused-authentication-failed"],
  [NotifyType.SINGLE_PAIR_REQUIRED, "peer-refused-single-pair-required"],
  [NotifyType.NO_ADDITIONAL_SAS, "peer-refused-no-additional-sas"],
  [NotifyType.INTERNAL_ADDRESS_FAILURE, "peer-refused-internal-address-failure"],
  [NotifyType.FAILED_CP_REQUIRED, "peer-refused-failed-cp-required"],
  [NotifyType.TS_UNACCEPTABLE, "peer-refused-ts-unacceptable"],
  [NotifyType.INVALID_SELECTORS, "peer-refused-invalid-selectors"],
  [NotifyType.UNACCEPTABLE_ADDRESSES, "peer-refused-unacceptable-addresses"],
  [NotifyType.UNEXPECTED_NAT_DETECTED, "peer-refused-unexpected-nat-detected"],
  [NotifyType.TEMPORARY_FAILURE, "peer-refused-temporary-failure"],
  [NotifyType.CHILD_SA_NOT_FOUND, "peer-refused-child-sa-not-found"],
] as const);

/** What an operator can do about an error that the peer reports. */
function adviceFor(type: number): string {
  return ADVICE.get(type) ?? "its own log says why";
}

const ADVICE: ReadonlyMap<number, string> = new Map([
  [NotifyType.NO_PROPOSAL_CHOSEN, "its proposals and the eroute's have nothing in common"],
  [NotifyType.AUTHENTICATION_FAILED, "its pre-shared key or the IDs differ from those here"],
  [NotifyType.TS_UNACCEPTABLE, "its subnets and those here have nothing in common"],
  [NotifyType.INVALID_KE_PAYLOAD, "it insists on a group that the eroute does not allow"],
  [NotifyType.TEMPORARY_FAILURE, "it is busy with another exchange: this is tried again"],
  [NotifyType.NO_ADDITIONAL_SAS, "it takes no further SAs"],
]);
