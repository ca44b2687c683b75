/** IKE_AUTH as responder (RFC 7296 §1.2, §2.15, §2.21.2). */

import { sha256 } from "../../crypto/hash.ts";
import type { SignatureResult } from "../../crypto/signature.ts";
import { equalOctets } from "../../octets/concat.ts";
import { type Instant, later } from "../../octets/instant.ts";
import type { Result } from "../../octets/result.ts";
import { Writer } from "../../octets/writer.ts";
import type { IkeHeader } from "../../wire/header.ts";
import { ExchangeType } from "../../wire/v2/exchange-type.ts";
import type { Payload } from "../../wire/v2/message.ts";
import { NotifyType } from "../../wire/v2/notify-type.ts";
import { identityBody } from "../../wire/v2/payload/id.ts";
import { ikeAlgorithmsText } from "../algorithms.ts";
import { wipeCredentials } from "../credentials.ts";
import type { IkeContext } from "../effect.ts";
import type { Credentials } from "../event.ts";
import type { Refusal } from "../refusal.ts";
import { answer, failedNote, okNote } from "./answer.ts";
import { authContentOf } from "./auth-content.ts";
import { unfitMethods, unfitNote } from "./auth-methods.ts";
import { addressesText, configure } from "./configuration.ts";
import { newEstablished } from "./established.ts";
import type { Established } from "./established-phase.ts";
import { expectsOtherNote, otherIdOf } from "./expected-id.ts";
import { makeFirstChild, refusedFirstChild } from "./first-child.ts";
import type { HalfOpen } from "./half-open.ts";
import { holdAuth, isUnanswered, notTheRepeat } from "./hold-auth.ts";
import { agreedFragments } from "./ike-sa-init.ts";
import { keysAfterProof, wipeHalfOpenKeys } from "./keys.ts";
import { childText, leftOutNotes, planChild } from "./make-child-sa.ts";
import { notify, notifyFor } from "./notify.ts";
import { hasPpk, settlePpk, withSettledPpk, wrongWithPpk } from "./ppk.ts";
import { judgeHolder, judgeProof, ownProof, signedProof } from "./proof.ts";
import { type Read, sealMessage } from "./protect.ts";
import type {
  AuthRequest,
  AwaitingSignature,
  AwaitingVerification,
  Responding,
} from "./responder-phase.ts";
import type { IkeEffect, Step } from "./step.ts";

// Initiator                        Responder
// HDR, SK {IDi, [CERT,] [CERTREQ,] [IDr,] AUTH, SAi2, TSi, TSr} -->
//                             <--  HDR, SK {IDr, [CERT,] AUTH, SAr2, TSi, TSr}

/** The message is authentic; which site sent it is still to be found out. */
export function onAuthRequest(
  sa: Responding,
  header: IkeHeader,
  read: Read,
  context: IkeContext,
): Step {
  const to = { messageId: header.messageId, arrivedAt: context.now };
  if (read.kind === "faulty") return refuseAuth(sa, to, read.refusal, context);
  const { payloads, inner } = read;
  const digest = sha256(inner);
  const held = sa.round.awaits === "repeat" ? sa.round.held : undefined;
  if (held !== undefined && !equalOctets(held.digest, digest)) return notTheRepeat(sa);
  const content = authContentOf(payloads, sa.half);
  if ("kind" in content) return refuseAuth(sa, to, content, context);
  const request: AuthRequest = { ...content, ...to, octets: inner.length, digest, held };
  const ticket = context.ticket();
  const { algorithms } = sa.half;
  const peer = request.idI.identity;
  const exchange = "IKE_AUTH";
  return {
    sa: { ...sa, round: { awaits: "credentials", request, ticket } },
    effects: [{ kind: "identify", ticket, peer, algorithms, exchange }],
  };
}

/** The site's credentials have been found, or it is unknown. */
export function onCredentials(
  sa: Responding,
  asked: AuthRequest,
  result: Result<Credentials, Refusal>,
  context: IkeContext,
): Step {
  if (!result.ok) {
    return refuseRequest(sa, asked, { refusal: result.error, isSilent: false }, context);
  }
  const credentials = result.value;
  const { isSilent } = credentials;
  const told: HalfOpen = { ...sa.half, peerMethods: asked.methods };
  const settled = settlePpk(told, asked, credentials.ppk);
  if (!settled.ok) {
    wipeCredentials(credentials);
    return refuseRequest(sa, asked, { refusal: settled.error, isSilent }, context);
  }
  const { half, request } = settled.value;
  const here: Responding = { ...sa, half };
  const { auth, certificates, idI } = request;
  const judged = judgeProof(half, credentials, { id: idI, auth, certificates });
  if (!judged.ok) {
    const refusal = wrongWithPpk(judged.error, half, request, credentials);
    wipeCredentials(credentials);
    return refuseRequest(here, request, { refusal, isSilent }, context);
  }
  if (judged.value.kind === "done") {
    return onProven(here, { request, credentials, holder: undefined }, context);
  }
  const ticket = context.ticket();
  const { op } = judged.value;
  return {
    sa: { ...here, round: { awaits: "verification", request, credentials, ticket } },
    effects: [{ kind: "signature", ticket, op }],
  };
}

/** The site's signature and certificate have been verified, or are wrong. */
export function onVerified(
  sa: Responding,
  { request, credentials }: AwaitingVerification,
  result: SignatureResult,
  context: IkeContext,
): Step {
  const { auth, certificates, idI } = request;
  const judged = judgeHolder({ id: idI, auth, certificates }, result);
  if (!judged.ok) {
    const refusal = wrongWithPpk(judged.error, sa.half, request, credentials);
    const { isSilent } = credentials;
    wipeCredentials(credentials);
    return refuseRequest(sa, request, { refusal, isSilent }, context);
  }
  const { holder } = judged.value;
  return onProven(sa, { request, credentials, holder }, context);
}

/** Our signature has been made, or could not be made. */
export function onSigned(
  sa: Responding,
  site: AwaitingSignature,
  result: SignatureResult,
  context: IkeContext,
): Step {
  const { request, credentials } = site;
  const proof = signedProof(credentials, result);
  if (!proof.ok) {
    const { isSilent } = credentials;
    wipeCredentials(credentials);
    return refuseRequest(sa, request, { refusal: proof.error, isSilent }, context);
  }
  return establish(sa, site, proof.value, context);
}

/** An authenticated site. */
type ProvenSite = Pick<AwaitingSignature, "request" | "credentials" | "holder">;

/** The site has proved who it is: now we do the same. */
function onProven(sa: Responding, site: ProvenSite, context: IkeContext): Step {
  const { request, credentials, holder } = site;
  if (credentials.obstacle !== undefined) {
    wipeCredentials(credentials);
    const held = holdAuth(sa, request, credentials.obstacle, context);
    return { sa: held.sa, effects: [{ kind: "held-back" }, ...held.effects] };
  }
  const proof = ownProof(sa.half, credentials, identityBody(credentials.ourIdentity));
  if (proof.kind === "done") return establish(sa, site, proof.value, context);
  const ticket = context.ticket();
  return {
    sa: { ...sa, round: { awaits: "signature", request, credentials, holder, ticket } },
    effects: [{ kind: "signature", ticket, op: proof.op }],
  };
}

/** Both ends are authenticated. `proof`: our CERT and AUTH payloads. */
function establish(
  sa: Responding,
  site: ProvenSite,
  proof: readonly Payload[],
  context: IkeContext,
): Step {
  const half = withSettledPpk(sa.half);
  const { request, credentials, holder } = site;
  const unfit = unfitMethods(half, credentials.own);
  wipeCredentials(credentials);
  const { ourIdentity, settings } = credentials;
  const { reauthMs } = settings;
  const head: Payload[] = [
    { kind: "IDr", identity: ourIdentity, body: identityBody(ourIdentity) },
    ...proof,
  ];
  if (request.mobike && settings.mobike) head.push(notify(NotifyType.MOBIKE_SUPPORTED));
  if (reauthMs !== undefined) head.push(authLifetime(reauthMs));
  if (half.ppk === "used") head.push(notify(NotifyType.PPK_IDENTITY));
  const otherId = otherIdOf(request.idR, ourIdentity);
  const made = establishedOf({ ...sa, half }, site, context);
  const established = otherId === undefined ? made : { ...made, otherId };
  const effects: IkeEffect[] = [
    { kind: "authenticated", initialContact: request.initialContact, holder },
    okNote("IKE_AUTH", "established", ikeAlgorithmsText(half.algorithms)),
  ];
  if (otherId !== undefined) effects.push(expectsOtherNote(otherId));
  if (unfit !== undefined) effects.push(unfitNote(unfit));
  const until = sa.expireAt;
  return startFirstChild(established, { half, request, head, effects, until }, context);
}

function establishedOf(sa: Responding, site: ProvenSite, context: IkeContext): Established {
  const { half, path, redirect } = sa;
  const { request, credentials } = site;
  const { identity } = request.idI;
  return newEstablished(
    {
      id: half.id,
      path,
      nat: half.nat,
      algorithms: half.algorithms,
      keys: keysAfterProof(half.keys),
      usesPpk: hasPpk(half),
      hasFullTranscript: half.transcript.isFull,
      peer: { idType: identity.idType, data: identity.data },
      ...agreedFragments(half, credentials.settings),
      mobike: request.mobike && credentials.settings.mobike,
      redirect,
      inbound: { nextId: request.messageId, lastResponse: undefined, path },
      outbound: { nextId: half.window.outbound, inFlight: undefined },
    },
    credentials,
    context,
  );
}

type FirstAnswer = {
  readonly half: HalfOpen;
  readonly request: AuthRequest;
  readonly head: readonly Payload[];
  readonly effects: readonly IkeEffect[];
  /** When the negotiation's time is over. */
  readonly until: Instant;
};

/** The configuration that the site asks for comes before its Child SA (§2.19). */
function startFirstChild(sa: Established, first: FirstAnswer, context: IkeContext): Step {
  const configured = configure(first.request.configuration, sa.policy);
  if (!configured.ok) return refuseFirstChild(sa, first, configured.error, context);
  const { reply, addresses } = configured.value;
  const head = reply === undefined ? first.head : [...first.head, reply];
  const note = okNote("IKE_AUTH", "inner-address", `given ${addressesText(addresses)}`);
  const effects = addresses.length === 0 ? first.effects : [...first.effects, note];
  return planFirstChild(sa, { ...first, head, effects }, context);
}

function planFirstChild(sa: Established, first: FirstAnswer, context: IkeContext): Step {
  const { half, request, head, effects, until } = first;
  const { messageId } = request;
  const to = { exchangeType: ExchangeType.IKE_AUTH, messageId };
  if (request.childFault !== undefined) {
    return refuseFirstChild(sa, first, request.childFault, context);
  }
  if (request.sa === undefined || request.tsI === undefined || request.tsR === undefined) {
    // The site wants no Child SA, or asks for it later (RFC 6023).
    const answered = answer(sa, to, head, context);
    return { sa: answered.sa, effects: [...effects, ...answered.effects] };
  }
  const plan = planChild(
    {
      sa: request.sa,
      tsI: request.tsI,
      tsR: request.tsR,
      Ni: half.Ni,
      sentKe: undefined,
      withKe: false,
      wantsTransport: request.wantsTransport && sa.nat === "none",
      replaces: undefined,
      reply: undefined,
    },
    sa.policy,
  );
  if (!plan.ok) return refuseFirstChild(sa, first, plan.error, context);
  const { digest } = request;
  const wish = { head, plan: plan.value, Nr: half.Nr, digest, held: undefined };
  const making = makeFirstChild(sa, messageId, { ...wish, until }, context);
  const notes = leftOutNotes("IKE_AUTH", plan.value);
  return { sa: making.sa, effects: [...effects, ...notes, ...making.effects] };
}

/** The kernel has installed the first Child SA, or refused it. */
export function onFirstChildInstalled(
  sa: Established,
  serving: Extract<Established["serving"], { kind: "ike-auth" }>,
  result: Result<undefined, Refusal>,
  context: IkeContext,
): Step {
  if (!result.ok) return refusedFirstChild(sa, serving, result.error, context);
  const to = { exchangeType: ExchangeType.IKE_AUTH, messageId: serving.messageId };
  const { sa: child, payloads } = serving.child;
  const answered = answer(sa, to, [...serving.first.head, ...payloads], context);
  const note = okNote("IKE_AUTH", "child-sa-up", childText(child));
  const children = [...sa.children, child];
  return { sa: { ...answered.sa, children }, effects: [...answered.effects, note] };
}

/** The IKE SA is established without its first Child SA (§1.2). */
function refuseFirstChild(
  sa: Established,
  first: FirstAnswer,
  refusal: Refusal,
  context: IkeContext,
): Step {
  const to = { exchangeType: ExchangeType.IKE_AUTH, messageId: first.request.messageId };
  const payloads = [...first.head, ...noticeOf(refusal)];
  const answered = answer(sa, to, payloads, context);
  const effects = [...first.effects, ...answered.effects, failedNote("IKE_AUTH", refusal)];
  return { sa: answered.sa, effects };
}

/** Refuses the request, or leaves it unanswered if that is better for the site. */
function refuseRequest(
  sa: Responding,
  request: AuthRequest,
  { refusal, isSilent }: { readonly refusal: Refusal; readonly isSilent: boolean },
  context: IkeContext,
): Step {
  return isUnanswered(refusal, isSilent)
    ? holdAuth(sa, request, refusal, context)
    : refuseAuth(sa, request, refusal, context);
}

/**
 * Ends the negotiation. The answer goes out on the next multiple of {@link IkeContext.refusalMs}
 * after the request, whatever failed: an unknown ID and a wrong key look alike (R6, §2.21.2).
 */
function refuseAuth(
  sa: Responding,
  to: { readonly messageId: number; readonly arrivedAt: Instant },
  refusal: Refusal,
  context: IkeContext,
): Step {
  const { half, path } = sa;
  const { messageId } = to;
  const head = { exchangeType: ExchangeType.IKE_AUTH, response: true, messageId };
  const response = sealMessage(half, head, noticeOf(refusal), context);
  wipeHalfOpenKeys(half.keys);
  const { refusalMs } = context;
  const steps = Math.floor((context.now - to.arrivedAt) / refusalMs) + 1;
  const answerAt = later(to.arrivedAt, steps * refusalMs);
  return {
    sa: { phase: "refusing", id: half.id, path, messageId, response, answerAt },
    effects: [
      { kind: "count", counter: "authentication_failures" },
      failedNote("IKE_AUTH", refusal),
      { kind: "ended", reason: { kind: "refused", refusal } },
    ],
  };
}

function noticeOf(refusal: Refusal): readonly Payload[] {
  const notice = notifyFor(refusal);
  return notice === undefined ? [] : [notice];
}

/** AUTH_LIFETIME: the site must reauthenticate within this time (RFC 4478). */
function authLifetime(ms: number): Payload {
  return notify(NotifyType.AUTH_LIFETIME, new Writer(4).u32(Math.floor(ms / 1000)).done());
}
