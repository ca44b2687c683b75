/** SUPPORTED_AUTH_METHODS: each end says how the other one may authenticate (RFC 9593). */

import type { AcceptedMethod } from "../../crypto/signature.ts";
import { ACCEPTED_SIGNATURES, isAccepted } from "../../crypto/x509/accepted-method.ts";
import { plansFor } from "../../crypto/x509/auth-signature.ts";
import { emitAnnouncements, parseAnnouncements } from "../../wire/v2/auth-announcement.ts";
import type { NotifyPayload, Payload } from "../../wire/v2/message.ts";
import { NotifyType } from "../../wire/v2/notify-type.ts";
import { methodText, type UnfitMethods, unfitText } from "../auth-methods.ts";
import type { OwnCredential, PeerCredential } from "../credentials.ts";
import { AUTH_METHOD_PSK } from "./auth.ts";
import { notifyOf } from "./find-payload.ts";
import type { HalfOpen } from "./half-open.ts";
import { notify } from "./notify.ts";
import type { IkeEffect } from "./step.ts";

// Initiator                        Responder
// HDR, SAi1, KEi, Ni -->
//                             <--  HDR, SAr1, KEr, Nr, N(SUPPORTED_AUTH_METHODS)
// HDR, SK {IDi, AUTH, SAi2, TSi, TSr, N(SUPPORTED_AUTH_METHODS)} -->

/** What a peer accepts, in its order; empty: it says nothing that can be used. */
export type PeerMethods = readonly AcceptedMethod[];

/** The notify of an end that accepts these from its peer. */
export function supportedAuthMethods(kind: PeerCredential["kind"]): NotifyPayload {
  return SUPPORTED[kind];
}

function supported(kind: PeerCredential["kind"]): NotifyPayload {
  const methods = [
    ...(kind === "psk" ? [] : ACCEPTED_SIGNATURES),
    ...(kind === "certificate" ? [] : [PSK]),
  ];
  return notify(NotifyType.SUPPORTED_AUTH_METHODS, emitAnnouncements(methods));
}

const PSK: AcceptedMethod = { method: AUTH_METHOD_PSK, algorithm: new Uint8Array(0) };

/** The same for every peer, so they are made once. */
const SUPPORTED: Readonly<Record<PeerCredential["kind"], NotifyPayload>> = {
  psk: supported("psk"),
  certificate: supported("certificate"),
  either: supported("either"),
};

/** What the sender of these payloads accepts; undefined: it does not support RFC 9593. */
export function peerMethodsOf(payloads: readonly Payload[]): PeerMethods | undefined {
  const data = notifyOf(payloads, NotifyType.SUPPORTED_AUTH_METHODS)?.data;
  return data === undefined ? undefined : parseAnnouncements(data);
}

/** What the peer accepts, if it says so: what we sign with is chosen from it. */
export function acceptedBy({
  peerMethods,
}: Pick<HalfOpen, "peerMethods">): readonly AcceptedMethod[] | undefined {
  return peerMethods === undefined || peerMethods.length === 0 ? undefined : peerMethods;
}

/**
 * Both sides, if the peer says that it accepts nothing that we can do. We authenticate all the
 * same, because an announcement may be incomplete; if that fails, this is the likely reason.
 */
export function unfitMethods(
  half: Pick<HalfOpen, "peerMethods" | "peerHashes">,
  own: OwnCredential,
): UnfitMethods | undefined {
  const accepted = acceptedBy(half);
  if (accepted === undefined) return undefined;
  if (own.kind === "psk") {
    const isFit = accepted.some(({ method }) => method === AUTH_METHOD_PSK);
    const ours = methodText(AUTH_METHOD_PSK);
    return isFit ? undefined : { kind: "auth-methods-unfit", ours, accepted };
  }
  const isFit = plansFor(own.key, half.peerHashes).some(({ method, algorithm }) =>
    isAccepted(accepted, method, algorithm),
  );
  const ours = `signature by a key of kind ${own.key.kind}`;
  return isFit ? undefined : { kind: "auth-methods-unfit", ours, accepted };
}

/** The site is told who we are all the same; it is likely to give up then. */
export function unfitNote(unfit: UnfitMethods): IkeEffect {
  const note = { level: "info", step: "IKE_AUTH", outcome: "note" } as const;
  return { kind: "note", note: { ...note, ...unfitText(unfit) } };
}
