/** Sending a site to another gateway, as the responder of its IKE SA (RFC 5685 §3, §5). */

import { equalOctets } from "../../octets/concat.ts";
import { later } from "../../octets/instant.ts";
import type { Gateway } from "../../wire/gateway.ts";
import type { NotifyPayload, Payload } from "../../wire/v2/message.ts";
import { NotifyType } from "../../wire/v2/notify-type.ts";
import { emitRedirect, parseRedirect } from "../../wire/v2/redirect.ts";
import type { IkeContext } from "../effect.ts";
import { REDIRECT_MS } from "../limits.ts";
import type { Established } from "./established-phase.ts";
import { notifyOf } from "./find-payload.ts";
import { notify } from "./notify.ts";
import type { RedirectSupport } from "./redirect-support.ts";
import { askInformational } from "./request.ts";
import type { Step } from "./step.ts";
import { addTask } from "./tasks.ts";

/** REDIRECT_SUPPORTED, or in its place REDIRECTED_FROM (§3). */
export function redirectSupportOf(payloads: readonly Payload[]): RedirectSupport {
  if (notifyOf(payloads, NotifyType.REDIRECTED_FROM) !== undefined) return "redirected";
  return notifyOf(payloads, NotifyType.REDIRECT_SUPPORTED) === undefined ? "none" : "supported";
}

/** Whether the site of an IKE SA can be sent on. */
export function isRedirectable({ redirect }: Established): boolean {
  return redirect === "supported" || redirect === "redirected";
}

/** An established IKE SA is to be sent on: as soon as nothing else is under way (§5). */
export function redirectLater(sa: Established, to: Gateway): Established {
  return isRedirectable(sa) ? addTask(sa, { kind: "redirect", to }) : sa;
}

// Initiator                        Responder
//                             <--  HDR, SK {N(REDIRECT, gateway)}
// HDR, SK {} -->
// HDR, SK {D} -->

/** Tells the site; it has so long to get ready there before the IKE SA goes here. */
export function askToGo(sa: Established, to: Gateway, context: IkeContext): Step {
  const redirected = { to, until: later(context.now, REDIRECT_MS) };
  const payloads = [redirectNotify(to)];
  const asked = askInformational({ ...sa, redirected }, payloads, INFORMATIONAL, context);
  return {
    sa: asked.sa,
    effects: [...asked.effects, { kind: "count", counter: "redirects_sent" }],
  };
}

const INFORMATIONAL = { kind: "informational" } as const;

/**
 * Where an answer to our IKE_SA_INIT sends us; undefined if not ours is what it quotes: then
 * somebody has sent it who has not seen our request (§3).
 */
export function gatewayFor(redirect: NotifyPayload, Ni: Uint8Array): Gateway | undefined {
  const parsed = parseRedirect(redirect.data);
  return parsed.ok && equalOctets(parsed.value.nonce, Ni) ? parsed.value.gateway : undefined;
}

/** Where an authenticated message sends us. */
export function gatewayIn(payloads: readonly Payload[]): Gateway | undefined {
  const redirect = notifyOf(payloads, NotifyType.REDIRECT);
  const parsed = redirect === undefined ? undefined : parseRedirect(redirect.data);
  return parsed?.ok ? parsed.value.gateway : undefined;
}

/** What a request of ours says of it: that we can be sent on, or where we come from (§3). */
export function redirectOffer(from: Gateway | undefined): NotifyPayload {
  if (from === undefined) return notify(NotifyType.REDIRECT_SUPPORTED);
  const data = emitRedirect({ gateway: from, nonce: new Uint8Array(0) });
  return notify(NotifyType.REDIRECTED_FROM, data);
}

/** REDIRECT; with our nonce only in an answer to IKE_SA_INIT (§8.2). */
export function redirectNotify(
  gateway: Gateway,
  nonce: Uint8Array = new Uint8Array(0),
): NotifyPayload {
  return notify(NotifyType.REDIRECT, emitRedirect({ gateway, nonce }));
}
