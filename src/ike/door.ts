/**
 * Where IKE SAs begin: a stranger sends a first message, or we call a site. Another version is
 * added here. {@link isSpoken} says whether a message is of a version that is implemented.
 */

import type { Suite } from "../crypto/suite.ts";
import { later } from "../octets/instant.ts";
import { ok, type Result } from "../octets/result.ts";
import type { Gateway } from "../wire/gateway.ts";
import { asIkeSpi, IKE_VERSION, type IkeHeader, type IkeSpi } from "../wire/header.ts";
import { ExchangeType as Ikev1ExchangeType } from "../wire/v1/header.ts";
import { ExchangeType } from "../wire/v2/exchange-type.ts";
import type { IkeContext } from "./effect.ts";
import type { Call } from "./event.ts";
import type { Step } from "./ike-sa.ts";
import type { Refusal } from "./refusal.ts";
import type { SeenMessage } from "./seen-message.ts";
import { acceptAggressive } from "./v1/aggressive-mode.ts";
import { isFragment as isFragmentV1 } from "./v1/fragmentation.ts";
import { beginCall as beginCallV1 } from "./v1/initiating.ts";
import { acceptMain } from "./v1/main-mode.ts";
import { acceptSigned, wantsSignatures } from "./v1/main-mode-signed.ts";
import {
  type Opening as Ikev1Opening,
  isOpening as isOpeningV1,
  readOpening as readOpeningV1,
  refusalAnswer as refusalAnswerV1,
  seenInClear as seenInClearV1,
} from "./v1/stranger.ts";
import { acceptInit, type InitRequest, initRedirect, initRefusal } from "./v2/ike-sa-init.ts";
import { beginCall as beginCallV2 } from "./v2/ike-sa-init-request.ts";
import { plainMessage } from "./v2/seen-message.ts";
import {
  cookieAnswer as cookieAnswerV2,
  type Opening as Ikev2Opening,
  isFragment as isFragmentV2,
  isOpening as isOpeningV2,
  isUnprotected,
  readOpening as readOpeningV2,
  unknownSpiAnswer as unknownSpiAnswerV2,
  versionAnswer as versionAnswerV2,
} from "./v2/stranger.ts";

/** What is read of a stranger's first message before a place is given to it. */
export type Opening = Ikev1Opening | Ikev2Opening;

/** A stranger's first message, and what applies to all strangers. */
export type Reception = Omit<InitRequest, "payloads"> & {
  /** For Main Mode with signatures: the suites of all eroutes whose ends have certificates. */
  readonly ikev1Signed: readonly Suite[];
};

/** Whether this version is spoken with every site that wants it: IKEv1 only where allowed. */
export function isSpoken({ version }: IkeHeader): boolean {
  return version.major === IKE_VERSION.major;
}

function isIkev1({ version }: IkeHeader): boolean {
  return version.major === 1;
}

/**
 * Our SPIs for which a message may be that makes no SA; none if it does, or may. With IKEv1 no flag
 * says whose cookie is ours.
 */
export function spisToldBy(header: IkeHeader): readonly IkeSpi[] {
  const { exchangeType, flags, spiI, spiR } = header;
  if (isIkev1(header)) return exchangeType === Ikev1ExchangeType.INFORMATIONAL ? [spiR, spiI] : [];
  if (exchangeType !== ExchangeType.INFORMATIONAL) return [];
  return [flags.initiator ? spiR : spiI];
}

/** Whether a message begins an IKE SA. */
export function isOpening(header: IkeHeader): boolean {
  return isIkev1(header) ? isOpeningV1(header) : isOpeningV2(header);
}

/** Whether it is a fragment of a message. */
export function isFragment(header: IkeHeader): boolean {
  return isIkev1(header) ? isFragmentV1(header) : isFragmentV2(header);
}

/** Reads a stranger's first message, or says why it cannot be read. */
export function readOpening(header: IkeHeader, octets: Uint8Array): Result<Opening, Refusal> {
  return isIkev1(header) ? readOpeningV1(header, octets) : readOpeningV2(header, octets);
}

/** Begins an IKE SA for a stranger, or refuses to (then no state is kept). */
export function receive(
  opening: Opening,
  reception: Reception,
  context: IkeContext,
): Result<Step, Refusal> {
  if ("first" in opening) {
    const { header, path, halfOpenMs } = reception;
    const until = later(context.now, halfOpenMs);
    const { first } = opening;
    const begin = { spiI: header.spiI, path, until };
    if (first.mode === "Main Mode") {
      const { ikev1Signed: suites, withFragments } = reception;
      if (suites.length === 0 || !wantsSignatures(first.offer)) {
        return ok(acceptMain(first, begin, context));
      }
      return acceptSigned(first, begin, { suites, withFragments }, context);
    }
    return ok(acceptAggressive(first, begin, context));
  }
  return acceptInit({ ...reception, payloads: opening.payloads }, context);
}

/** Calls a site. */
export function beginCall(call: Call, context: IkeContext): Step {
  return call.phase1 === undefined ? beginCallV2(call, context) : beginCallV1(call, context);
}

/** Asks a stranger to prove that its address is real; no state is kept. */
export function cookieAnswer(header: IkeHeader, cookie: Uint8Array): Uint8Array {
  return cookieAnswerV2(header, cookie);
}

/** Refuses a stranger; no state is kept. Undefined: it gets no answer. */
export function refusalAnswer(header: IkeHeader, refusal: Refusal): Uint8Array | undefined {
  if (isIkev1(header)) return refusalAnswerV1(header, refusal);
  return initRefusal({ spiI: header.spiI, spiR: asIkeSpi(0n) }, refusal);
}

/** Redirects a stranger to another gateway; no state is kept (RFC 5685 §3). */
export function redirectAnswer({ spiI }: IkeHeader, to: Gateway, Ni: Uint8Array): Uint8Array {
  return initRedirect(spiI, to, Ni);
}

/** The answer to a message for an IKE SA that does not exist; undefined: no answer. */
export function unknownSpiAnswer(header: IkeHeader): Uint8Array | undefined {
  return isIkev1(header) ? undefined : unknownSpiAnswerV2(header);
}

/** The answer to a message of a version that is not implemented; undefined: no answer. */
export function versionAnswer(header: IkeHeader): Uint8Array | undefined {
  return versionAnswerV2(header);
}

/** The content of a message that is not encrypted; undefined if it is encrypted. */
export function seenInClear(
  header: IkeHeader,
  octets: Uint8Array,
): Omit<SeenMessage, "way"> | undefined {
  if (isIkev1(header)) return seenInClearV1(header, octets);
  return isUnprotected(header) ? plainMessage(header, octets) : undefined;
}
