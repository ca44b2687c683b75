/** IKE_INTERMEDIATE with an additional key exchange, as responder (RFC 9242, RFC 9370 §2.2.2). */

import { type KeyExchangeResult, privateOctets } from "../../crypto/key-exchange.ts";
import { transformName } from "../../crypto/names.ts";
import { TransformType } from "../../crypto/transform.ts";
import { later } from "../../octets/instant.ts";
import { err, type Result } from "../../octets/result.ts";
import { ExchangeType } from "../../wire/v2/exchange-type.ts";
import type { KePayload, Payload } from "../../wire/v2/message.ts";
import { keyExchangeRefusal } from "../busy.ts";
import type { IkeContext } from "../effect.ts";
import { LINGER_MS } from "../limits.ts";
import type { Refusal } from "../refusal.ts";
import { failedNote, refusedNote, sends } from "./answer.ts";
import { neededPayload } from "./find-payload.ts";
import { intAuth } from "./int-auth.ts";
import { afterKeyExchange } from "./next-round.ts";
import { notifyFor } from "./notify.ts";
import { coveredMessage, type Read, sealMessage } from "./protect.ts";
import type { AwaitingAdditional, Responding } from "./responder-phase.ts";
import { wipeSecrets } from "./secrets.ts";
import type { Step } from "./step.ts";
import { withIntermediate } from "./transcript.ts";
import { afterAnswer } from "./window.ts";

// Initiator                        Responder
// HDR, SK {KEi(n)} -->
//                             <--  HDR, SK {KEr(n)}

/** The peer's public value for the next additional key exchange. */
export function onIntermediateRequest(
  sa: Responding,
  request: { readonly messageId: number; readonly read: Read; readonly method: number },
  context: IkeContext,
): Step {
  const { messageId, read, method } = request;
  if (read.kind === "faulty") return refuseRound(sa, messageId, read.refusal, context);
  const ke = keOf(read.payloads, method, EXCHANGE);
  if (!ke.ok) return refuseRound(sa, messageId, ke.error, context);
  const { algorithms, keys, transcript } = sa.half;
  const before = transcript.intermediate?.initiator;
  const covered = intAuth(algorithms.prf, keys.SK_pi, before, read);
  const ticket = context.ticket();
  const random = context.random(privateOctets(method));
  const op = { op: "respond", method, random, peerPublic: ke.value.data.slice() } as const;
  return {
    sa: { ...sa, round: { awaits: "key-exchange", ticket, messageId, method, covered } },
    effects: [{ kind: "key-exchange", ticket, op }],
  };
}

/** The public value for the method that the exchange is about. */
export function keOf(
  payloads: readonly Payload[],
  method: number,
  exchange: string,
): Result<KePayload, Refusal> {
  const ke = neededPayload(payloads, "KE", exchange);
  if (!ke.ok || ke.value.method === method) return ke;
  const [seen, expected] = [ke.value.method, method].map((id) =>
    transformName(TransformType.KE, id, undefined),
  );
  const detail = `a public value of ${seen ?? ""}, where ${expected ?? ""} was agreed on`;
  return err({ kind: "malformed", where: exchange, detail });
}

const EXCHANGE = "IKE_INTERMEDIATE";

/** Our public value and the shared secret are ready: answers, and renews the keys. */
export function onIntermediateKeyExchange(
  sa: Responding,
  round: AwaitingAdditional,
  result: KeyExchangeResult,
  context: IkeContext,
): Step {
  const { messageId, method, covered } = round;
  if (!result.ok) {
    const refusal = keyExchangeRefusal(result.error);
    if (refusal.kind !== "busy") return refuseRound(sa, messageId, refusal, context);
    // The site repeats its request, which then begins anew.
    const isFull = refusal.reason === "key-exchanges-waiting";
    const effects = isFull ? [] : [refusedNote(EXCHANGE, refusal)];
    return { sa: { ...sa, round: { awaits: "request" } }, effects };
  }
  const { half, path } = sa;
  const { publicValue, sharedSecret } = result.value;
  const payloads: Payload[] = [{ kind: "KE", method, data: publicValue }];
  const head = { exchangeType: ExchangeType.IKE_INTERMEDIATE, response: true, messageId };
  const lastResponse = sealMessage(half, head, payloads, context);
  const before = half.transcript.intermediate?.responder;
  const ours = coveredMessage(half, head, payloads);
  const responder = intAuth(half.algorithms.prf, half.keys.SK_pr, before, ours);
  const transcript = withIntermediate(half.transcript, { initiator: covered, responder });
  const renewed = afterKeyExchange(half, { transcript, sharedSecret });
  return {
    sa: {
      ...sa,
      half: { ...renewed, window: afterAnswer(half.window) },
      round: { awaits: "request" },
      lastResponse,
      formerKeys: half.keys,
    },
    effects: sends(lastResponse, path),
  };
}

/** Ends the negotiation. Nobody is identified yet, so the answer may go out at once. */
function refuseRound(
  sa: Responding,
  messageId: number,
  refusal: Refusal,
  context: IkeContext,
): Step {
  const { half, path } = sa;
  const notice = notifyFor(refusal);
  const head = { exchangeType: ExchangeType.IKE_INTERMEDIATE, response: true, messageId };
  const response = sealMessage(half, head, notice === undefined ? [] : [notice], context);
  wipeSecrets(sa);
  const forgetAt = later(context.now, LINGER_MS);
  return {
    sa: { phase: "ended", id: half.id, path, messageId, response, forgetAt },
    effects: [
      ...sends(response, path),
      failedNote(EXCHANGE, refusal),
      { kind: "ended", reason: { kind: "refused", refusal } },
    ],
  };
}
