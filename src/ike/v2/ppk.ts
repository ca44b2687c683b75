/** Negotiating the use of a PPK in IKE_SA_INIT and IKE_AUTH (RFC 8784 §3). */

import { err, ok, type Result } from "../../octets/result.ts";
import { wipe } from "../../octets/secret.ts";
import type { NotifyPayload, Payload } from "../../wire/v2/message.ts";
import { NotifyType } from "../../wire/v2/notify-type.ts";
import type { PpkCredential } from "../credentials.ts";
import type { Credentials } from "../event.ts";
import type { Refusal } from "../refusal.ts";
import { notifyOf } from "./find-payload.ts";
import type { HalfOpen } from "./half-open.ts";
import { notify } from "./notify.ts";
import { judgeIntermediatePpk } from "./ppk-intermediate.ts";
import { dropPpk, isPpkOf, keepPpk, ppkIdentity, ppkIdentityText, withPpk } from "./ppk-keys.ts";
import { judgeProof } from "./proof.ts";
import type { AuthRequest } from "./responder-phase.ts";

// Initiator                        Responder
// HDR, SAi1, KEi, Ni, N(USE_PPK) -->
//                             <--  HDR, SAr1, KEr, Nr, N(USE_PPK)
// HDR, SK {IDi, IDr, AUTH, SAi2, TSi, TSr, N(PPK_IDENTITY, PPK_ID), [N(NO_PPK_AUTH)]} -->
//                             <--  HDR, SK {IDr, AUTH, SAr2, TSi, TSr, [N(PPK_IDENTITY)]}

/** The notify in both IKE_SA_INIT messages. */
export function usePpk(): NotifyPayload {
  return notify(NotifyType.USE_PPK);
}

/** Whether an IKE_SA_INIT message says that its sender supports PPKs. */
export function saysUsePpk(payloads: readonly Payload[]): boolean {
  return notifyOf(payloads, NotifyType.USE_PPK) !== undefined;
}

/** Whether a PPK is in the keys, whichever way it came there. */
export function hasPpk({ ppk }: Pick<HalfOpen, "ppk">): boolean {
  return ppk === "used" || ppk === "mixed";
}

/** What an IKE_AUTH request says about PPKs, copied because it outlives the datagram. */
export function ppkRequestOf(
  payloads: readonly Payload[],
  before: HalfOpen["ppk"],
): AuthRequest["ppk"] {
  return {
    identity: notifyOf(payloads, NotifyType.PPK_IDENTITY)?.data.slice(),
    noPpkAuth: notifyOf(payloads, NotifyType.NO_PPK_AUTH)?.data.slice(),
    before,
  };
}

/** Undoes {@link settlePpk}, because the request will be judged once more. */
export function unsettlePpk(half: HalfOpen, { ppk }: Pick<AuthRequest, "ppk">): HalfOpen {
  return { ...half, keys: dropPpk(half.keys), ppk: ppk.before };
}

/**
 * As responder: mixes the site's PPK into the keys; or goes on without it, and takes the content of
 * NO_PPK_AUTH as the site's AUTH; or refuses.
 *
 * | USE_PPK by both | PPK_ID is known | NO_PPK_AUTH | required here | |
 * | --- | --- | --- | --- | --- |
 * | no | – | – | no | without |
 * | no | – | – | yes | refused |
 * | yes | yes | – | – | with |
 * | yes | no | yes | no | without, by NO_PPK_AUTH |
 * | yes | no | yes | yes | refused |
 * | yes | no | no | – | refused |
 */
export function settlePpk(
  half: HalfOpen,
  request: AuthRequest,
  ppk: PpkCredential | undefined,
): Result<{ readonly half: HalfOpen; readonly request: AuthRequest }, Refusal> {
  const { identity, noPpkAuth } = request.ppk;
  if (half.intermediatePpk !== undefined) {
    const refusal = judgeIntermediatePpk(half, half.intermediatePpk, ppk);
    return refusal === undefined ? ok({ half, request }) : err(refusal);
  }
  const isRequired = ppk?.isRequired === true;
  if (half.ppk === "none") {
    if (!isRequired) return ok({ half, request });
    return err({ kind: "ppk", fault: "ppk-missing", offered: [], wanted: wantedOf(ppk) });
  }
  if (identity === undefined) {
    return err({ kind: "ppk", fault: "ppk-without-identity", offered: [], wanted: wantedOf(ppk) });
  }
  if (ppk !== undefined && isPpkOf(identity, ppk)) {
    const keys = withPpk(half.algorithms.prf, half.keys, ppk.key);
    return ok({ half: { ...half, keys, ppk: "used" }, request });
  }
  if (isRequired || noPpkAuth === undefined) {
    const offered = [ppkIdentityText(identity)];
    return err({ kind: "ppk", fault: "ppk-unknown", offered, wanted: wantedOf(ppk) });
  }
  const auth = { ...request.auth, data: noPpkAuth };
  return ok({ half: { ...half, ppk: "none" }, request: { ...request, auth } });
}

function wantedOf(ppk: PpkCredential | undefined): readonly string[] {
  return ppk === undefined ? [] : [ppkIdentityText(ppkIdentity(ppk))];
}

/**
 * The refusal for a wrong proof if a PPK is mixed into the keys: either key may be wrong. A site
 * that can do without a PPK has also sent a proof without it, which shows which key is wrong if it
 * authenticates by a pre-shared key.
 */
export function wrongWithPpk(
  refusal: Refusal,
  half: HalfOpen,
  { ppk, idI, auth, certificates }: Pick<AuthRequest, "ppk" | "idI" | "auth" | "certificates">,
  credentials: Pick<Credentials, "own" | "peer" | "ourIdentity">,
): Refusal {
  const isSignature = refusal.kind === "certificate" && refusal.fault.kind === "wrong-signature";
  if (half.ppk !== "used" || (refusal.kind !== "wrong-psk" && !isSignature)) return refusal;
  const { plain } = half.keys;
  if (isSignature || ppk.noPpkAuth === undefined || plain === undefined) {
    const fault = isSignature ? "wrong-signature-or-ppk" : "wrong-psk-or-ppk";
    return { kind: "ppk", fault, offered: [], wanted: [] };
  }
  const without: HalfOpen = { ...half, keys: { ...half.keys, ...plain } };
  const proof = { id: idI, certificates, auth: { ...auth, data: ppk.noPpkAuth } };
  if (!judgeProof(without, credentials, proof).ok) return refusal;
  return { kind: "ppk", fault: "wrong-ppk", offered: [], wanted: [] };
}

/**
 * As initiator: mixes the PPK into the keys if both ends sent USE_PPK, after all key exchanges.
 * Wipes it.
 */
export function mixPpk(half: HalfOpen, ppk: PpkCredential | undefined): HalfOpen {
  if (half.ppk !== "announced" || ppk === undefined) {
    wipe(ppk?.key);
    return half;
  }
  const keys = withPpk(half.algorithms.prf, half.keys, ppk.key);
  wipe(ppk.key);
  return { ...half, keys, ppk: "used" };
}

/**
 * As initiator: the keys without the PPK, from which the AUTH in NO_PPK_AUTH is made; undefined if
 * the peer must use the PPK.
 */
export function withoutPpk(half: HalfOpen, ppk: PpkCredential | undefined): HalfOpen | undefined {
  const { plain } = half.keys;
  if (ppk === undefined || ppk.isRequired || plain === undefined) return undefined;
  return { ...half, keys: { ...half.keys, ...plain } };
}

/** As initiator: the notifies about the PPK in IKE_AUTH. */
export function ppkNotifies(
  half: HalfOpen,
  ppk: PpkCredential | undefined,
  noPpkAuth: Uint8Array | undefined,
): readonly Payload[] {
  if (half.ppk !== "used" || ppk === undefined) return [];
  const identity = notify(NotifyType.PPK_IDENTITY, ppkIdentity(ppk));
  return noPpkAuth === undefined
    ? [identity]
    : [identity, notify(NotifyType.NO_PPK_AUTH, noPpkAuth)];
}

/** As initiator: the peer does not send USE_PPK, but must. */
export function ppkUnsupported(ppk: PpkCredential): Refusal {
  return { kind: "ppk", fault: "ppk-unsupported", offered: [], wanted: wantedOf(ppk) };
}

/** The PPK is used, if there is one: wipes the keys without it. */
export function withSettledPpk(half: HalfOpen): HalfOpen {
  return { ...half, keys: keepPpk(half.keys) };
}

/** As initiator: accepts that the peer uses the PPK, or may do without it (RFC 8784 §3). */
export function acceptPpk(
  half: HalfOpen,
  ppk: PpkCredential | undefined,
  payloads: readonly Payload[],
): Result<HalfOpen, Refusal> {
  // The content of the notify does not matter.
  if (half.ppk !== "used" || notifyOf(payloads, NotifyType.PPK_IDENTITY) !== undefined) {
    return ok(withSettledPpk(half));
  }
  if (ppk === undefined || ppk.isRequired) {
    return err({ kind: "ppk", fault: "ppk-ignored", offered: [], wanted: wantedOf(ppk) });
  }
  return ok({ ...half, keys: dropPpk(half.keys), ppk: "none" });
}
