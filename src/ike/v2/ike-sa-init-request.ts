/** IKE_SA_INIT as initiator: we call a site (RFC 7296 §1.2, §2.6, §2.7, §2.23). */

import { type KeyExchangeResult, privateOctets } from "../../crypto/key-exchange.ts";
import { transformName } from "../../crypto/names.ts";
import { TransformType } from "../../crypto/transform.ts";
import { wipe } from "../../octets/secret.ts";
import { asIkeSpi, IKE_HEADER_OCTETS, type IkeHeader } from "../../wire/header.ts";
import { emitMessage } from "../../wire/v2/emit-message.ts";
import { ExchangeType } from "../../wire/v2/exchange-type.ts";
import { type NotifyPayload, type Payload, Protocol } from "../../wire/v2/message.ts";
import { NotifyType } from "../../wire/v2/notify-type.ts";
import { parsePayloads } from "../../wire/v2/payload-chain.ts";
import { keyExchangeRefusal } from "../busy.ts";
import { anchorsOf, wipeCredentials } from "../credentials.ts";
import type { IkeContext } from "../effect.ts";
import type { Call } from "../event.ts";
import { CALL_ATTEMPTS_MAX, DETOURS_MAX, NONCE_OCTETS } from "../limits.ts";
import type { Refusal } from "../refusal.ts";
import { endCall } from "./answer.ts";
import { peerMethodsOf } from "./auth-methods.ts";
import { errorNotifyOf, neededPayload, notifyOf, wantedMethodOf } from "./find-payload.ts";
import type { HalfOpen } from "./half-open.ts";
import {
  fragmentationSupported,
  fragmentOctetsFor,
  fragmentOctetsOf,
  intermediateSupported,
  noFragmentsYet,
  saysIntermediate,
} from "./ike-sa-init.ts";
import type {
  AwaitingInitResponse,
  AwaitingPublicValue,
  AwaitingSharedSecret,
  Calling,
} from "./initiator-phase.ts";
import { deriveIkeKeys, skeyseed } from "./keys.ts";
import { detectNat, natDetectionNotifies } from "./nat.ts";
import { notify } from "./notify.ts";
import { ppkUnsupported, saysUsePpk, usePpk } from "./ppk.ts";
import { saysUsePpkInt, usePpkInt } from "./ppk-intermediate.ts";
import type { PpkWay } from "./ppk-keys.ts";
import { hashAlgorithms, hashAlgorithmsOf } from "./proof.ts";
import {
  allowsMethod,
  chooseIke,
  firstMethod,
  isAnswerTo,
  offersAdditional,
  proposalsOf,
} from "./proposal.ts";
import { offeredText } from "./proposal-text.ts";
import { gatewayFor, redirectOffer } from "./redirect.ts";
import { firstCopy } from "./request.ts";
import { roundsAfterInit } from "./round.ts";
import type { Step } from "./step.ts";
import { fullTranscriptAuth, saysFullTranscriptAuth, transcriptOf } from "./transcript.ts";
import { afterRequest, FIRST_MESSAGE_ID, NEW_WINDOW } from "./window.ts";

// Initiator                        Responder
// HDR, SAi1, KEi, Ni -->
//                             <--  HDR, N(COOKIE)
// HDR, N(COOKIE), SAi1, KEi, Ni -->
//                             <--  HDR, SAr1, KEr, Nr

/** Begins a call by making our public value. */
export function beginCall(call: Call, context: IkeContext): Step {
  const method = firstMethod(call.credentials.policy.ikeSuites);
  const id = { spiI: context.ikeSpi(), spiR: asIkeSpi(0n), role: "initiator" } as const;
  const Ni = context.random(NONCE_OCTETS);
  const calling: Calling = {
    id,
    path: call.path,
    call,
    Ni,
    method,
    privateOctets: context.random(privateOctets(method)),
    cookie: undefined,
    detours: 0,
  };
  return makePublicValue(calling, context);
}

function makePublicValue(calling: Calling, context: IkeContext): Step {
  const ticket = context.ticket();
  const { id, path, method } = calling;
  const op = { op: "offer", method, random: calling.privateOctets.slice() } as const;
  return {
    sa: { phase: "awaiting-public-value", id, path, calling, ticket },
    effects: [{ kind: "key-exchange", ticket, op }],
  };
}

/** Our public value is ready: sends the request. */
export function onCallPublicValue(
  sa: AwaitingPublicValue,
  result: KeyExchangeResult,
  context: IkeContext,
): Step {
  if (result.ok) return send(sa.calling, result.value.publicValue, context);
  return endCall(sa, keyExchangeRefusal(result.error));
}

function send(calling: Calling, publicValue: Uint8Array, context: IkeContext): Step {
  const { id, path, call } = calling;
  const retransmission = { ...call.credentials.settings.retransmission };
  const attemptsMax = Math.min(retransmission.attemptsMax, CALL_ATTEMPTS_MAX);
  const request = requestOf(calling, publicValue);
  const inFlight = firstCopy(
    FIRST_MESSAGE_ID,
    [request],
    { ...retransmission, attemptsMax },
    context,
  );
  const phase = "awaiting-init-response";
  return {
    sa: { phase, id, path, calling, publicValue, request, inFlight, hint: undefined },
    effects: [{ kind: "send", octets: request, path }],
  };
}

/** The request, which differs after a cookie only in the cookie (§2.6). */
function requestOf(calling: Calling, publicValue: Uint8Array): Uint8Array {
  const { id, path, call, cookie, method, Ni } = calling;
  const proposals = offerOf(call);
  const payloads: Payload[] = [
    ...(cookie === undefined ? [] : [notify(NotifyType.COOKIE, cookie)]),
    { kind: "SA", proposals },
    { kind: "KE", method, data: publicValue },
    { kind: "NONCE", data: Ni },
    ...natDetectionNotifies(id.spiI, id.spiR, path),
    ...(anchorsOf(call.credentials) === undefined ? [] : [hashAlgorithms()]),
    ...(call.credentials.settings.fragmentation ? [fragmentationSupported()] : []),
    ...(call.credentials.ppk === undefined ? [] : [usePpk()]),
    ...(offersPpkInt(call) ? [usePpkInt()] : []),
    ...(offersAdditional(proposals) || offersPpkInt(call) ? [intermediateSupported()] : []),
    ...(call.withFullTranscript ? [fullTranscriptAuth()] : []),
    ...(call.credentials.settings.followRedirect ? [redirectOffer(call.redirectedFrom)] : []),
  ];
  return emitMessage(
    {
      spiI: id.spiI,
      spiR: id.spiR,
      version: { major: 2, minor: 0 },
      exchangeType: ExchangeType.IKE_SA_INIT,
      flags: { initiator: true, version: false, response: false },
      messageId: FIRST_MESSAGE_ID,
    },
    payloads,
  );
}

function offersPpkInt({ credentials, withIntermediatePpk }: Call): boolean {
  return withIntermediatePpk && credentials.ppk !== undefined;
}

/** Which of the ways that we offer the site has taken. */
function ppkWayOf(call: Call, payloads: readonly Payload[]): PpkWay {
  if (call.credentials.ppk === undefined) return "none";
  const isEarly = saysUsePpkInt(payloads) && saysIntermediate(payloads);
  if (offersPpkInt(call) && isEarly) return "intermediate";
  return saysUsePpk(payloads) ? "ike-auth" : "none";
}

function offerOf(call: Call) {
  const { ikeSuites } = call.credentials.policy;
  const spi = new Uint8Array(0);
  return proposalsOf(ikeSuites, { protocol: Protocol.IKE, spi, withKe: true });
}

/**
 * An answer, which anybody may have sent. One that leads nowhere is remembered as a hint, and we
 * wait for the right one (§2.1, §2.21.1).
 */
export function onInitResponse(
  sa: AwaitingInitResponse,
  message: { readonly header: IkeHeader; readonly octets: Uint8Array },
  context: IkeContext,
): Step {
  const { header, octets } = message;
  const { calling } = sa;
  if (header.exchangeType !== ExchangeType.IKE_SA_INIT || header.messageId !== FIRST_MESSAGE_ID) {
    return { sa, effects: [] };
  }
  const body = octets.subarray(IKE_HEADER_OCTETS);
  const parsed = parsePayloads(header.nextPayload, body, INIT_RESPONSE);
  if (!parsed.ok) return hinted(sa, parsed.error);
  const { payloads } = parsed.value;
  const cookie = notifyOf(payloads, NotifyType.COOKIE);
  if (cookie !== undefined) return onCookie(sa, cookie.data, context);
  const redirect = notifyOf(payloads, NotifyType.REDIRECT);
  if (redirect !== undefined) return onRedirect(sa, redirect);
  const error = errorNotifyOf(payloads);
  if (error === NotifyType.INVALID_KE_PAYLOAD) return onOtherMethod(sa, payloads, context);
  if (error !== undefined) {
    const because = offeredText(error, offerOf(calling.call));
    return hinted(sa, { kind: "peer-refused", notify: error, asked: "IKE_SA_INIT", ...because });
  }
  const answer = neededPayload(payloads, "SA", INIT_RESPONSE);
  if (!answer.ok) return hinted(sa, answer.error);
  const ke = neededPayload(payloads, "KE", INIT_RESPONSE);
  if (!ke.ok) return hinted(sa, ke.error);
  const nonce = neededPayload(payloads, "NONCE", INIT_RESPONSE);
  if (!nonce.ok) return hinted(sa, nonce.error);
  const { proposals } = answer.value;
  const suites = calling.call.credentials.policy.ikeSuites;
  const chosen = chooseIke(proposals, suites, {
    spiOctets: 0,
    sentKe: calling.method,
    withAdditional: saysIntermediate(payloads),
  });
  const isGranted = chosen.ok && isAnswerTo(offerOf(calling.call), proposals);
  if (!isGranted || ke.value.method !== calling.method || header.spiR === 0n) {
    return hinted(sa, WRONG_ANSWER);
  }
  if (chosen.value.choice.ke !== calling.method) return hinted(sa, WRONG_ANSWER);
  const { ppk } = calling.call.credentials;
  const ppkWay = ppkWayOf(calling.call, payloads);
  if (ppkWay === "none" && ppk?.isRequired === true) return hinted(sa, ppkUnsupported(ppk));
  const id = { spiI: calling.id.spiI, spiR: header.spiR, role: "initiator" } as const;
  const ticket = context.ticket();
  const peerPublic = ke.value.data.slice();
  const { method } = calling;
  const random = calling.privateOctets.slice();
  const next: AwaitingSharedSecret = {
    phase: "awaiting-shared-secret",
    id,
    path: sa.path,
    calling,
    ticket,
    chosen: chosen.value,
    Nr: nonce.value.data.slice(),
    publicValue: sa.publicValue,
    inFlight: sa.inFlight,
    request: sa.request,
    response: octets.slice(),
    nat: detectNat(payloads, id, sa.path),
    peerHashes: hashAlgorithmsOf(payloads),
    peerMethods: peerMethodsOf(payloads),
    ppkWay,
    isFullTranscript: calling.call.withFullTranscript && saysFullTranscriptAuth(payloads),
    fragmentOctets: fragmentOctetsFor(
      fragmentOctetsOf(payloads),
      calling.call.credentials.settings,
    ),
  };
  const op = { op: "derive", method, random, peerPublic } as const;
  return { sa: next, effects: [{ kind: "key-exchange", ticket, op }] };
}

const INIT_RESPONSE = "IKE_SA_INIT response";

const WRONG_ANSWER: Refusal = {
  kind: "malformed",
  where: INIT_RESPONSE,
  detail: "it grants what was not offered, or has no SPI",
};

/** The peer wants proof that our address is real; everything else stays the same (§2.6). */
function onCookie(sa: AwaitingInitResponse, cookie: Uint8Array, context: IkeContext): Step {
  const { calling, publicValue } = sa;
  if (cookie.length < 1 || cookie.length > 64) return hinted(sa, WRONG_ANSWER);
  const detours = calling.detours + 1;
  if (detours > DETOURS_MAX) {
    return hinted(sa, { kind: "no-answer", detail: "the site asks for one cookie after another" });
  }
  return send({ ...calling, cookie: cookie.slice(), detours }, publicValue, context);
}

function keName(method: number): string {
  return transformName(TransformType.KE, method, undefined);
}

/** The peer wants another group, which must be one that we offered (§1.2). */
function onOtherMethod(
  sa: AwaitingInitResponse,
  payloads: readonly Payload[],
  context: IkeContext,
): Step {
  const { calling } = sa;
  const method = wantedMethodOf(payloads);
  const suites = calling.call.credentials.policy.ikeSuites;
  const detours = calling.detours + 1;
  const isOffered = method !== undefined && allowsMethod(suites, method);
  if (!isOffered || method === calling.method || detours > DETOURS_MAX) {
    const [sent, wanted] = [calling.method, method ?? 0].map(keName);
    const because = `sent: ${sent}, the site wants ${method === undefined ? "another" : wanted}`;
    const [notify, asked] = [NotifyType.INVALID_KE_PAYLOAD, "IKE_SA_INIT"];
    return hinted(sa, { kind: "peer-refused", notify, asked, because });
  }
  wipe(calling.privateOctets);
  const octets = context.random(privateOctets(method));
  return makePublicValue({ ...calling, method, privateOctets: octets, detours }, context);
}

/** The peer redirects us: followed only if the eroute allows it and our nonce is quoted. */
function onRedirect(sa: AwaitingInitResponse, redirect: NotifyPayload): Step {
  const { call, Ni, privateOctets: own } = sa.calling;
  if (!call.credentials.settings.followRedirect) return hinted(sa, UNWANTED_REDIRECT);
  const to = gatewayFor(redirect, Ni);
  if (to === undefined) return hinted(sa, FORGED_REDIRECT);
  wipeCredentials(call.credentials);
  wipe(own);
  return { sa: undefined, effects: [{ kind: "ended", reason: { kind: "redirected", to } }] };
}

const FORGED_REDIRECT: Refusal = {
  kind: "malformed",
  where: "REDIRECT in an IKE_SA_INIT response",
  detail: "it does not quote our nonce: whoever sent it has not seen our request",
};

const UNWANTED_REDIRECT: Refusal = {
  kind: "malformed",
  where: "REDIRECT in an IKE_SA_INIT response",
  detail: "the eroute does not follow redirects (follow_redirect)",
};

function hinted(sa: AwaitingInitResponse, hint: Refusal): Step {
  return { sa: { ...sa, hint }, effects: [] };
}

/** The shared secret is ready: the rounds follow, from port 4500 if there is a NAT (§2.23). */
export function onCallSharedSecret(sa: AwaitingSharedSecret, result: KeyExchangeResult): Step {
  if (!result.ok) return waitOn(sa, keyExchangeRefusal(result.error));
  const { calling, chosen, id, Nr, nat, request, response } = sa;
  const { Ni, call } = calling;
  const { algorithms } = chosen;
  const { sharedSecret } = result.value;
  const SKEYSEED = skeyseed(algorithms.prf, { Ni, Nr }, sharedSecret);
  const { spiI, spiR } = id;
  const keys = deriveIkeKeys(algorithms, SKEYSEED, { Ni, Nr, spiI, spiR });
  const rounds = roundsAfterInit(algorithms, sa.ppkWay === "intermediate");
  wipe(SKEYSEED, sharedSecret, calling.privateOctets);
  const half: HalfOpen = {
    id,
    algorithms,
    keys,
    Ni,
    Nr,
    nat,
    window: afterRequest(NEW_WINDOW),
    rounds,
    transcript: transcriptOf({ request, response, Ni, Nr, isFull: sa.isFullTranscript }),
    ppk: sa.ppkWay === "ike-auth" ? "announced" : "none",
    intermediatePpk: undefined,
    peerHashes: sa.peerHashes,
    peerMethods: sa.peerMethods,
    fragmentOctets: sa.fragmentOctets,
    fragments: noFragmentsYet(sa, rounds),
  };
  const { local, remote } = sa.path;
  const path =
    nat === "none" || local.port === call.natPorts.local
      ? sa.path
      : {
          local: { address: local.address, port: call.natPorts.local },
          remote: { address: remote.address, port: call.natPorts.remote },
        };
  return { sa: { phase: "initiating", path, half, call, round: undefined }, effects: [] };
}

/** The public value was invalid: the answer may be forged, and the right one may follow (§2.1). */
function waitOn(sa: AwaitingSharedSecret, hint: Refusal): Step {
  const { calling, publicValue, request, inFlight } = sa;
  const { id, path } = calling;
  const phase = "awaiting-init-response";
  return { sa: { phase, id, path, calling, publicValue, request, inFlight, hint }, effects: [] };
}
