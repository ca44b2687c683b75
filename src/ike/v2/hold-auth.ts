/**
 * IKE_AUTH requests that get no answer (R6): AUTHENTICATION_FAILED is final for many peers, but the
 * cause may be gone a moment later. A site repeats its request (RFC 7296 §2.1), and each repeat is
 * judged anew until the negotiation's time is over.
 */

import { later } from "../../octets/instant.ts";
import { NotifyType } from "../../wire/v2/notify-type.ts";
import type { IkeContext } from "../effect.ts";
import { REPEAT_MS_MIN } from "../limits.ts";
import { type Refusal, refusalText } from "../refusal.ts";
import { failedNote } from "./answer.ts";
import type { IkeSa } from "./every-phase.ts";
import { notifyFor } from "./notify.ts";
import { unsettlePpk } from "./ppk.ts";
import type { AuthRequest, Held, Responding } from "./responder-phase.ts";
import { wipeSecrets } from "./secrets.ts";
import type { IkeEffect, Step } from "./step.ts";

/** `isSilent`: the site gets no answer unless it authenticates. */
export function isUnanswered(refusal: Refusal, isSilent: boolean): boolean {
  if (refusal.kind === "no-credentials") return refusal.isUnanswered;
  if (isOurs(refusal)) return true;
  return isSilent && notifyFor(refusal)?.type === NotifyType.AUTHENTICATION_FAILED;
}

/** The thread that makes signatures has no room, or has failed. */
function isOurs(refusal: Refusal): boolean {
  if (refusal.kind !== "certificate") return false;
  const { kind } = refusal.fault;
  return kind === "signature-failed" || kind === "signatures-waiting";
}

/** Stores the request's digest and waits for a repeat. The same reason is noted only once. */
export function holdAuth(
  sa: Responding,
  request: AuthRequest,
  refusal: Refusal,
  context: IkeContext,
): Step {
  const { held, effects } = hold(request, refusal, context);
  const half = unsettlePpk(sa.half, request);
  return { sa: { ...sa, half, round: { awaits: "repeat", held } }, effects };
}

/** The request gets no answer once more. */
export function hold(
  { digest, held: before }: Pick<AuthRequest, "digest" | "held">,
  refusal: Refusal,
  context: IkeContext,
): { readonly held: Held; readonly effects: readonly IkeEffect[] } {
  const text = refusalText(refusal);
  const isNoted = before !== undefined && refusalText(before.refusal).reason === text.reason;
  const held = {
    digest,
    refusal,
    times: (before?.times ?? 0) + 1,
    againAt: later(context.now, REPEAT_MS_MIN),
  };
  const effects: IkeEffect[] = [{ kind: "count", counter: "authentications_unanswered" }];
  if (!isNoted) effects.push(failedNote("IKE_AUTH", refusal, UNANSWERED));
  return { held, effects };
}

const UNANSWERED = "; not answered: its next repeat is judged anew";

/** Another request under the same message ID is ignored: it could be a second guess (§2.3). */
export function notTheRepeat(sa: IkeSa): Step {
  return { sa, effects: [{ kind: "count", counter: "messages_out_of_window" }] };
}

/** The negotiation's time is over, and the cause is still there. */
export function endUnanswered(sa: Responding, held: Held): Step {
  wipeSecrets(sa);
  return { sa: undefined, effects: unansweredEffects(held) };
}

/** The negotiation ends without an answer to the site. */
export function unansweredEffects({ refusal, times }: Held): readonly IkeEffect[] {
  const often = times === 1 ? "once" : `${times} times`;
  const detail = `its request came ${often} and got no answer: ${refusalText(refusal).detail}`;
  return [
    {
      kind: "note",
      note: { level: "info", step: "IKE_AUTH", outcome: "note", reason: "unanswered", detail },
    },
    { kind: "ended", reason: { kind: "refused", refusal } },
  ];
}
