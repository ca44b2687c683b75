/** IKE_AUTH as initiator (RFC 7296 §1.2, §2.15, §2.21.2). */

import type { SignatureRequest, SignatureResult } from "../../crypto/signature.ts";
import type { EspSpi } from "../../inet/esp-spi.ts";
import { later } from "../../octets/instant.ts";
import { err, ok, type Result } from "../../octets/result.ts";
import { identityText } from "../../wire/identity.ts";
import { ExchangeType } from "../../wire/v2/exchange-type.ts";
import { type IdPayload, type Payload, Protocol } from "../../wire/v2/message.ts";
import { NotifyType } from "../../wire/v2/notify-type.ts";
import { identityBody } from "../../wire/v2/payload/id.ts";
import { ikeAlgorithmsText } from "../algorithms.ts";
import { anchorsOf, wipeCredentials } from "../credentials.ts";
import type { IkeContext } from "../effect.ts";
import type { Call } from "../event.ts";
import { SIGNATURE_MS } from "../limits.ts";
import type { Refusal } from "../refusal.ts";
import { certificatesIn } from "../signed-proof.ts";
import { endCall, failedNote, okNote, sends } from "./answer.ts";
import type { GrantedChild } from "./asking.ts";
import { withAuthLifetime } from "./auth-lifetime.ts";
import { supportedAuthMethods, unfitMethods } from "./auth-methods.ts";
import { close, closeAs } from "./delete.ts";
import { newEstablished } from "./established.ts";
import type { Established } from "./established-phase.ts";
import {
  errorNotifyOf,
  neededPayload,
  payloadOf,
  unreadableOf,
  unreadableRefusal,
} from "./find-payload.ts";
import { afterAuth } from "./fragments.ts";
import { grantedSelectors } from "./granted-child.ts";
import type { HalfOpen } from "./half-open.ts";
import type {
  AskedAuth,
  AwaitingOurSignature,
  AwaitingPeerVerification,
  Initiating,
} from "./initiator-phase.ts";
import { keysAfterProof, wipeHalfOpenKeys } from "./keys.ts";
import { childUp, grantedChild, spiOctets } from "./make-child-sa.ts";
import { notify, notifyFor } from "./notify.ts";
import { acceptPpk, hasPpk, mixPpk, ppkNotifies, withoutPpk } from "./ppk.ts";
import {
  certRequest,
  judgeHolder,
  judgeProof,
  ownProof,
  type Proven,
  signedProof,
} from "./proof.ts";
import { chooseEsp, isAnswerTo, proposalsOf } from "./proposal.ts";
import { offeredText } from "./proposal-text.ts";
import { type Read, sealMessage } from "./protect.ts";
import { gatewayIn } from "./redirect.ts";
import { firstCopy } from "./request.ts";
import type { IkeEffect, Step } from "./step.ts";
import { afterRequest } from "./window.ts";

// Initiator                        Responder
// HDR, SK {IDi, [CERT,] [CERTREQ,] IDr, AUTH, SAi2, TSi, TSr} -->
//                             <--  HDR, SK {IDr, [CERT,] AUTH, SAr2, TSi, TSr}

/** Proves who we are and asks for the first Child SA, now or once our signature is made. */
export function beginAuth(before: Initiating, context: IkeContext): Step {
  const { credentials } = before.call;
  const sa: Initiating = { ...before, half: mixPpk(before.half, credentials.ppk) };
  const without = withoutPpk(sa.half, credentials.ppk);
  if (without === undefined) return proveOurselves(sa, undefined, context);
  const proof = ownProof(without, credentials, identityBody(credentials.ourIdentity));
  if (proof.kind === "ask") return sign(sa, proof.op, { signs: "no-ppk-auth" }, context);
  return proveOurselves(sa, authDataOf(proof.value), context);
}

function proveOurselves(
  sa: Initiating,
  noPpkAuth: Uint8Array | undefined,
  context: IkeContext,
): Step {
  const { half, call } = sa;
  const { credentials } = call;
  const proof = ownProof(half, credentials, identityBody(credentials.ourIdentity));
  if (proof.kind === "ask") return sign(sa, proof.op, { signs: "auth", noPpkAuth }, context);
  return sendProof(sa, { proof: proof.value, noPpkAuth }, context);
}

function sign(
  sa: Initiating,
  op: SignatureRequest,
  what: Pick<AwaitingOurSignature, "signs"> & { readonly noPpkAuth?: Uint8Array | undefined },
  context: IkeContext,
): Step {
  const ticket = context.ticket();
  const expireAt = later(context.now, SIGNATURE_MS);
  const { signs, noPpkAuth } = what;
  return {
    sa: { ...sa, round: { awaits: "signature", signs, noPpkAuth, ticket, expireAt } },
    effects: [{ kind: "signature", ticket, op }],
  };
}

function authDataOf(proof: readonly Payload[]): Uint8Array | undefined {
  return payloadOf(proof, "AUTH")?.data;
}

/** Our signature has been made, or could not be made. */
export function onOwnSignature(
  sa: Initiating,
  { signs, noPpkAuth }: AwaitingOurSignature,
  result: SignatureResult,
  context: IkeContext,
): Step {
  const proof = signedProof(sa.call.credentials, result);
  if (!proof.ok) return endCall(sa, proof.error);
  if (signs === "no-ppk-auth") return proveOurselves(sa, authDataOf(proof.value), context);
  return sendProof(sa, { proof: proof.value, noPpkAuth }, context);
}

type OurProof = {
  /** Our CERT and AUTH payloads. */
  readonly proof: readonly Payload[];
  readonly noPpkAuth: Uint8Array | undefined;
};

function sendProof(sa: Initiating, { proof, noPpkAuth }: OurProof, context: IkeContext): Step {
  const { half, call, path } = sa;
  const { credentials } = call;
  const { policy, ourIdentity } = credentials;
  const spiIn = context.espSpi();
  const isTransport = policy.transport && half.nat === "none";
  const anchors = anchorsOf(credentials);
  const payloads: Payload[] = [
    { kind: "IDi", identity: ourIdentity, body: identityBody(ourIdentity) },
    ...proof.filter(({ kind }) => kind === "CERT"),
    ...(call.initialContact ? [notify(NotifyType.INITIAL_CONTACT)] : []),
    ...(anchors === undefined ? [] : [certRequest(anchors.keyIds)]),
    { kind: "IDr", identity: call.peer, body: identityBody(call.peer) },
    ...proof.filter(({ kind }) => kind !== "CERT"),
    ...(isTransport ? [notify(NotifyType.USE_TRANSPORT_MODE)] : []),
    { kind: "SA", proposals: offerOf(call, spiIn) },
    { kind: "TSi", selectors: policy.local, unknown: 0 },
    { kind: "TSr", selectors: policy.remote, unknown: 0 },
    ...ppkNotifies(half, credentials.ppk, noPpkAuth),
    ...(half.peerMethods === undefined ? [] : [supportedAuthMethods(credentials.peer.kind)]),
  ];
  const messageId = half.window.outbound;
  const head = { exchangeType: ExchangeType.IKE_AUTH, response: false, messageId };
  const datagrams = sealMessage(half, head, payloads, context);
  const { retransmission } = credentials.settings;
  const inFlight = firstCopy(messageId, datagrams, retransmission, context);
  const asked = { kind: "ike-auth", spiIn } as const;
  const sent: HalfOpen = { ...half, window: afterRequest(half.window) };
  return {
    sa: { ...sa, half: sent, round: { awaits: "response", asked, inFlight } },
    effects: sends(datagrams, path),
  };
}

function offerOf(call: Call, spiIn: EspSpi) {
  const spi = spiOctets(spiIn);
  const { suites } = call.credentials.policy;
  return proposalsOf(suites, { protocol: Protocol.ESP, spi, withKe: false });
}

/** The peer must be the site that we called, and must prove it. */
export function onAuthResponse(
  sa: Initiating,
  { spiIn }: AskedAuth,
  read: Read,
  context: IkeContext,
): Step {
  if (read.kind === "faulty") return endCall(sa, read.refusal);
  const { payloads } = read;
  const idR = payloadOf(payloads, "IDr");
  const auth = payloadOf(payloads, "AUTH");
  if (idR === undefined || auth === undefined) {
    const error = errorNotifyOf(payloads);
    if (error !== undefined) return endCall(sa, refusedAuth(sa, error));
    return reject(sa, withoutProof(payloads, idR === undefined ? "IDr" : "AUTH"), context);
  }
  const accepted = acceptPpk(sa.half, sa.call.credentials.ppk, payloads);
  if (!accepted.ok) return reject(sa, accepted.error, context);
  const here: Initiating = { ...sa, half: accepted.value };
  const { half, call } = here;
  const { credentials } = call;
  if (!call.isPeer(idR.identity)) {
    const [expected, seen] = [call.peer, idR.identity].map(identityText);
    const refusal = { kind: "wrong-peer", expected: expected ?? "", seen: seen ?? "" } as const;
    return reject(here, refusal, context);
  }
  const certificates = certificatesIn(payloads);
  if (!certificates.ok) return reject(here, certificates.error, context);
  const response = { id: idR, auth, certificates: certificates.value, payloads };
  const judged = judgeProof(half, credentials, response);
  if (!judged.ok) return reject(here, judged.error, context);
  if (judged.value.kind === "done") {
    return onProven(here, { spiIn, response }, judged.value.value, context);
  }
  const ticket = context.ticket();
  const expireAt = later(context.now, SIGNATURE_MS);
  return {
    sa: { ...here, round: { awaits: "verification", spiIn, response, ticket, expireAt } },
    effects: [{ kind: "signature", ticket, op: judged.value.op }],
  };
}

/** Why the peer refuses us: our method, if it says that it does not accept that. */
function refusedAuth({ half, call }: Initiating, error: number): Refusal {
  const isProof = error === NotifyType.AUTHENTICATION_FAILED;
  const unfit = isProof ? unfitMethods(half, call.credentials.own) : undefined;
  return unfit ?? { kind: "peer-refused", notify: error, asked: "IKE_AUTH" };
}

function withoutProof(payloads: readonly Payload[], payload: "IDr" | "AUTH"): Refusal {
  const unreadable = unreadableOf(payloads, payload);
  if (unreadable !== undefined) return unreadableRefusal(unreadable, AUTH_RESPONSE);
  return { kind: "missing-payload", exchange: AUTH_RESPONSE, payload };
}

const AUTH_RESPONSE = "IKE_AUTH response";

/** The peer's signature and certificate have been verified, or are wrong. */
export function onPeerVerified(
  sa: Initiating,
  round: AwaitingPeerVerification,
  result: SignatureResult,
  context: IkeContext,
): Step {
  const judged = judgeHolder(round.response, result);
  return judged.ok ? onProven(sa, round, judged.value, context) : reject(sa, judged.error, context);
}

/** Both ends are authenticated. */
function onProven(
  sa: Initiating,
  { spiIn, response }: Answered,
  { holder }: Proven,
  context: IkeContext,
): Step {
  const { half, call } = sa;
  const { id, payloads } = response;
  wipeCredentials(call.credentials);
  const established = establishedOf(sa, id, payloads, context);
  const to = established.redirect === "followed" ? gatewayIn(payloads) : undefined;
  if (to !== undefined) return closeAs(established, { kind: "redirected", to }, context);
  const effects: IkeEffect[] = [
    { kind: "authenticated", initialContact: call.initialContact, holder },
    okNote("IKE_AUTH", "established", ikeAlgorithmsText(half.algorithms)),
  ];
  return startFirstChild(sa, established, { spiIn, payloads, effects }, context);
}

/** The response, and our SPI of the Child SA that it may grant. */
type Answered = Pick<AwaitingPeerVerification, "spiIn" | "response">;

function establishedOf(
  sa: Initiating,
  { identity }: IdPayload,
  payloads: readonly Payload[],
  context: IkeContext,
): Established {
  const { half, path, call } = sa;
  const { id, nat, algorithms, fragmentOctets } = half;
  const keys = keysAfterProof(half.keys);
  const established = newEstablished(
    {
      id,
      path,
      nat,
      algorithms,
      keys,
      fragmentOctets,
      fragments: afterAuth(half.fragments),
      usesPpk: hasPpk(half),
      hasFullTranscript: half.transcript.isFull,
      peer: { idType: identity.idType, data: identity.data.slice() },
      mobike: false,
      redirect: call.credentials.settings.followRedirect ? "followed" : "none",
      inbound: { nextId: half.window.inbound, lastResponse: undefined, path },
      outbound: { nextId: half.window.outbound, inFlight: undefined },
    },
    { ...call.credentials, settings: withAuthLifetime(call.credentials.settings, payloads) },
    context,
  );
  return established;
}

type FirstChild = {
  readonly spiIn: EspSpi;
  readonly payloads: readonly Payload[];
  readonly effects: readonly IkeEffect[];
};

/** An IKE SA that we began is deleted if there is no first Child SA: it is of no use (§1.2). */
function startFirstChild(
  sa: Initiating,
  established: Established,
  first: FirstChild,
  context: IkeContext,
): Step {
  const granted = grantedOf(sa, first);
  if (!granted.ok) {
    const note = failedNote("IKE_AUTH", granted.error);
    const closed = close(established, "no-child-sa", context);
    return { sa: closed.sa, effects: [...first.effects, note, ...closed.effects] };
  }
  const { half, call } = sa;
  const { spiIn } = first;
  const { prf } = half.algorithms;
  const secrets = { prf, SK_d: half.keys.SK_d, sharedSecret: new Uint8Array(0) };
  const ours = { granted: granted.value, spiIn, Ni: half.Ni, replaces: undefined };
  const made = grantedChild(ours, secrets, call.credentials.policy, context);
  const ticket = context.ticket();
  const { child } = made;
  const kind = "child-install";
  const begun = { isRedundant: false, isDeleted: false };
  const asking = { kind, ticket, child, rival: undefined, ...begun } as const;
  return {
    sa: { ...established, asking },
    effects: [...first.effects, childUp(ticket, made, { inboundOnly: false, isOurs: false })],
  };
}

function grantedOf(
  { call, half }: Initiating,
  { spiIn, payloads }: FirstChild,
): Result<GrantedChild, Refusal> {
  const { policy } = call.credentials;
  const error = errorNotifyOf(payloads);
  if (error !== undefined) {
    const because = offeredText(error, offerOf(call, spiIn));
    return err({ kind: "peer-refused", notify: error, asked: "the first Child SA", ...because });
  }
  const mode = policy.transport && half.nat === "none" ? "transport" : "tunnel";
  const asked = { local: policy.local, remote: policy.remote, mode } as const;
  const where = { nat: half.nat, exchange: AUTH_RESPONSE };
  const selectors = grantedSelectors(asked, payloads, where);
  if (!selectors.ok) return selectors;
  const answer = neededPayload(payloads, "SA", AUTH_RESPONSE);
  if (!answer.ok) return answer;
  const { proposals } = answer.value;
  const chosen = chooseEsp(proposals, policy.suites, { withKe: false, sentKe: undefined });
  if (!chosen.ok || !isAnswerTo(offerOf(call, spiIn), proposals)) {
    const detail = "it grants algorithms that were not offered";
    return err({ kind: "malformed", where: "SA payload of IKE_AUTH response", detail });
  }
  return ok({ ...selectors.value, chosen: chosen.value, Nr: half.Nr });
}

/** The peer regards the IKE SA as established: we tell it that it is not (§2.21.2). */
export function reject(sa: Initiating, refusal: Refusal, context: IkeContext): Step {
  const { half, path } = sa;
  const notice = notifyFor(refusal) ?? notify(NotifyType.AUTHENTICATION_FAILED);
  const messageId = half.window.outbound;
  const head = { exchangeType: ExchangeType.INFORMATIONAL, response: false, messageId };
  const datagrams = sealMessage(half, head, [notice], context);
  const ended = endCall(sa, refusal);
  wipeHalfOpenKeys(half.keys);
  return { sa: ended.sa, effects: [...sends(datagrams, path), ...ended.effects] };
}
