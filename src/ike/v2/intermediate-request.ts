/** IKE_INTERMEDIATE with an additional key exchange, as initiator (RFC 9242, RFC 9370 §2.2.2). */

import { type KeyExchangeResult, privateOctets } from "../../crypto/key-exchange.ts";
import { later } from "../../octets/instant.ts";
import { wipe } from "../../octets/secret.ts";
import { ExchangeType } from "../../wire/v2/exchange-type.ts";
import type { Payload } from "../../wire/v2/message.ts";
import { keyExchangeRefusal } from "../busy.ts";
import type { IkeContext } from "../effect.ts";
import { KEY_EXCHANGE_MS } from "../limits.ts";
import { endCall, sends } from "./answer.ts";
import { errorNotifyOf } from "./find-payload.ts";
import type {
  AskedKeyExchange,
  AwaitingAdditionalPublic,
  AwaitingAdditionalSecret,
  Initiating,
} from "./initiator-phase.ts";
import { intAuth } from "./int-auth.ts";
import { keOf } from "./intermediate.ts";
import { wipeIkeKeys } from "./keys.ts";
import { afterKeyExchange } from "./next-round.ts";
import { coveredMessage, type Read, sealMessage } from "./protect.ts";
import { firstCopy } from "./request.ts";
import type { Step } from "./step.ts";
import { withIntermediate } from "./transcript.ts";
import { afterRequest } from "./window.ts";

// Initiator                        Responder
// HDR, SK {KEi(n)} -->
//                             <--  HDR, SK {KEr(n)}

/** Begins the round by making our public value. */
export function beginIntermediate(sa: Initiating, method: number, context: IkeContext): Step {
  const ticket = context.ticket();
  const own = context.random(privateOctets(method));
  const op = { op: "offer", method, random: own.slice() } as const;
  const expireAt = later(context.now, KEY_EXCHANGE_MS);
  const awaits = "public-value";
  return {
    sa: { ...sa, round: { awaits, ticket, method, privateOctets: own, expireAt } },
    effects: [{ kind: "key-exchange", ticket, op }],
  };
}

/** Our public value is ready: sends the request. */
export function onIntermediatePublicValue(
  sa: Initiating,
  { method, privateOctets }: AwaitingAdditionalPublic,
  result: KeyExchangeResult,
  context: IkeContext,
): Step {
  if (!result.ok) return endCall(sa, keyExchangeRefusal(result.error));
  const { half, call, path } = sa;
  const payloads: Payload[] = [{ kind: "KE", method, data: result.value.publicValue }];
  const messageId = half.window.outbound;
  const head = { exchangeType: ExchangeType.IKE_INTERMEDIATE, response: false, messageId };
  const datagrams = sealMessage(half, head, payloads, context);
  const before = half.transcript.intermediate?.initiator;
  const ours = coveredMessage(half, head, payloads);
  const covered = intAuth(half.algorithms.prf, half.keys.SK_pi, before, ours);
  const { retransmission } = call.credentials.settings;
  const inFlight = firstCopy(messageId, datagrams, retransmission, context);
  const asked: AskedKeyExchange = { kind: "key-exchange", method, privateOctets, covered };
  return {
    sa: {
      ...sa,
      half: { ...half, window: afterRequest(half.window) },
      round: { awaits: "response", asked, inFlight },
    },
    effects: sends(datagrams, path),
  };
}

/** The peer's public value. Nothing proves yet who it is, so a fault of it only ends the call. */
export function onIntermediateResponse(
  sa: Initiating,
  asked: AskedKeyExchange,
  read: Read,
  context: IkeContext,
): Step {
  if (read.kind === "faulty") return endCall(sa, read.refusal);
  const { method, privateOctets } = asked;
  const error = errorNotifyOf(read.payloads);
  if (error !== undefined) {
    return endCall(sa, { kind: "peer-refused", notify: error, asked: "IKE_INTERMEDIATE" });
  }
  const ke = keOf(read.payloads, method, "IKE_INTERMEDIATE response");
  if (!ke.ok) return endCall(sa, ke.error);
  const { half } = sa;
  const before = half.transcript.intermediate?.responder;
  const responder = intAuth(half.algorithms.prf, half.keys.SK_pr, before, read);
  const transcript = withIntermediate(half.transcript, { initiator: asked.covered, responder });
  const ticket = context.ticket();
  const peerPublic = ke.value.data.slice();
  const op = { op: "derive", method, random: privateOctets.slice(), peerPublic } as const;
  const expireAt = later(context.now, KEY_EXCHANGE_MS);
  const awaits = "shared-secret";
  return {
    sa: { ...sa, round: { awaits, ticket, privateOctets, transcript, expireAt } },
    effects: [{ kind: "key-exchange", ticket, op }],
  };
}

/** The shared secret is ready: renews the keys, and the next round follows. */
export function onIntermediateSharedSecret(
  sa: Initiating,
  { privateOctets, transcript }: AwaitingAdditionalSecret,
  result: KeyExchangeResult,
): Step {
  if (!result.ok) return endCall(sa, keyExchangeRefusal(result.error));
  const { sharedSecret } = result.value;
  const half = afterKeyExchange(sa.half, { transcript, sharedSecret });
  wipeIkeKeys(sa.half.keys);
  wipe(privateOctets);
  return { sa: { ...sa, half, round: undefined }, effects: [] };
}
