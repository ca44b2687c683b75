/**
 * Where IKE SAs begin: a stranger calls, or we do. Another version joins here; what calls with
 * IKEv1 today is told apart by {@link isSpoken}.
 */

import type { Result } from "../octets/result.ts";
import type { Gateway } from "../wire/gateway.ts";
import { asIkeSpi, IKE_VERSION, type IkeHeader } from "../wire/header.ts";
import type { IkeContext } from "./effect.ts";
import type { Call } from "./event.ts";
import type { Step } from "./ike-sa.ts";
import type { Refusal } from "./refusal.ts";
import type { SeenMessage } from "./seen-message.ts";
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

/** The first message of a stranger, as far as it is read before there is room for it. */
export type Opening = Ikev2Opening;

/** A message of a stranger, and how such strangers are received. */
export type Reception = Omit<InitRequest, "payloads">;

/** Whether messages of this version are taken. */
export function isSpoken({ version }: IkeHeader): boolean {
  return version.major === IKE_VERSION.major;
}

/** Whether a message begins an IKE SA. */
export function isOpening(header: IkeHeader): boolean {
  return isOpeningV2(header);
}

/** Whether it is one part of a message. */
export function isFragment(header: IkeHeader): boolean {
  return isFragmentV2(header);
}

/** Reads the first message of a stranger; or why it cannot be read. */
export function readOpening(header: IkeHeader, octets: Uint8Array): Result<Opening, Refusal> {
  return readOpeningV2(header, octets);
}

/** Begins an IKE SA for a stranger, or refuses it (then nothing is kept). */
export function receive(
  opening: Opening,
  reception: Reception,
  context: IkeContext,
): Result<Step, Refusal> {
  return acceptInit({ ...reception, payloads: opening.payloads }, context);
}

/** Begins a call. */
export function beginCall(call: Call, context: IkeContext): Step {
  return beginCallV2(call, context);
}

/** Asks a stranger to show that its address is its own; nothing is kept of it. */
export function cookieAnswer(header: IkeHeader, cookie: Uint8Array): Uint8Array {
  return cookieAnswerV2(header, cookie);
}

/** Refuses a stranger; nothing is kept of it. */
export function refusalAnswer({ spiI }: IkeHeader, refusal: Refusal): Uint8Array {
  return initRefusal({ spiI, spiR: asIkeSpi(0n) }, refusal);
}

/** Sends a stranger to another gateway; nothing is kept of it (RFC 5685 §3). */
export function redirectAnswer({ spiI }: IkeHeader, to: Gateway, Ni: Uint8Array): Uint8Array {
  return initRedirect(spiI, to, Ni);
}

/** The answer to a message whose IKE SA is not here; undefined: there is none. */
export function unknownSpiAnswer(header: IkeHeader): Uint8Array | undefined {
  return unknownSpiAnswerV2(header);
}

/** The answer to a message of a version that is not spoken; undefined: there is none. */
export function versionAnswer(header: IkeHeader): Uint8Array | undefined {
  return versionAnswerV2(header);
}

/** What a message says that is not encrypted; undefined if it is. */
export function seenInClear(
  header: IkeHeader,
  octets: Uint8Array,
): Omit<SeenMessage, "way"> | undefined {
  return isUnprotected(header) ? plainMessage(header, octets) : undefined;
}
