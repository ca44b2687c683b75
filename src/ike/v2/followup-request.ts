/** IKE_FOLLOWUP_KE as initiator: the additional key exchanges of new keys (RFC 9370 §2.2.4). */

import { type KeyExchangeResult, privateOctets } from "../../crypto/key-exchange.ts";
import { err, ok, type Result } from "../../octets/result.ts";
import { wipe } from "../../octets/secret.ts";
import { ExchangeType } from "../../wire/v2/exchange-type.ts";
import type { Payload } from "../../wire/v2/message.ts";
import { NotifyType } from "../../wire/v2/notify-type.ts";
import { keyExchangeRefusal } from "../busy.ts";
import type { IkeContext } from "../effect.ts";
import type { Refusal } from "../refusal.ts";
import type { Asking, Followup } from "./asking.ts";
import type { Established } from "./established-phase.ts";
import { keOf } from "./intermediate.ts";
import { type Setback, setbackOf } from "./next-try.ts";
import { notify } from "./notify.ts";
import { ask } from "./request.ts";
import type { Step } from "./step.ts";
import { linkOf } from "./unfinished.ts";

// Initiator                        Responder
// HDR, SK {KEi(n), N(ADDITIONAL_KEY_EXCHANGE)} -->
//                             <--  HDR, SK {KEr(n), [N(ADDITIONAL_KEY_EXCHANGE)]}

type Of<K extends Asking["kind"]> = Extract<Asking, { kind: K }>;

/** Why the new keys have failed: as answers of CREATE_CHILD_SA do. */
export type Failed = { readonly setback: Setback; readonly refusal: Refusal };

/** Makes our public value of the next key exchange. */
export function beginFollowup(
  sa: Established,
  { grant, left, secrets, link }: Pick<Followup, "grant" | "left" | "secrets" | "link">,
  context: IkeContext,
): Step {
  const [method = 0] = left;
  const own = context.random(privateOctets(method));
  const ticket = context.ticket();
  const op = { op: "offer", method, random: own.slice() } as const;
  const followup = { grant, left, secrets, link, privateOctets: own, isDeleted: false };
  return {
    sa: { ...sa, asking: { kind: "followup-public-value", ticket, followup } },
    effects: [{ kind: "key-exchange", ticket, op }],
  };
}

/** Our public value is ready: sends the request. */
export function onFollowupPublicValue(
  sa: Established,
  { followup }: Of<"followup-public-value">,
  result: KeyExchangeResult,
  context: IkeContext,
): Result<Step, Refusal> {
  if (!result.ok) return err(keyExchangeRefusal(result.error));
  const { link, left } = followup;
  const [method = 0] = left;
  const payloads: Payload[] = [
    { kind: "KE", method, data: result.value.publicValue },
    notify(NotifyType.ADDITIONAL_KEY_EXCHANGE, link),
  ];
  const asked = ask(sa, ExchangeType.IKE_FOLLOWUP_KE, payloads, context);
  const asking: Asking = { kind: "followup-response", followup };
  return ok({ sa: { ...asked.sa, asking }, effects: asked.effects });
}

/** The peer's public value. */
export function onFollowupResponse(
  sa: Established,
  { followup }: Of<"followup-response">,
  payloads: readonly Payload[],
  context: IkeContext,
): Result<Step, Failed> {
  const { left, privateOctets } = followup;
  const [method = 0, ...more] = left;
  const setback = setbackOf(payloads);
  if (setback !== undefined) {
    const asked = "an additional key exchange";
    return err({ setback, refusal: { kind: "peer-refused", notify: setback.notify, asked } });
  }
  const ke = keOf(payloads, method, RESPONSE);
  if (!ke.ok) return err({ setback: { kind: "wrong-answer" }, refusal: ke.error });
  const link = linkOf(payloads);
  const isEnough = more.length === 0 || link !== undefined;
  if (!isEnough) return err({ setback: { kind: "wrong-answer" }, refusal: withoutLink(RESPONSE) });
  const ticket = context.ticket();
  const peerPublic = ke.value.data.slice();
  const op = { op: "derive", method, random: privateOctets.slice(), peerPublic } as const;
  const next: Followup = { ...followup, left: more, link };
  return ok({
    sa: { ...sa, asking: { kind: "followup-shared-secret", ticket, followup: next } },
    effects: [{ kind: "key-exchange", ticket, op }],
  });
}

const RESPONSE = "IKE_FOLLOWUP_KE response";

/** The peer agrees on more key exchanges, but does not say how they go on. */
export function withoutLink(where: string): Refusal {
  const detail = "no ADDITIONAL_KEY_EXCHANGE, although more key exchanges were agreed on";
  return { kind: "malformed", where, detail };
}

/** Wipes what has been exchanged so far. */
export function wipeFollowup({ secrets, privateOctets, grant }: Followup): void {
  wipe(...secrets, privateOctets, grant.ask.privateOctets);
}
