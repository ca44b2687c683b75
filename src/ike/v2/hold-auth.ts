/**
 * IKE_AUTH requests that are left without an answer (R6): AUTHENTICATION_FAILED is final for many
 * peers, and what is wrong may be cured in a moment. A site repeats its request (RFC 7296 §2.1),
 * and each repeat is judged anew until the negotiation's time is over.
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

/** `isSilent`: the site belongs to those that get no answer unless they prove who they are. */
export function isUnanswered(refusal: Refusal, isSilent: boolean): boolean {
  if (refusal.kind === "no-credentials") return refusal.isUnanswered;
  if (isOurs(refusal)) return true;
  return isSilent && notifyFor(refusal)?.type === NotifyType.AUTHENTICATION_FAILED;
}

/** The thread that signs has no place, or has died. */
function isOurs(refusal: Refusal): boolean {
  if (refusal.kind !== "certificate") return false;
  const { kind } = refusal.fault;
  return kind === "signature-failed" || kind === "signatures-waiting";
}

/** Keeps the request's digest, and waits for its repeat. The same reason is noted once. */
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

/** One more time that the request gets no answer. */
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

/** Another request under the same message ID: nobody gets a second guess that way (§2.3). */
export function notTheRepeat(sa: IkeSa): Step {
  return { sa, effects: [{ kind: "count", counter: "messages_out_of_window" }] };
}

/** Nothing has changed for the better in time. */
export function endUnanswered(sa: Responding, held: Held): Step {
  wipeSecrets(sa);
  return { sa: undefined, effects: unansweredEffects(held) };
}

/** The negotiation ends without a word. */
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
