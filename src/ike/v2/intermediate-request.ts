/**
 * IKE_INTERMEDIATE as initiator (RFC 9242): an additional key exchange (RFC 9370 §2.2.2), our PPK
 * (RFC 9867 §3.1), or both.
 */

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
  AskedPpk,
  AwaitingAdditionalPublic,
  AwaitingAdditionalSecret,
  Initiating,
} from "./initiator-phase.ts";
import { intAuth } from "./int-auth.ts";
import { keOf } from "./intermediate.ts";
import { wipeIkeKeys } from "./keys.ts";
import { afterRound, type RoundDone } from "./next-round.ts";
import { isPpkGranted, proposePpk } from "./ppk-intermediate.ts";
import { coveredMessage, type Read, sealMessage } from "./protect.ts";
import { firstCopy } from "./request.ts";
import type { Step } from "./step.ts";
import { withIntermediate } from "./transcript.ts";
import { afterRequest } from "./window.ts";

// Initiator                        Responder
// HDR, SK {[KEi(n),] [N(PPK_IDENTITY_KEY)]} -->
//                             <--  HDR, SK {[KEr(n),] [N(PPK_IDENTITY)]}

/** Begins a round with a key exchange by making our public value. */
export function beginIntermediate(
  sa: Initiating,
  { method, withPpk }: { readonly method: number; readonly withPpk: boolean },
  context: IkeContext,
): Step {
  const ticket = context.ticket();
  const own = context.random(privateOctets(method));
  const op = { op: "offer", method, random: own.slice() } as const;
  const expireAt = later(context.now, KEY_EXCHANGE_MS);
  const awaits = "public-value";
  return {
    sa: { ...sa, round: { awaits, ticket, method, withPpk, privateOctets: own, expireAt } },
    effects: [{ kind: "key-exchange", ticket, op }],
  };
}

/** Our public value is ready: sends the request. */
export function onIntermediatePublicValue(
  sa: Initiating,
  { method, withPpk, privateOctets }: AwaitingAdditionalPublic,
  result: KeyExchangeResult,
  context: IkeContext,
): Step {
  if (!result.ok) return endCall(sa, keyExchangeRefusal(result.error));
  const ke: Payload = { kind: "KE", method, data: result.value.publicValue };
  const ppk = withPpk ? proposePpk(sa.half, sa.call.credentials.ppk) : [];
  const asked = { kind: "key-exchange", method, withPpk, privateOctets } as const;
  return send(sa, [ke, ...ppk], asked, context);
}

/** Begins a round without a key exchange: proposes our PPK. */
export function beginPpk(sa: Initiating, context: IkeContext): Step {
  return send(sa, proposePpk(sa.half, sa.call.credentials.ppk), { kind: "ppk" }, context);
}

type Asked = Omit<AskedKeyExchange, "covered"> | Omit<AskedPpk, "covered">;

function send(
  sa: Initiating,
  payloads: readonly Payload[],
  asked: Asked,
  context: IkeContext,
): Step {
  const { half, call, path } = sa;
  const messageId = half.window.outbound;
  const head = { exchangeType: ExchangeType.IKE_INTERMEDIATE, response: false, messageId };
  const datagrams = sealMessage(half, head, payloads, context);
  const before = half.transcript.intermediate?.initiator;
  const ours = coveredMessage(half, head, payloads);
  const covered = intAuth(half.algorithms.prf, half.keys.SK_pi, before, ours);
  const { retransmission } = call.credentials.settings;
  const inFlight = firstCopy(messageId, datagrams, retransmission, context);
  return {
    sa: {
      ...sa,
      half: { ...half, window: afterRequest(half.window) },
      round: { awaits: "response", asked: { ...asked, covered }, inFlight },
    },
    effects: sends(datagrams, path),
  };
}

/** The peer's answer. Nothing proves yet who it is, so a fault of it only ends the call. */
export function onIntermediateResponse(
  sa: Initiating,
  asked: AskedKeyExchange | AskedPpk,
  read: Read,
  context: IkeContext,
): Step {
  if (read.kind === "faulty") return endCall(sa, read.refusal);
  const { payloads } = read;
  const error = errorNotifyOf(payloads);
  if (error !== undefined) {
    return endCall(sa, { kind: "peer-refused", notify: error, asked: "IKE_INTERMEDIATE" });
  }
  const { half, call } = sa;
  const before = half.transcript.intermediate?.responder;
  const responder = intAuth(half.algorithms.prf, half.keys.SK_pr, before, read);
  const transcript = withIntermediate(half.transcript, { initiator: asked.covered, responder });
  const isAboutPpk = asked.kind === "ppk" || asked.withPpk;
  const granted = isPpkGranted(payloads, isAboutPpk ? call.credentials.ppk : undefined);
  if (!granted.ok) return endCall(sa, granted.error);
  const isPpkUsed = isAboutPpk ? granted.value : undefined;
  if (asked.kind === "ppk") return nextRound(sa, { transcript, isPpkUsed }, undefined);
  const { method, privateOctets } = asked;
  const ke = keOf(payloads, method, "IKE_INTERMEDIATE response");
  if (!ke.ok) return endCall(sa, ke.error);
  const ticket = context.ticket();
  const peerPublic = ke.value.data.slice();
  const op = { op: "derive", method, random: privateOctets.slice(), peerPublic } as const;
  const expireAt = later(context.now, KEY_EXCHANGE_MS);
  const awaits = "shared-secret";
  return {
    sa: { ...sa, round: { awaits, ticket, privateOctets, transcript, isPpkUsed, expireAt } },
    effects: [{ kind: "key-exchange", ticket, op }],
  };
}

/** The shared secret is ready: renews the keys, and the next round follows. */
export function onIntermediateSharedSecret(
  sa: Initiating,
  round: AwaitingAdditionalSecret,
  result: KeyExchangeResult,
): Step {
  if (!result.ok) return endCall(sa, keyExchangeRefusal(result.error));
  wipe(round.privateOctets);
  return nextRound(sa, round, result.value.sharedSecret);
}

function nextRound(
  sa: Initiating,
  { transcript, isPpkUsed }: Pick<AwaitingAdditionalSecret, "transcript" | "isPpkUsed">,
  sharedSecret: Uint8Array | undefined,
): Step {
  const key = isPpkUsed === true ? sa.call.credentials.ppk?.key : undefined;
  const ppk: RoundDone["ppk"] = isPpkUsed === undefined ? undefined : { offered: [], key };
  const half = afterRound(sa.half, { transcript, sharedSecret, ppk });
  if (half.keys !== sa.half.keys) wipeIkeKeys(sa.half.keys);
  return { sa: { ...sa, half, round: undefined }, effects: [] };
}
