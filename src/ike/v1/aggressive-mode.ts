/** Aggressive Mode as responder, with a pre-shared key (RFC 2409 §5.4). */

import { type KeyExchangeResult, privateOctets } from "../../crypto/key-exchange.ts";
import { equalConstantTime, wipe } from "../../octets/secret.ts";
import { IKE_HEADER_OCTETS } from "../../wire/header.ts";
import { ExchangeType, isakmpFlags, PHASE_1_MESSAGE_ID } from "../../wire/v1/header.ts";
import type { IdPayload, Payload, ReceivedPayloads } from "../../wire/v1/message.ts";
import { NotifyType } from "../../wire/v1/notify-type.ts";
import { emitMessage, emitPayloadBody, parsePayloads } from "../../wire/v1/payload-chain.ts";
import { keyExchangeRefusal } from "../busy.ts";
import { wipeCredentials } from "../credentials.ts";
import type { IkeContext } from "../effect.ts";
import type { IkeEvent } from "../event.ts";
import { NONCE_OCTETS } from "../limits.ts";
import { phase1Iv } from "./cipher.ts";
import { establish } from "./establish.ts";
import { notifyOf, payloadOf } from "./find-payload.ts";
import { deriveIsakmpKeys, hashI, hashR, pskSkeyid } from "./keys.ts";
import { chooseNatT, detectNat, natDPayloads, natVendor } from "./nat.ts";
import {
  authMethodsOf,
  endPhase1,
  MESSAGE_OCTETS_MAX,
  msOf,
  needsUser,
  phase1Head,
  pskOf,
  repeatLast,
  sentNow,
  termsAfter,
  vendorPayloads,
  wrongPsk,
} from "./phase1.ts";
import { answerOf, chooseIsakmp } from "./proposal.ts";
import { decryptMessage } from "./protect.ts";
import type {
  AggressiveFirst,
  AwaitingCredentials,
  AwaitingKeyExchange,
  AwaitingProof,
  Begin,
} from "./responder-phase.ts";
import { seenPayloads } from "./seen-message.ts";
import type { Step } from "./step.ts";

type MessageEvent = Extract<IkeEvent, { kind: "message" }>;

// Initiator                            Responder
// HDR, SA, KE, Ni, IDii -->
//                                 <--  HDR, SA, KE, Nr, IDir, HASH_R
// HDR*, HASH_I -->

/** Begins with a stranger: nothing is computed before its row has been read. */
export function acceptAggressive(first: AggressiveFirst, begin: Begin, context: IkeContext): Step {
  const ticket = context.ticket();
  const sa: AwaitingCredentials = {
    version: 1,
    phase: "awaiting-credentials",
    id: { spiI: begin.spiI, spiR: context.ikeSpi(), role: "responder" },
    path: begin.path,
    expireAt: begin.until,
    ticket,
    first,
  };
  const peer = first.idI.identity;
  const exchange = EXCHANGE;
  return { sa, effects: [{ kind: "identify", ticket, peer, algorithms: undefined, exchange }] };
}

/** The site's row is there, or it is unknown. */
export function onCredentials(
  sa: AwaitingCredentials,
  result: Extract<IkeEvent, { kind: "credentials" }>["result"],
  context: IkeContext,
): Step {
  if (!result.ok) return endPhase1(sa, result.error);
  const credentials = result.value;
  const { first, id, path, expireAt } = sa;
  if (credentials.own.kind !== "psk" || credentials.peer.kind === "certificate") {
    wipeCredentials(credentials);
    const detail = "Aggressive Mode is supported with pre-shared keys only";
    return endPhase1(sa, { kind: "ikev1-unsupported", detail });
  }
  const chosen = chooseIsakmp(first.offer, {
    suites: credentials.policy.ikeSuites,
    authMethods: authMethodsOf(credentials),
    keOctets: first.gxi.length,
  });
  if (!chosen.ok) {
    wipeCredentials(credentials);
    return endPhase1(sa, chosen.error, !credentials.isSilent);
  }
  const ticket = context.ticket();
  const method = chosen.value.algorithms.ke;
  const random = context.random(privateOctets(method));
  const op = { op: "respond", method, random, peerPublic: first.gxi } as const;
  const phase = "awaiting-key-exchange";
  return {
    sa: { version: 1, phase, id, path, expireAt, ticket, first, credentials, chosen: chosen.value },
    effects: [{ kind: "key-exchange", ticket, op }],
  };
}

/** Our public value and the shared secret are ready: derives the keys and answers. */
export function onKeyExchange(
  sa: AwaitingKeyExchange,
  result: KeyExchangeResult,
  context: IkeContext,
): Step {
  if (!result.ok) return endPhase1(sa, keyExchangeRefusal(result.error));
  const { first, credentials, chosen, id, path, expireAt } = sa;
  const { publicValue: gxr, sharedSecret } = result.value;
  const { algorithms } = chosen;
  const { gxi, Ni, offer, idI } = first;
  const Nr = context.random(NONCE_OCTETS);
  const SKEYID = pskSkeyid(algorithms.prf, pskOf(credentials), { Ni, Nr });
  const keys = deriveIsakmpKeys(algorithms, SKEYID, { spiI: id.spiI, spiR: id.spiR, sharedSecret });
  const transcript = { spiI: id.spiI, spiR: id.spiR, gxi, gxr, SAi_b: offer.body };
  const idR: IdPayload = { kind: "ID", identity: credentials.ourIdentity, protocol: 0, port: 0 };
  const HASH_R = hashR(algorithms.prf, SKEYID, transcript, emitPayloadBody(idR));
  const HASH_I = hashI(algorithms.prf, SKEYID, transcript, idI.body);
  wipe(SKEYID, sharedSecret);
  wipeCredentials(credentials);
  const payloads: readonly Payload[] = [
    answerOf(chosen),
    { kind: "KE", data: gxr },
    { kind: "NONCE", data: Nr },
    idR,
    { kind: "HASH", data: HASH_R },
    ...vendorPayloads(first.vendors, credentials),
    ...natVendor(first.vendors),
    ...natDPayloads(first.vendors, algorithms, id, path),
  ];
  const head = phase1Head(id, ExchangeType.AGGRESSIVE_MODE);
  context.onMessage?.(seenPayloads("sent", head, payloads));
  const response = emitMessage(head, payloads);
  const next: AwaitingProof = {
    version: 1,
    phase: "awaiting-proof",
    id,
    path,
    expireAt,
    idI,
    vendors: first.vendors,
    terms: termsAfter(credentials),
    chosen,
    keys,
    iv: phase1Iv(algorithms, gxi, gxr),
    HASH_I,
    last: sentNow(first.digest, response, context),
  };
  return { sa: next, effects: [{ kind: "send", octets: response, path }] };
}

/** The third message, or a repeat of the first one. */
export function onMessage(sa: AwaitingProof, event: MessageEvent, context: IkeContext): Step {
  const { header, octets, path } = event;
  // A site that goes on has sent its third message, which was lost: it repeats it after ours.
  const goesOn = header.exchangeType !== ExchangeType.AGGRESSIVE_MODE && header.spiR === sa.id.spiR;
  if (goesOn) return repeatLast(sa, context);
  if (header.exchangeType !== ExchangeType.AGGRESSIVE_MODE) return { sa, effects: [] };
  if (header.spiR === 0n) return repeatLast(sa, context);
  if (header.messageId !== PHASE_1_MESSAGE_ID || header.spiR !== sa.id.spiR) {
    return { sa, effects: [] };
  }
  if (octets.length > MESSAGE_OCTETS_MAX) {
    return { sa, effects: [{ kind: "count", counter: "messages_too_long" }] };
  }
  const read = readThird(sa, event);
  const HASH = read === undefined ? undefined : payloadOf(read.received.payloads, "HASH");
  if (read === undefined || HASH === undefined || !equalConstantTime(HASH.data, sa.HASH_I)) {
    return wrongPsk(sa);
  }
  const { payloads } = read.received;
  context.onMessage?.(seenPayloads("received", header, payloads));
  const { algorithms } = sa.chosen;
  const natT = chooseNatT(sa.vendors)?.of ?? "none";
  const seen = { id: sa.id, paths: [sa.path, path] };
  return establish(
    {
      id: sa.id,
      path,
      peer: sa.idI.identity,
      vendors: sa.vendors,
      nat: detectNat(payloads, natT, algorithms, seen),
      natT,
      algorithms,
      keys: sa.keys,
      lastBlock: read.iv,
      lastOfPhase1: undefined,
      lifetimeMs: msOf(sa.chosen.lifetime.seconds),
      terms: sa.terms,
      initialContact: notifyOf(payloads, NotifyType.INITIAL_CONTACT) !== undefined,
      needsUser: needsUser(sa.terms, sa.chosen),
      step: EXCHANGE,
    },
    context,
  );
}

/** Some peers send it in clear: its HASH proves as much. */
function readThird(
  sa: AwaitingProof,
  { header, octets }: MessageEvent,
): { readonly received: ReceivedPayloads; readonly iv: Uint8Array } | undefined {
  const { algorithms } = sa.chosen;
  if (isakmpFlags(octets).encryption) {
    return decryptMessage({ algorithms, keys: sa.keys }, sa.iv, header, octets);
  }
  const parsed = parsePayloads(header.nextPayload, octets, EXCHANGE, IKE_HEADER_OCTETS);
  return parsed.ok ? { received: parsed.value, iv: sa.iv } : undefined;
}

const EXCHANGE = "Aggressive Mode";
