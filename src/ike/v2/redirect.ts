/** Redirecting a site to another gateway, and following redirects (RFC 5685 §3, §5). */

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

/** Reads REDIRECT_SUPPORTED, or REDIRECTED_FROM in its place (§3). */
export function redirectSupportOf(payloads: readonly Payload[]): RedirectSupport {
  if (notifyOf(payloads, NotifyType.REDIRECTED_FROM) !== undefined) return "redirected";
  return notifyOf(payloads, NotifyType.REDIRECT_SUPPORTED) === undefined ? "none" : "supported";
}

/** Whether the site of an IKE SA can be redirected. */
export function isRedirectable({ redirect }: Established): boolean {
  return redirect === "supported" || redirect === "redirected";
}

/** Redirects the site as soon as nothing else is under way (§5). */
export function redirectLater(sa: Established, to: Gateway): Established {
  return isRedirectable(sa) ? addTask(sa, { kind: "redirect", to }) : sa;
}

// Initiator                        Responder
//                             <--  HDR, SK {N(REDIRECT, gateway)}
// HDR, SK {} -->
// HDR, SK {D} -->

/** Tells the site, which has a while to connect there before the IKE SA is deleted here. */
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
 * Where an answer to our IKE_SA_INIT redirects us; undefined if it does not quote our nonce: then
 * its sender has not seen our request (§3).
 */
export function gatewayFor(redirect: NotifyPayload, Ni: Uint8Array): Gateway | undefined {
  const parsed = parseRedirect(redirect.data);
  return parsed.ok && equalOctets(parsed.value.nonce, Ni) ? parsed.value.gateway : undefined;
}

/** Where an authentic message redirects us. */
export function gatewayIn(payloads: readonly Payload[]): Gateway | undefined {
  const redirect = notifyOf(payloads, NotifyType.REDIRECT);
  const parsed = redirect === undefined ? undefined : parseRedirect(redirect.data);
  return parsed?.ok ? parsed.value.gateway : undefined;
}

/** The notify in our request: that we can be redirected, or from where we were (§3). */
export function redirectOffer(from: Gateway | undefined): NotifyPayload {
  if (from === undefined) return notify(NotifyType.REDIRECT_SUPPORTED);
  const data = emitRedirect({ gateway: from, nonce: new Uint8Array(0) });
  return notify(NotifyType.REDIRECTED_FROM, data);
}

/** REDIRECT; the nonce is present only in an answer to IKE_SA_INIT (§8.2). */
export function redirectNotify(
  gateway: Gateway,
  nonce: Uint8Array = new Uint8Array(0),
): NotifyPayload {
  return notify(NotifyType.REDIRECT, emitRedirect({ gateway, nonce }));
}
