/** Answers to requests of an established IKE SA: from key exchanges and from the kernel. */

import type { IkeContext } from "../effect.ts";
import type { IkeEvent } from "../event.ts";
import { onChildInstalled, onChildKeyExchange } from "./create-child-sa.ts";
import {
  onAskedChildInstalled,
  onChildPublicValue,
  onChildSharedSecret,
} from "./create-child-sa-request.ts";
import type { Established } from "./established-phase.ts";
import { onFollowupSharedSecret, sendFollowup } from "./finish-followup.ts";
import { onFirstChildInstalled } from "./ike-auth.ts";
import { onIkeKeyExchange } from "./rekey-ike-sa.ts";
import { onIkePublicValue, onIkeSharedSecret } from "./rekey-ike-sa-request.ts";
import { onFollowupKeyExchange } from "./serve-followup.ts";
import type { Step } from "./step.ts";

/** A public value or a shared secret is ready, for the peer's request or for ours. */
export function onKeyExchangeEstablished(
  sa: Established,
  event: Extract<IkeEvent, { kind: "key-exchange-answer" }>,
  context: IkeContext,
): Step {
  const { serving, asking } = sa;
  const { ticket, result } = event;
  if (serving !== undefined && "ticket" in serving && serving.ticket === ticket) {
    if (serving.kind === "child-key-exchange") {
      return onChildKeyExchange(sa, serving, result, context);
    }
    if (serving.kind === "ike-key-exchange") return onIkeKeyExchange(sa, serving, result, context);
    if (serving.kind === "followup-key-exchange") {
      return onFollowupKeyExchange(sa, serving, result, context);
    }
    return { sa, effects: [] };
  }
  if (asking === undefined || !("ticket" in asking) || asking.ticket !== ticket) {
    return { sa, effects: [] };
  }
  switch (asking.kind) {
    case "child-public-value":
      return onChildPublicValue(sa, asking, result, context);
    case "child-shared-secret":
      return onChildSharedSecret(sa, asking, result, context);
    case "ike-public-value":
      return onIkePublicValue(sa, asking, result, context);
    case "ike-shared-secret":
      return onIkeSharedSecret(sa, asking, result, context);
    case "followup-public-value":
      return sendFollowup(sa, asking, result, context);
    case "followup-shared-secret":
      return onFollowupSharedSecret(sa, asking, result, context);
    default:
      return { sa, effects: [] };
  }
}

/** The kernel has installed a Child SA, or refused it. */
export function onInstalled(
  sa: Established,
  event: Extract<IkeEvent, { kind: "child-installed" }>,
  context: IkeContext,
): Step {
  const { serving, asking } = sa;
  const { ticket, result } = event;
  if (asking?.kind === "child-install" && asking.ticket === ticket) {
    return onAskedChildInstalled(sa, asking, result, context);
  }
  if (serving === undefined || !("ticket" in serving) || serving.ticket !== ticket) {
    return { sa, effects: [] };
  }
  if (serving.kind === "ike-auth") return onFirstChildInstalled(sa, serving, result, context);
  if (serving.kind === "child-install") return onChildInstalled(sa, serving, result, context);
  return { sa, effects: [] };
}
