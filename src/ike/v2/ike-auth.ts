/** IKE_AUTH as responder, with a pre-shared key (RFC 7296 §1.2, §2.15, §2.21.2). */

import { type Instant, later } from "../../octets/instant.ts";
import type { Result } from "../../octets/result.ts";
import { equalConstantTime, wipe } from "../../octets/secret.ts";
import { Writer } from "../../octets/writer.ts";
import { ExchangeType } from "../../wire/exchange-type.ts";
import type { IkeHeader } from "../../wire/header.ts";
import type { IdPayload, Payload } from "../../wire/message.ts";
import { NotifyType } from "../../wire/notify-type.ts";
import { identityBody } from "../../wire/payload/id.ts";
import { ikeAlgorithmsText } from "../algorithms.ts";
import { AUTH_METHOD_PSK, pskAuth } from "../auth.ts";
import type { IkeContext, IkeEffect, Step } from "../effect.ts";
import type { Credentials } from "../event.ts";
import { wipeIkeKeys } from "../keys.ts";
import { REFUSAL_ANSWER_MS } from "../limits.ts";
import type {
  AuthRequest,
  AwaitingAuth,
  AwaitingCredentials,
  Established,
  HalfOpen,
} from "../phase.ts";
import { sealMessage } from "../protect.ts";
import { notify, notifyFor, type Refusal } from "../refusal.ts";
import { answer, failedNote, okNote } from "./answer.ts";
import { addressesText, configurationRequestOf, configure } from "./configuration.ts";
import { newEstablished } from "./established.ts";
import { notifyOf, payloadOf } from "./find-payload.ts";
import { childText, childUp, makeChild, planChild } from "./make-child-sa.ts";

// Initiator                        Responder
// HDR, SK {IDi, [IDr,] AUTH, SAi2, TSi, TSr} -->
//                             <--  HDR, SK {IDr, AUTH, SAr2, TSi, TSr}

/** The request is authentic as a message; whose it is has to be found out. */
export function onAuthRequest(
  sa: AwaitingAuth,
  header: IkeHeader,
  payloads: readonly Payload[],
  context: IkeContext,
): Step {
  const request = authRequestOf(header, payloads, context.now);
  if ("kind" in request) {
    return refuseAuth(
      sa,
      { messageId: header.messageId, arrivedAt: context.now },
      request,
      context,
    );
  }
  const ticket = context.ticket();
  const { path, half } = sa;
  return {
    sa: { phase: "awaiting-credentials", path, half, request, ticket },
    effects: [
      { kind: "identify", ticket, peer: request.idI.identity, algorithms: half.algorithms },
    ],
  };
}

/** The site's key is at hand, or there is none. */
export function onCredentials(
  sa: AwaitingCredentials,
  result: Result<Credentials, Refusal>,
  context: IkeContext,
): Step {
  if (!result.ok) return refuseAuth(sa, sa.request, result.error, context);
  const { half, request } = sa;
  const credentials = result.value;
  const { prf } = half.algorithms;
  const expected = pskAuth(prf, credentials.psk, {
    message: half.request,
    nonce: half.Nr,
    SK_p: half.keys.SK_pi,
    idBody: request.idI.body,
  });
  const isRight =
    request.auth.method === AUTH_METHOD_PSK && equalConstantTime(expected, request.auth.data);
  if (!isRight) {
    wipe(credentials.psk);
    const refusal: Refusal =
      request.auth.method === AUTH_METHOD_PSK
        ? { kind: "wrong-psk" }
        : { kind: "auth-method", method: request.auth.method };
    return refuseAuth(sa, request, refusal, context);
  }
  const ourId = credentials.ourIdentity;
  const body = identityBody(ourId);
  const AUTH = pskAuth(prf, credentials.psk, {
    message: half.response,
    nonce: half.Ni,
    SK_p: half.keys.SK_pr,
    idBody: body,
  });
  wipe(credentials.psk, half.keys.SK_pi, half.keys.SK_pr);
  const { reauthMs } = credentials.settings;
  const head: Payload[] = [
    { kind: "IDr", identity: ourId, body },
    { kind: "AUTH", method: AUTH_METHOD_PSK, data: AUTH },
    ...(request.mobike && credentials.settings.mobike ? [notify(NotifyType.MOBIKE_SUPPORTED)] : []),
    ...(reauthMs === undefined ? [] : [authLifetime(reauthMs)]),
  ];
  const established = establishedOf(sa, credentials, context);
  const effects: IkeEffect[] = [
    { kind: "authenticated", initialContact: request.initialContact },
    okNote("IKE_AUTH", "established", ikeAlgorithmsText(half.algorithms)),
  ];
  return startFirstChild(established, { half, request, head, effects }, context);
}

function establishedOf(
  sa: AwaitingCredentials,
  credentials: Credentials,
  context: IkeContext,
): Established {
  const { half, request, path } = sa;
  const { identity } = request.idI;
  return newEstablished(
    {
      id: half.id,
      path,
      nat: half.nat,
      algorithms: half.algorithms,
      keys: half.keys,
      peer: { idType: identity.idType, data: identity.data },
      fragmentOctets: credentials.settings.fragmentation ? half.fragmentOctets : undefined,
      mobike: request.mobike && credentials.settings.mobike,
      inbound: { nextId: request.messageId, lastResponse: undefined, path },
      outbound: { nextId: 0, inFlight: undefined },
    },
    credentials,
    context,
  );
}

type FirstChild = {
  readonly half: HalfOpen;
  readonly request: AuthRequest;
  readonly head: readonly Payload[];
  readonly effects: readonly IkeEffect[];
};

/** What the site asks to be told comes before its Child SA (§2.19). */
function startFirstChild(sa: Established, first: FirstChild, context: IkeContext): Step {
  const configured = configure(first.request.configuration, sa.policy);
  if (!configured.ok) return refuseFirstChild(sa, first, configured.error, context);
  const { reply, addresses } = configured.value;
  const head = reply === undefined ? first.head : [...first.head, reply];
  const note = okNote("IKE_AUTH", "inner-address", `given ${addressesText(addresses)}`);
  const effects = addresses.length === 0 ? first.effects : [...first.effects, note];
  return makeFirstChild(sa, { ...first, head, effects }, context);
}

function makeFirstChild(sa: Established, first: FirstChild, context: IkeContext): Step {
  const { half, request, head, effects } = first;
  const { messageId } = request;
  const to = { exchangeType: ExchangeType.IKE_AUTH, messageId };
  if (request.sa === undefined || request.tsI === undefined || request.tsR === undefined) {
    // Childless (RFC 6023), or a site that means to add its Child SA later.
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
  const { prf } = half.algorithms;
  const secrets = { prf, SK_d: half.keys.SK_d, sharedSecret: new Uint8Array(0), Nr: half.Nr };
  const made = makeChild(plan.value, secrets, sa.policy, context);
  const ticket = context.ticket();
  return {
    sa: { ...sa, serving: { kind: "ike-auth", messageId, ticket, head, child: made.answer } },
    effects: [...effects, childUp(ticket, { child: made.answer.sa, keys: made.keys }, false)],
  };
}

/** The first Child SA is in the kernel, or was refused by it: either way the site is answered. */
export function onFirstChildInstalled(
  sa: Established,
  serving: Extract<Established["serving"], { kind: "ike-auth" }>,
  result: Result<undefined, Refusal>,
  context: IkeContext,
): Step {
  const to = { exchangeType: ExchangeType.IKE_AUTH, messageId: serving.messageId };
  if (!result.ok) {
    const payloads = [...serving.head, ...noticeOf(result.error)];
    const answered = answer(sa, to, payloads, context);
    const note = failedNote("IKE_AUTH", result.error);
    return { sa: answered.sa, effects: [...answered.effects, note] };
  }
  const { child } = serving;
  const answered = answer(sa, to, [...serving.head, ...child.payloads], context);
  return {
    sa: { ...answered.sa, children: [...sa.children, child.sa] },
    effects: [...answered.effects, okNote("IKE_AUTH", "child-sa-up", childText(child.sa))],
  };
}

/** The IKE SA stands although its first Child SA does not (§1.2). */
function refuseFirstChild(
  sa: Established,
  first: FirstChild,
  refusal: Refusal,
  context: IkeContext,
): Step {
  const to = { exchangeType: ExchangeType.IKE_AUTH, messageId: first.request.messageId };
  const payloads = [...first.head, ...noticeOf(refusal)];
  const answered = answer(sa, to, payloads, context);
  const effects = [...first.effects, ...answered.effects, failedNote("IKE_AUTH", refusal)];
  return { sa: answered.sa, effects };
}

/**
 * Ends the negotiation. The answer goes out on the next multiple of {@link REFUSAL_ANSWER_MS}
 * after the request, whatever failed: an unknown ID and a wrong key look the same (R6, §2.21.2).
 */
export function refuseAuth(
  sa: AwaitingAuth | AwaitingCredentials,
  to: { readonly messageId: number; readonly arrivedAt: Instant },
  refusal: Refusal,
  context: IkeContext,
): Step {
  const { half, path } = sa;
  const { messageId } = to;
  const head = { exchangeType: ExchangeType.IKE_AUTH, response: true, messageId };
  const response = sealMessage(half, head, noticeOf(refusal), context);
  wipeIkeKeys(half.keys);
  const steps = Math.floor((context.now - to.arrivedAt) / REFUSAL_ANSWER_MS) + 1;
  const answerAt = later(to.arrivedAt, steps * REFUSAL_ANSWER_MS);
  return {
    sa: { phase: "refusing", id: half.id, path, messageId, response, answerAt },
    effects: [
      { kind: "count", counter: "authentication_failures" },
      failedNote("IKE_AUTH", refusal),
      { kind: "ended", reason: { kind: "refused", refusal } },
    ],
  };
}

function authRequestOf(
  header: IkeHeader,
  payloads: readonly Payload[],
  now: Instant,
): AuthRequest | Refusal {
  const idI = payloads.find((p): p is IdPayload => p.kind === "IDi");
  if (idI === undefined) {
    return { kind: "missing-payload", exchange: "IKE_AUTH", payload: "IDi" };
  }
  const auth = payloadOf(payloads, "AUTH");
  // Without AUTH the site asks for EAP (§2.16).
  if (auth === undefined) return { kind: "auth-method", method: 0 };
  const tsI = payloads.find((p) => p.kind === "TSi");
  const tsR = payloads.find((p) => p.kind === "TSr");
  return {
    arrivedAt: now,
    messageId: header.messageId,
    idI: copyId(idI),
    auth: { kind: "AUTH", method: auth.method, data: auth.data.slice() },
    sa: payloadOf(payloads, "SA"),
    tsI: tsI?.kind === "TSi" ? tsI : undefined,
    tsR: tsR?.kind === "TSr" ? tsR : undefined,
    initialContact: notifyOf(payloads, NotifyType.INITIAL_CONTACT) !== undefined,
    wantsTransport: notifyOf(payloads, NotifyType.USE_TRANSPORT_MODE) !== undefined,
    mobike: notifyOf(payloads, NotifyType.MOBIKE_SUPPORTED) !== undefined,
    configuration: configurationRequestOf(payloads),
  };
}

function noticeOf(refusal: Refusal): readonly Payload[] {
  const notice = notifyFor(refusal);
  return notice === undefined ? [] : [notice];
}

/** AUTH_LIFETIME: after so long the site has to authenticate anew, or is deleted (RFC 4478). */
function authLifetime(ms: number): Payload {
  return notify(NotifyType.AUTH_LIFETIME, new Writer(4).u32(Math.floor(ms / 1000)).done());
}

/** A copy of its own: it outlives the datagram. */
function copyId(payload: IdPayload): IdPayload {
  const { identity, body } = payload;
  return {
    kind: payload.kind,
    identity: { idType: identity.idType, data: identity.data.slice() },
    body: body.slice(),
  };
}
