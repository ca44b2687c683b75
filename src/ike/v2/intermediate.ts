/**
 * IKE_INTERMEDIATE as responder (RFC 9242): an additional key exchange (RFC 9370 §2.2.2), a PPK
 * (RFC 9867 §3.1), or both.
 */

import { type KeyExchangeResult, privateOctets } from "../../crypto/key-exchange.ts";
import { transformName } from "../../crypto/names.ts";
import { TransformType } from "../../crypto/transform.ts";
import { later } from "../../octets/instant.ts";
import { err, ok, type Result } from "../../octets/result.ts";
import { wipe } from "../../octets/secret.ts";
import { ExchangeType } from "../../wire/v2/exchange-type.ts";
import type { KePayload, Payload } from "../../wire/v2/message.ts";
import { NotifyType } from "../../wire/v2/notify-type.ts";
import { keyExchangeRefusal } from "../busy.ts";
import type { PpkCredential } from "../credentials.ts";
import type { IkeContext } from "../effect.ts";
import { LINGER_MS } from "../limits.ts";
import type { Refusal } from "../refusal.ts";
import { failedNote, refusedNote, sends } from "./answer.ts";
import { neededPayload } from "./find-payload.ts";
import { intAuth } from "./int-auth.ts";
import type { IkeKeys } from "./keys.ts";
import { afterRound } from "./next-round.ts";
import { notify, notifyFor } from "./notify.ts";
import { choosePpk, proposedPpks } from "./ppk-intermediate.ts";
import { ppkIdentity, ppkIdentityText } from "./ppk-keys.ts";
import { coveredMessage, type Read, sealMessage } from "./protect.ts";
import type {
  AwaitingAdditional,
  AwaitingPpks,
  IntermediateAsked,
  Responding,
} from "./responder-phase.ts";
import type { Round } from "./round.ts";
import { wipeSecrets } from "./secrets.ts";
import type { Step } from "./step.ts";
import { withIntermediate } from "./transcript.ts";
import { afterAnswer } from "./window.ts";

// Initiator                        Responder
// HDR, SK {[KEi(n),] [N(PPK_IDENTITY_KEY) …]} -->
//                             <--  HDR, SK {[KEr(n),] [N(PPK_IDENTITY)]}

type IntermediateRound = Exclude<Round, { kind: "ike-auth" }>;

/** The peer's public value for the next additional key exchange, its PPKs, or both. */
export function onIntermediateRequest(
  sa: Responding,
  request: { readonly messageId: number; readonly read: Read; readonly round: IntermediateRound },
  context: IkeContext,
): Step {
  const { messageId, read, round } = request;
  if (read.kind === "faulty") return refuseRound(sa, messageId, read.refusal, context);
  const exchange = exchangeOf(read.payloads, round);
  if (!exchange.ok) return refuseRound(sa, messageId, exchange.error, context);
  const { algorithms, keys, transcript } = sa.half;
  const before = transcript.intermediate?.initiator;
  const covered = intAuth(algorithms.prf, keys.SK_pi, before, read);
  const isAboutPpks = round.kind === "ppk" || round.withPpk;
  const proposed = isAboutPpks ? proposedPpks(read.payloads) : undefined;
  const asked: IntermediateAsked = { messageId, covered, exchange: exchange.value, proposed };
  if (proposed === undefined || proposed.length === 0) {
    return exchangeKeys(sa, asked, undefined, context);
  }
  const ticket = context.ticket();
  // Without its type: another one than PPK_ID_FIXED matches nothing later.
  const ids = proposed.map(({ identity }) => identity.subarray(1));
  return {
    sa: { ...sa, round: { awaits: "ppks", ticket, asked } },
    effects: [{ kind: "find-ppks", ticket, ids }],
  };
}

function exchangeOf(
  payloads: readonly Payload[],
  round: IntermediateRound,
): Result<IntermediateAsked["exchange"], Refusal> {
  if (round.kind === "ppk") return ok(undefined);
  const ke = keOf(payloads, round.method, EXCHANGE);
  return ke.ok ? ok({ method: round.method, peerPublic: ke.value.data }) : ke;
}

/**
 * The PPKs with the proposed PPK_IDs have been found, if there are any. If that is not known, the
 * site gets no answer: it repeats its request, which then begins anew.
 */
export function onPpks(
  sa: Responding,
  { asked }: AwaitingPpks,
  ppks: readonly PpkCredential[] | undefined,
  context: IkeContext,
): Step {
  if (ppks === undefined) return { sa: { ...sa, round: { awaits: "request" } }, effects: [] };
  return exchangeKeys(sa, asked, choosePpk(sa.half, asked.proposed ?? [], ppks), context);
}

function exchangeKeys(
  sa: Responding,
  asked: IntermediateAsked,
  ppk: PpkCredential | undefined,
  context: IkeContext,
): Step {
  if (asked.exchange === undefined) return answerRound(sa, { asked, ppk }, undefined, context);
  const { method, peerPublic } = asked.exchange;
  const ticket = context.ticket();
  const random = context.random(privateOctets(method));
  const op = { op: "respond", method, random, peerPublic } as const;
  // Its public value is not needed any more.
  const rest: IntermediateAsked = { ...asked, exchange: undefined };
  return {
    sa: { ...sa, round: { awaits: "key-exchange", ticket, asked: rest, method, ppk } },
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

/** Our public value and the shared secret are ready, or could not be made. */
export function onIntermediateKeyExchange(
  sa: Responding,
  round: AwaitingAdditional,
  result: KeyExchangeResult,
  context: IkeContext,
): Step {
  const { asked, method, ppk } = round;
  if (result.ok) return answerRound(sa, { asked, ppk }, { method, ...result.value }, context);
  const refusal = keyExchangeRefusal(result.error);
  wipe(ppk?.key);
  if (refusal.kind !== "busy") return refuseRound(sa, asked.messageId, refusal, context);
  // The site repeats its request, which then begins anew.
  const isFull = refusal.reason === "key-exchanges-waiting";
  const effects = isFull ? [] : [refusedNote(EXCHANGE, refusal)];
  return { sa: { ...sa, round: { awaits: "request" } }, effects };
}

type Exchanged = {
  readonly method: number;
  readonly publicValue: Uint8Array;
  readonly sharedSecret: Uint8Array;
};

/** Answers, and renews the keys. */
function answerRound(
  sa: Responding,
  { asked, ppk }: Pick<AwaitingAdditional, "asked" | "ppk">,
  exchanged: Exchanged | undefined,
  context: IkeContext,
): Step {
  const { half, path } = sa;
  const { messageId, covered, proposed } = asked;
  const payloads: Payload[] = [];
  if (exchanged !== undefined) {
    payloads.push({ kind: "KE", method: exchanged.method, data: exchanged.publicValue });
  }
  if (ppk !== undefined) payloads.push(notify(NotifyType.PPK_IDENTITY, ppkIdentity(ppk)));
  const head = { exchangeType: ExchangeType.IKE_INTERMEDIATE, response: true, messageId };
  const lastResponse = sealMessage(half, head, payloads, context);
  const before = half.transcript.intermediate?.responder;
  const ours = coveredMessage(half, head, payloads);
  const responder = intAuth(half.algorithms.prf, half.keys.SK_pr, before, ours);
  const transcript = withIntermediate(half.transcript, { initiator: covered, responder });
  const offered = proposed?.map(({ identity }) => ppkIdentityText(identity));
  const renewed = afterRound(half, {
    transcript,
    sharedSecret: exchanged?.sharedSecret,
    ppk: offered === undefined ? undefined : { offered, key: ppk?.key },
  });
  wipe(ppk?.key);
  return {
    sa: {
      ...sa,
      half: { ...renewed, window: afterAnswer(half.window) },
      round: { awaits: "request" },
      lastResponse,
      // Without new keys the present ones stay in use after those of the repeats are wiped.
      formerKeys: renewed.keys === half.keys ? copyOf(half.keys) : half.keys,
    },
    effects: sends(lastResponse, path),
  };
}

function copyOf({ SK_d, SK_ai, SK_ar, SK_ei, SK_er, epoch }: IkeKeys): IkeKeys {
  return {
    SK_d: SK_d.slice(),
    SK_ai: SK_ai.slice(),
    SK_ar: SK_ar.slice(),
    SK_ei: SK_ei.slice(),
    SK_er: SK_er.slice(),
    epoch,
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
