/** Why a message, an exchange or an SA is refused. */

import { transformName } from "../crypto/names.ts";
import type { SignatureFault } from "../crypto/signature.ts";
import { TransformType } from "../crypto/transform.ts";
import { never } from "../octets/assert.ts";
import { spi32Hex } from "../octets/hex.ts";
import type { Reason } from "../reason/reason.ts";
import { methodText, type UnfitMethods, unfitText, wantedMethods } from "./auth-methods.ts";
import { type BeforeAuthRefusal, beforeAuthText } from "./before-auth-refusal.ts";
import type { BusyRefusal } from "./busy.ts";
import { type CallRefusal, callText } from "./call-refusal.ts";
import type { PeerCredential } from "./credentials.ts";
import { type MessageFault, messageFaultText } from "./message-fault.ts";
import { type PpkRefusal, ppkFaultText } from "./ppk-fault.ts";
import type { RefusalText } from "./refusal-text.ts";

/** A refusal holds both sides, what was offered and what is wanted, so that both can be shown. */
export type Refusal =
  | MessageFault
  | {
      readonly kind: "no-proposal-chosen";
      /** In what the two most similar proposals have nothing in common. */
      readonly decided: string;
      readonly offered: readonly string[];
      readonly wanted: readonly string[];
    }
  | { readonly kind: "invalid-ke"; readonly offered: string; readonly wantedMethod: number }
  | { readonly kind: "key-exchange"; readonly detail: string }
  | BusyRefusal
  | { readonly kind: "wrong-psk" }
  | {
      readonly kind: "auth-method";
      readonly method: number;
      readonly wanted: PeerCredential["kind"];
    }
  | UnfitMethods
  /** A certificate or signature, the peer's or ours, is not valid. */
  | { readonly kind: "certificate"; readonly fault: SignatureFault }
  | {
      readonly kind: "id-not-in-certificate";
      readonly id: string;
      readonly names: readonly string[];
    }
  | PpkRefusal
  /**
   * No credentials for the ID: `reason` says which step failed (match, look-up, row, table).
   * `isUnanswered`: the site gets no answer, so that it asks again.
   */
  | {
      readonly kind: "no-credentials";
      readonly reason: Reason;
      readonly detail: string;
      readonly offered?: readonly string[];
      readonly wanted?: readonly string[];
      readonly isUnanswered: boolean;
    }
  | {
      readonly kind: "ts-unacceptable";
      readonly offered: readonly string[];
      readonly wanted: readonly string[];
    }
  /** The peer grants our request in more selectors than one Child SA may have. */
  | { readonly kind: "too-many-selectors"; readonly detail: string }
  /**
   * The site asks for inner addresses of these families, or is to be told its own (none); none of
   * its subnets is one address.
   */
  | {
      readonly kind: "no-internal-address";
      readonly asked: readonly string[];
      readonly own: readonly string[];
    }
  /** Mode Config: the site has not taken the address that it was told. */
  | { readonly kind: "mode-config-failed"; readonly detail: string }
  | { readonly kind: "no-additional-sas"; readonly max: number }
  /** All Child SAs of the site together would have too many pairs of subnets. */
  | { readonly kind: "no-additional-pairs"; readonly max: number }
  | { readonly kind: "child-sa-not-found"; readonly spi: number; readonly protocol: number }
  | { readonly kind: "temporary-failure"; readonly detail: string }
  /** There are no such additional key exchanges under way (RFC 9370 §2.2.4). */
  | { readonly kind: "state-not-found"; readonly detail: string }
  /** Our own kernel refused, not the peer; `reason` says why. */
  | { readonly kind: "kernel"; readonly reason: KernelReason; readonly detail: string }
  /** The SPI that the peer chose is already in use at its address. */
  | { readonly kind: "spi-in-use"; readonly detail: string }
  /** Another connected site has the subnet. */
  | { readonly kind: "subnet-in-use"; readonly detail: string }
  /** The site's user has not authenticated (XAUTH). */
  | { readonly kind: "xauth-failed"; readonly detail: string }
  /** A part of IKEv1 that is not supported here. */
  | { readonly kind: "ikev1-unsupported"; readonly detail: string }
  | BeforeAuthRefusal
  | CallRefusal
  | { readonly kind: "bad-icv" };

export type KernelReason = "kernel-refused" | "kernel-out-of-memory" | "kernel-conflict";

/** The words for operators. */
export function refusalText(refusal: Refusal): RefusalText {
  switch (refusal.kind) {
    case "malformed":
    case "missing-payload":
    case "unreadable-payload":
    case "unsupported-critical":
      return messageFaultText(refusal);
    case "no-proposal-chosen":
      return {
        reason: "no-proposal-chosen",
        detail: `${refusal.decided}; align the site's proposals with the eroute's`,
        offered: refusal.offered,
        wanted: refusal.wanted,
      };
    case "invalid-ke": {
      const wanted = transformName(TransformType.KE, refusal.wantedMethod, undefined);
      return {
        reason: "invalid-ke-payload",
        detail: `the site sent a key exchange for ${refusal.offered}; asked it to use ${wanted}`,
        offered: [refusal.offered],
        wanted: [wanted],
      };
    }
    case "key-exchange":
      return { reason: "key-exchange-failed", detail: refusal.detail };
    case "ppk":
      return ppkFaultText(refusal);
    case "wrong-psk":
    case "auth-method":
    case "auth-methods-unfit":
    case "certificate":
    case "id-not-in-certificate":
      return proofText(refusal);
    case "no-credentials": {
      const { kind: _, isUnanswered: __, ...text } = refusal;
      return text;
    }
    case "busy":
    case "kernel":
      return { reason: refusal.reason, detail: refusal.detail };
    case "ts-unacceptable":
      return {
        reason: "ts-unacceptable",
        detail: "no offered traffic selector lies inside what the site may use",
        offered: refusal.offered,
        wanted: refusal.wanted,
      };
    case "too-many-selectors":
    case "no-internal-address":
    case "no-additional-sas":
    case "no-additional-pairs":
    case "child-sa-not-found":
      return childText(refusal);
    case "state-not-found":
      return { reason: "temporary-failure", detail: refusal.detail };
    case "xauth-failed":
    case "mode-config-failed":
    case "ikev1-unsupported":
    case "temporary-failure":
    case "spi-in-use":
    case "subnet-in-use":
      return { reason: refusal.kind, detail: refusal.detail };
    case "half-open-timeout":
    case "fragments-refused":
    case "too-long":
      return beforeAuthText(refusal);
    case "our-id":
    case "peer-refused":
    case "peer-refused-ikev1":
    case "no-answer":
    case "wrong-peer":
      return callText(refusal);
    case "bad-icv":
      return { reason: "bad-icv", detail: "a message failed its integrity check and was dropped" };
    default:
      return never(refusal);
  }
}

/** Why the peer's proof of its identity is not accepted. */
function proofText(refusal: Extract<Refusal, { kind: ProofKind }>): RefusalText {
  switch (refusal.kind) {
    case "wrong-psk":
      return {
        reason: "wrong-psk",
        detail:
          "the pre-shared key of the site differs from the one on record: " +
          "compare both, also for blanks at the ends",
      };
    case "auth-method":
      return {
        reason: "auth-method",
        detail: `the site authenticates by ${methodText(refusal.method)}`,
        offered: [methodText(refusal.method)],
        wanted: wantedMethods(refusal.wanted),
      };
    case "auth-methods-unfit":
      return unfitText(refusal);
    case "certificate": {
      const { kind, ...text } = refusal.fault;
      return { reason: kind, ...text };
    }
    case "id-not-in-certificate":
      return {
        reason: "id-not-in-certificate",
        detail: `the site calls itself ${refusal.id}; its certificate is of ${namesText(refusal)}`,
      };
    default:
      return never(refusal);
  }
}

type ProofKind =
  | ("wrong-psk" | "auth-method" | "auth-methods-unfit")
  | ("certificate" | "id-not-in-certificate");

function namesText({ names }: { readonly names: readonly string[] }): string {
  const rest = names.length - NAMES_SHOWN_MAX;
  const shown = names.slice(0, NAMES_SHOWN_MAX).join("; ");
  return rest > 0 ? `${shown}; and ${rest} more names` : shown;
}

const NAMES_SHOWN_MAX = 8;

function addressWish(asked: readonly string[]): string {
  if (asked.length === 0) return "the site is to be told its inner address";
  return `the site asks for an inner ${asked.join(" or ")} address`;
}

/** Why the peer does not get the Child SA or address that it asks for. */
function childText(
  refusal: Extract<
    Refusal,
    {
      kind:
        | "too-many-selectors"
        | "no-internal-address"
        | "no-additional-sas"
        | "no-additional-pairs"
        | "child-sa-not-found";
    }
  >,
): RefusalText {
  switch (refusal.kind) {
    case "too-many-selectors":
      return {
        reason: "too-many-selectors",
        detail:
          `the site cuts the subnets into too many pieces: ${refusal.detail} would be left out; ` +
          "let it accept them as requested, or configure wider ones on both ends",
      };
    case "no-internal-address":
      return {
        reason: "internal-address-failure",
        detail:
          `${addressWish(refusal.asked)} (virtual IP): it ` +
          "would get its own remote subnet if that were a single address, " +
          `but it is ${refusal.own.join(", ")}`,
      };
    case "no-additional-sas":
      return {
        reason: "no-additional-sas",
        detail:
          `the site already has ${refusal.max} Child SAs in this IKE SA, the most that ` +
          "child_sas_max allows",
      };
    case "no-additional-pairs":
      return {
        reason: "no-additional-pairs",
        detail: `all Child SAs of a site together may have at most ${refusal.max} pairs of subnets`,
      };
    case "child-sa-not-found":
      return {
        reason: "child-sa-not-found",
        detail: `there is no Child SA with SPI ${spi32Hex(refusal.spi)} that could be rekeyed`,
      };
    default:
      return never(refusal);
  }
}
