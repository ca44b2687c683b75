/** The content of a site's IKE_AUTH request, stored until its key is known (RFC 7296 §1.2). */

import type { Identity } from "../../wire/identity.ts";
import type { Payload } from "../../wire/v2/message.ts";
import { NotifyType } from "../../wire/v2/notify-type.ts";
import type { Refusal } from "../refusal.ts";
import { certificatesIn } from "../signed-proof.ts";
import { peerMethodsOf } from "./auth-methods.ts";
import { configurationRequestOf } from "./configuration.ts";
import { notifyOf, payloadOf, unreadableOf, unreadableRefusal } from "./find-payload.ts";
import type { HalfOpen } from "./half-open.ts";
import { ppkRequestOf } from "./ppk.ts";
import type { AuthRequest } from "./responder-phase.ts";

export type AuthContent = Omit<
  AuthRequest,
  "octets" | "messageId" | "arrivedAt" | "digest" | "held"
>;

/** The content, or what is missing. */
export function authContentOf(
  payloads: readonly Payload[],
  half: Pick<HalfOpen, "ppk">,
): AuthContent | Refusal {
  const idI = payloadOf(payloads, "IDi");
  if (idI === undefined) {
    const unreadable = unreadableOf(payloads, "IDi");
    if (unreadable !== undefined) return unreadableRefusal(unreadable, "IKE_AUTH");
    return { kind: "missing-payload", exchange: "IKE_AUTH", payload: "IDi" };
  }
  const auth = payloadOf(payloads, "AUTH");
  const unreadableAuth = unreadableOf(payloads, "AUTH");
  if (auth === undefined && unreadableAuth !== undefined) {
    return unreadableRefusal(unreadableAuth, "IKE_AUTH");
  }
  // A request without AUTH asks for EAP (§2.16).
  if (auth === undefined) return { kind: "auth-method", method: 0, wanted: "psk" };
  const certificates = certificatesIn(payloads);
  if (!certificates.ok) return certificates.error;
  const tsI = payloadOf(payloads, "TSi");
  const tsR = payloadOf(payloads, "TSr");
  return {
    idI,
    idR: expectedIdOf(payloads),
    auth,
    certificates: certificates.value,
    methods: peerMethodsOf(payloads),
    ppk: ppkRequestOf(payloads, half.ppk),
    sa: payloadOf(payloads, "SA"),
    tsI: tsI?.kind === "TSi" ? tsI : undefined,
    tsR: tsR?.kind === "TSr" ? tsR : undefined,
    childFault: childFaultOf(payloads),
    initialContact: notifyOf(payloads, NotifyType.INITIAL_CONTACT) !== undefined,
    wantsTransport: notifyOf(payloads, NotifyType.USE_TRANSPORT_MODE) !== undefined,
    mobike: notifyOf(payloads, NotifyType.MOBIKE_SUPPORTED) !== undefined,
    configuration: configurationRequestOf(payloads),
  };
}

/** The first payload of the request for a Child SA that cannot be read. */
function childFaultOf(payloads: readonly Payload[]): Refusal | undefined {
  for (const kind of ["SA", "TSi", "TSr"] as const) {
    const unreadable = unreadableOf(payloads, kind);
    if (unreadable !== undefined) return unreadableRefusal(unreadable, "IKE_AUTH");
  }
  return undefined;
}

function expectedIdOf(payloads: readonly Payload[]): Identity | undefined {
  const idR = payloadOf(payloads, "IDr");
  return idR?.identity;
}
