/** CREATE_CHILD_SA as responder: a new Child SA, or one that replaces another (RFC 7296 §1.3). */

import { type KeyExchangeResult, privateOctets } from "../../crypto/key-exchange.ts";
import { transformName } from "../../crypto/names.ts";
import { Ke, TransformType } from "../../crypto/transform.ts";
import { Reader } from "../../octets/reader.ts";
import type { Result } from "../../octets/result.ts";
import { wipe } from "../../octets/secret.ts";
import { ExchangeType } from "../../wire/exchange-type.ts";
import type { IkeHeader } from "../../wire/header.ts";
import { type Payload, Protocol } from "../../wire/message.ts";
import { NotifyType } from "../../wire/notify-type.ts";
import type { ChildSa } from "../child-sa.ts";
import type { IkeContext, IkeEffect, Step } from "../effect.ts";
import { NONCE_OCTETS } from "../limits.ts";
import type { ChildPlan, Established, Serving } from "../phase.ts";
import type { Refusal } from "../refusal.ts";
import { answer, okNote, refuse } from "./answer.ts";
import { notifyOf, payloadOf } from "./find-payload.ts";
import { childText, childUp, makeChild, planChild } from "./make-child-sa.ts";
import { onRekeyIkeRequest } from "./rekey-ike-sa.ts";

// Initiator                        Responder
// HDR, SK {[N(REKEY_SA),] SA, Ni, [KEi,] TSi, TSr} -->
//                             <--  HDR, SK {SA, Nr, [KEr,] TSi, TSr}

/** Any of the three forms: new Child SA, rekeyed Child SA, rekeyed IKE SA (§1.3.1-1.3.3). */
export function onCreateChildSaRequest(
  sa: Established,
  header: IkeHeader,
  payloads: readonly Payload[],
  context: IkeContext,
): Step {
  const refuseWith = (refusal: Refusal) => refuse(sa, header, refusal, context);
  if (sa.replacedUntil !== undefined) {
    return refuseWith({ kind: "temporary-failure", detail: "this IKE SA has been rekeyed" });
  }
  const offer = payloadOf(payloads, "SA");
  if (offer?.proposals.some((proposal) => proposal.protocol === Protocol.IKE)) {
    return onRekeyIkeRequest(sa, header, payloads, context);
  }
  const nonce = payloadOf(payloads, "NONCE");
  const tsI = payloads.find((p) => p.kind === "TSi");
  const tsR = payloads.find((p) => p.kind === "TSr");
  if (offer === undefined) return refuseWith(missing("SA"));
  if (nonce === undefined) return refuseWith(missing("Nonce"));
  if (tsI?.kind !== "TSi") return refuseWith(missing("TSi"));
  if (tsR?.kind !== "TSr") return refuseWith(missing("TSr"));
  const replaces = rekeyedChild(sa, payloads);
  if (replaces !== undefined && "kind" in replaces) return refuseWith(replaces);
  if (sa.children.length >= sa.policy.childSasMax) {
    return refuseWith({ kind: "no-additional-sas", max: sa.policy.childSasMax });
  }
  const ke = payloadOf(payloads, "KE");
  const sentKe = ke?.method;
  const Ni = nonce.data.slice();
  const request = { sa: offer, tsI, tsR, Ni, sentKe, withKe: true, replaces };
  const plan = planChild(request, sa.policy);
  if (!plan.ok) return refuseWith(plan.error);
  const method = plan.value.chosen.choice.ke;
  if (method === Ke.NONE) return install(sa, header, plan.value, { context });
  if (ke === undefined || ke.method !== method) {
    const offered = transformName(TransformType.KE, sentKe ?? 0, undefined);
    return refuseWith({ kind: "invalid-ke", offered, wantedMethod: method });
  }
  const ticket = context.ticket();
  const { messageId } = header;
  const random = context.random(privateOctets(method));
  const op = { op: "respond", method, random, peerPublic: ke.data.slice() } as const;
  return {
    sa: {
      ...sa,
      serving: { kind: "child-key-exchange", messageId, ticket, plan: plan.value },
    },
    effects: [{ kind: "key-exchange", ticket, op }],
  };
}

/** Perfect forward secrecy: our public value and the shared secret are there. */
export function onChildKeyExchange(
  sa: Established,
  serving: Extract<Serving, { kind: "child-key-exchange" }>,
  result: KeyExchangeResult,
  context: IkeContext,
): Step {
  const { messageId, plan } = serving;
  if (!result.ok) {
    const to = { exchangeType: ExchangeType.CREATE_CHILD_SA, messageId };
    return refuse(sa, to, { kind: "key-exchange", detail: result.error.detail }, context);
  }
  return install(sa, { messageId }, plan, { context, exchanged: result.value });
}

/** The kernel has the Child SA, or has refused it. */
export function onChildInstalled(
  sa: Established,
  serving: Extract<Serving, { kind: "child-install" }>,
  result: Result<undefined, Refusal>,
  context: IkeContext,
): Step {
  const to = { exchangeType: ExchangeType.CREATE_CHILD_SA, messageId: serving.messageId };
  if (!result.ok) return refuse(sa, to, result.error, context);
  const child = serving.child.sa;
  const answered = answer(sa, to, serving.child.payloads, context);
  const isRekey = child.replaces !== undefined;
  const reason = isRekey ? "child-sa-rekeyed" : "child-sa-up";
  const effects: IkeEffect[] = [];
  // The old one may have expired meanwhile: then nothing else sends.
  if (isRekey && !sa.children.some((old) => old.spiIn === child.replaces)) {
    effects.push({ kind: "child-outbound", spiIn: child.spiIn });
  }
  effects.push(answered.effect, okNote("CREATE_CHILD_SA", reason, childText(child)));
  if (isRekey) effects.push({ kind: "count", counter: "child_sas_rekeyed" });
  return { sa: { ...answered.sa, children: [...sa.children, child] }, effects };
}

type Install = {
  readonly context: IkeContext;
  readonly exchanged?: { readonly publicValue: Uint8Array; readonly sharedSecret: Uint8Array };
};

function install(
  sa: Established,
  to: { readonly messageId: number },
  plan: ChildPlan,
  { context, exchanged }: Install,
): Step {
  const Nr = context.random(NONCE_OCTETS);
  const sharedSecret = exchanged?.sharedSecret ?? new Uint8Array(0);
  const { prf } = sa.algorithms;
  const made = makeChild(plan, { prf, SK_d: sa.keys.SK_d, sharedSecret, Nr }, context);
  wipe(sharedSecret);
  const [saPayload, ...selectors] = made.answer.payloads;
  const payloads: Payload[] = saPayload === undefined ? [] : [saPayload];
  payloads.push({ kind: "NONCE", data: Nr });
  if (exchanged !== undefined) {
    payloads.push({ kind: "KE", method: plan.chosen.choice.ke, data: exchanged.publicValue });
  }
  payloads.push(...selectors);
  const ticket = context.ticket();
  const child = { sa: made.answer.sa, payloads };
  return {
    sa: { ...sa, serving: { kind: "child-install", messageId: to.messageId, ticket, child } },
    effects: [childUp(ticket, made)],
  };
}

/** The Child SA that N(REKEY_SA) names by the peer's inbound SPI; undefined if it names none. */
function rekeyedChild(
  sa: Established,
  payloads: readonly Payload[],
): ChildSa | Refusal | undefined {
  const rekey = notifyOf(payloads, NotifyType.REKEY_SA);
  if (rekey === undefined) return undefined;
  const spi = rekey.spi.length === 4 ? new Reader(rekey.spi, "REKEY_SA").u32() : 0;
  const child = sa.children.find((candidate) => candidate.spiOut === spi);
  return child ?? { kind: "child-sa-not-found", spi, protocol: Protocol.ESP };
}

function missing(payload: string): Refusal {
  return { kind: "missing-payload", exchange: "CREATE_CHILD_SA", payload };
}
