/** Main Mode as responder, with RSA signatures and certificates (RFC 2409 §5.1). */

import { sha256 } from "../../crypto/hash.ts";
import { type KeyExchangeResult, privateOctets } from "../../crypto/key-exchange.ts";
import type { Suite } from "../../crypto/suite.ts";
import { equalOctets } from "../../octets/concat.ts";
import { err, ok, type Result } from "../../octets/result.ts";
import { wipe } from "../../octets/secret.ts";
import { IKE_HEADER_OCTETS } from "../../wire/header.ts";
import { attributeNumber } from "../../wire/v1/attribute.ts";
import { ExchangeType, isakmpFlags } from "../../wire/v1/header.ts";
import type { Payload, SaPayload } from "../../wire/v1/message.ts";
import { emitMessage, parsePayloads } from "../../wire/v1/payload-chain.ts";
import { vendorPayload } from "../../wire/v1/vendor-id.ts";
import { keyExchangeRefusal } from "../busy.ts";
import type { IkeContext } from "../effect.ts";
import type { IkeEvent } from "../event.ts";
import { AUTH_OCTETS_MAX, NONCE_OCTETS } from "../limits.ts";
import type { Refusal } from "../refusal.ts";
import { phase1Iv } from "./cipher.ts";
import { neededPayload } from "./find-payload.ts";
import { deriveIsakmpKeys, signatureSkeyid } from "./keys.ts";
import { onSigned, onSignedCredentials, onSignedId, onVerified } from "./main-mode-proof.ts";
import { chooseNatT, detectNat, natDPayloads, natVendor } from "./nat.ts";
import { endPhase1, phase1Head, repeatLast, sentNow } from "./phase1.ts";
import { answerOf, chooseIsakmp } from "./proposal.ts";
import type { Begin, MainFirst } from "./responder-phase.ts";
import { seenPayloads } from "./seen-message.ts";
import { ANY_AUTHORITY } from "./signatures.ts";
import type {
  SignedAwaitingId,
  SignedAwaitingKe,
  SignedExchanging,
  SignedPhase,
} from "./signed-phase.ts";
import type { Step } from "./step.ts";
import { AuthMethod, IsakmpAttribute } from "./transform-numbers.ts";

type MessageEvent = Extract<IkeEvent, { kind: "message" }>;

/** What every site with a certificate may use, before it is known which one calls. */
export type SignedTerms = {
  /** Suites of all eroutes whose ends have certificates; empty: there is none. */
  readonly suites: readonly Suite[];
  readonly withFragments: boolean;
};

// Initiator                            Responder
// HDR, SA -->
//                                 <--  HDR, SA
// HDR, KE, Ni -->
//                                 <--  HDR, KE, Nr, CERTREQ
// HDR*, IDii, [CERT,] SIG_I -->
//                                 <--  HDR*, IDir, CERT, SIG_R

/** Whether a caller wants signatures: it offers no pre-shared key. */
export function wantsSignatures({ proposals }: SaPayload): boolean {
  const methods = new Set<number | undefined>();
  for (const { transforms } of proposals) {
    for (const { attributes } of transforms) {
      const method = attributes.find(({ type }) => type === IsakmpAttribute.AUTHENTICATION_METHOD);
      methods.add(method === undefined ? undefined : attributeNumber(method));
    }
  }
  return methods.has(AuthMethod.RSA_SIGNATURES) && !methods.has(AuthMethod.PRE_SHARED_KEY);
}

/** Begins with a stranger: who it is will be known later, as in IKEv2. */
export function acceptSigned(
  { offer, vendors, digest }: MainFirst,
  begin: Begin,
  { suites, withFragments }: SignedTerms,
  context: IkeContext,
): Result<Step, Refusal> {
  const authMethods = [AuthMethod.RSA_SIGNATURES];
  const chosen = chooseIsakmp(offer, { suites, authMethods, keOctets: undefined });
  if (!chosen.ok) return err(chosen.error);
  const { spiI, path, until: expireAt } = begin;
  const id = { spiI, spiR: context.ikeSpi(), role: "responder" } as const;
  const both = withFragments && vendors.has("fragmentation");
  const payloads: readonly Payload[] = [
    answerOf(chosen.value),
    ...(both ? [vendorPayload("fragmentation")] : []),
    ...(vendors.has("dpd") ? [vendorPayload("dpd")] : []),
    ...natVendor(vendors),
  ];
  const head = phase1Head(id, ExchangeType.MAIN_MODE);
  context.onMessage?.(seenPayloads("sent", head, payloads));
  const octets = emitMessage(head, payloads);
  const sa: SignedAwaitingKe = {
    version: 1,
    phase: "signed-awaiting-ke",
    id,
    path,
    expireAt,
    chosen: chosen.value,
    vendors,
    withFragments,
    SAi_b: offer.body,
    last: sentNow(digest, octets, context),
  };
  return ok({ sa, effects: [{ kind: "send", octets, path }] });
}

/** Handles one event; undefined: it is one that every phase handles in the same way. */
export function stepSigned(
  sa: SignedPhase,
  event: IkeEvent,
  context: IkeContext,
): Step | undefined {
  switch (event.kind) {
    case "message":
      return onSignedMessage(sa, event, context);
    case "key-exchange-answer":
      if (sa.phase !== "signed-exchanging" || sa.ticket !== event.ticket) return undefined;
      return onExchanged(sa, event.result, context);
    case "credentials":
      if (sa.phase !== "signed-awaiting-credentials" || sa.ticket !== event.ticket)
        return undefined;
      return onSignedCredentials(sa, event.result, context);
    case "signature-answer":
      if (!("ticket" in sa) || sa.ticket !== event.ticket) return undefined;
      if (sa.phase === "signed-verifying") return onVerified(sa, event.result, context);
      return sa.phase === "signed-signing" ? onSigned(sa, event.result, context) : undefined;
    default:
      return undefined;
  }
}

function onSignedMessage(sa: SignedPhase, event: MessageEvent, context: IkeContext): Step {
  const { header, octets } = event;
  const isOf = header.exchangeType === ExchangeType.MAIN_MODE && octets.length <= AUTH_OCTETS_MAX;
  if (!isOf || !("last" in sa)) return { sa, effects: [] };
  const digest = sha256(octets);
  if (equalOctets(digest, sa.last.digest)) return repeatLast(sa, context);
  if (header.spiR !== sa.id.spiR) return { sa, effects: [] };
  return sa.phase === "signed-awaiting-ke"
    ? onKe(sa, event, { digest, context })
    : onSignedId(sa, event, { digest, context });
}

/** The third message: the peer's public value. */
function onKe(
  sa: SignedAwaitingKe,
  { header, octets, path }: MessageEvent,
  { digest, context }: { readonly digest: Uint8Array; readonly context: IkeContext },
): Step {
  if (isakmpFlags(octets).encryption) return { sa, effects: [] };
  const parsed = parsePayloads(header.nextPayload, octets, STEP, IKE_HEADER_OCTETS);
  if (!parsed.ok) return endPhase1(sa, parsed.error);
  const { payloads } = parsed.value;
  context.onMessage?.(seenPayloads("received", header, payloads));
  const ke = neededPayload(payloads, "KE", STEP);
  if (!ke.ok) return endPhase1(sa, ke.error);
  const nonce = neededPayload(payloads, "NONCE", STEP);
  if (!nonce.ok) return endPhase1(sa, nonce.error);
  const { id, expireAt, chosen, vendors, withFragments, SAi_b } = sa;
  const { algorithms } = chosen;
  const natT = chooseNatT(vendors)?.of ?? "none";
  const ticket = context.ticket();
  const gxi = ke.value.body.slice();
  const next: SignedExchanging = {
    version: 1,
    phase: "signed-exchanging",
    id,
    path,
    expireAt,
    chosen,
    vendors,
    withFragments,
    ticket,
    SAi_b,
    digest,
    gxi,
    Ni: nonce.value.body.slice(),
    nat: detectNat(payloads, natT, algorithms, { id, paths: [path] }),
  };
  const random = context.random(privateOctets(algorithms.ke));
  const op = { op: "respond", method: algorithms.ke, random, peerPublic: gxi } as const;
  return { sa: next, effects: [{ kind: "key-exchange", ticket, op }] };
}

/** Our public value and the shared secret are ready: derives the keys and answers. */
function onExchanged(sa: SignedExchanging, result: KeyExchangeResult, context: IkeContext): Step {
  if (!result.ok) return endPhase1(sa, keyExchangeRefusal(result.error));
  const { id, path, expireAt, chosen, vendors, withFragments, SAi_b, digest, gxi, Ni, nat } = sa;
  const { publicValue: gxr, sharedSecret } = result.value;
  const { algorithms } = chosen;
  const Nr = context.random(NONCE_OCTETS);
  const SKEYID = signatureSkeyid(algorithms.prf, { Ni, Nr }, sharedSecret);
  const cookies = { spiI: id.spiI, spiR: id.spiR };
  const keys = deriveIsakmpKeys(algorithms, SKEYID, { ...cookies, sharedSecret });
  wipe(sharedSecret);
  const payloads: readonly Payload[] = [
    { kind: "KE", data: gxr },
    { kind: "NONCE", data: Nr },
    ANY_AUTHORITY,
    ...natDPayloads(vendors, algorithms, id, path),
  ];
  const head = phase1Head(id, ExchangeType.MAIN_MODE);
  context.onMessage?.(seenPayloads("sent", head, payloads));
  const octets = emitMessage(head, payloads);
  const next: SignedAwaitingId = {
    version: 1,
    phase: "signed-awaiting-id",
    id,
    path,
    expireAt,
    chosen,
    vendors,
    withFragments,
    keys,
    SKEYID,
    transcript: { ...cookies, gxi, gxr, SAi_b },
    nat,
    iv: phase1Iv(algorithms, gxi, gxr),
    last: sentNow(digest, octets, context),
  };
  return { sa: next, effects: [{ kind: "send", octets, path }] };
}

const STEP = "Main Mode";
