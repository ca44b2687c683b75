/** IKE_SA_INIT as responder (RFC 7296 §1.2). */

import { type KeyExchangeResult, privateOctets } from "../../crypto/key-exchange.ts";
import { transformName } from "../../crypto/names.ts";
import type { Suite } from "../../crypto/suite.ts";
import { TransformType } from "../../crypto/transform.ts";
import type { Path } from "../../inet/endpoint.ts";
import { later } from "../../octets/instant.ts";
import { err, ok, type Result } from "../../octets/result.ts";
import { wipe } from "../../octets/secret.ts";
import type { Gateway } from "../../wire/gateway.ts";
import { asIkeSpi, type IkeHeader } from "../../wire/header.ts";
import { emitMessage } from "../../wire/v2/emit-message.ts";
import { ExchangeType } from "../../wire/v2/exchange-type.ts";
import { type NotifyPayload, type Payload, Protocol } from "../../wire/v2/message.ts";
import { NotifyType } from "../../wire/v2/notify-type.ts";
import { keyExchangeRefusal } from "../busy.ts";
import type { IkeContext } from "../effect.ts";
import { AROUND_MESSAGE_OCTETS, FRAGMENT_OCTETS, NONCE_OCTETS } from "../limits.ts";
import type { Refusal } from "../refusal.ts";
import type { SaId } from "../sa-id.ts";
import type { IkeSaSettings } from "../settings.ts";
import { failedNote, sends } from "./answer.ts";
import { supportedAuthMethods } from "./auth-methods.ts";
import { neededPayload, notifyOf } from "./find-payload.ts";
import {
  afterAuth,
  FRAGMENTS_OFF,
  type Fragments,
  fragmentsOfRound,
  NO_FRAGMENTS_BEFORE_AUTH,
} from "./fragments.ts";
import type { HalfOpen } from "./half-open.ts";
import { deriveIkeKeys, skeyseed } from "./keys.ts";
import { detectNat, natDetectionNotifies } from "./nat.ts";
import { notify, notifyFor } from "./notify.ts";
import { saysUsePpk, usePpk } from "./ppk.ts";
import { saysUsePpkInt, usePpkInt } from "./ppk-intermediate.ts";
import type { PpkWay } from "./ppk-keys.ts";
import { certRequest, hashAlgorithms, hashAlgorithmsOf } from "./proof.ts";
import { chooseIke, chosenProposal } from "./proposal.ts";
import { redirectNotify, redirectSupportOf } from "./redirect.ts";
import type { AwaitingKeyExchange } from "./responder-phase.ts";
import { MESSAGES_OF, type Rounds, roundsAfterInit } from "./round.ts";
import type { Step } from "./step.ts";
import { fullTranscriptAuth, saysFullTranscriptAuth, transcriptOf } from "./transcript.ts";
import { afterAnswer, FIRST_MESSAGE_ID, NEW_WINDOW } from "./window.ts";

/** An IKE_SA_INIT request that was admitted: its cookie, if one was required, is right. */
export type InitRequest = {
  readonly header: IkeHeader;
  readonly octets: Uint8Array;
  readonly payloads: readonly Payload[];
  readonly path: Path;
  /** What any configured eroute accepts: the site's own eroute is known only in IKE_AUTH. */
  readonly suites: readonly Suite[];
  readonly halfOpenMs: number;
  /** Hashes of the authorities of all eroutes, for CERTREQ; undefined: no eroute has any. */
  readonly certReq: Uint8Array | undefined;
  /** Whether some eroute accepts pre-shared keys of its sites. */
  readonly acceptsPsk: boolean;
  /** Whether some eroute uses PPKs: whether this site has one is known only in IKE_AUTH. */
  readonly withPpk: boolean;
  /** Whether they are all at hand, so that one can be found before the site's ID is known. */
  readonly withIntermediatePpk: boolean;
  /** Whether some eroute sends fragments (RFC 7383): then they are accepted from every site. */
  readonly withFragments: boolean;
  /** Whether AUTH covers both IKE_SA_INIT messages if the site supports that. */
  readonly withFullTranscript: boolean;
};

// Initiator                        Responder
// HDR, SAi1, KEi, Ni -->
//                             <--  HDR, SAr1, KEr, Nr, [CERTREQ]

/** Starts an IKE SA for a request, or refuses it (then no state is kept). */
export function acceptInit(request: InitRequest, context: IkeContext): Result<Step, Refusal> {
  const offer = neededPayload(request.payloads, "SA", "IKE_SA_INIT");
  if (!offer.ok) return offer;
  const exchange = neededPayload(request.payloads, "KE", "IKE_SA_INIT");
  if (!exchange.ok) return exchange;
  const nonces = neededPayload(request.payloads, "NONCE", "IKE_SA_INIT");
  if (!nonces.ok) return nonces;
  const [ke, nonce] = [exchange.value, nonces.value];
  const { proposals } = offer.value;
  const chosen = chooseIke(proposals, request.suites, {
    spiOctets: 0,
    sentKe: ke.method,
    withAdditional: saysIntermediate(request.payloads),
  });
  if (!chosen.ok) return chosen;
  const { prf } = chosen.value.algorithms;
  // At least half the key size of the PRF (§2.10).
  if (nonce.data.length * 2 < prf.keyOctets) {
    const detail = `${nonce.data.length} octets, ${prf.name} needs ${prf.keyOctets / 2}`;
    return err({ kind: "malformed", where: "Nonce payload", detail });
  }
  const method = chosen.value.choice.ke;
  if (method !== ke.method) {
    const offered = transformName(TransformType.KE, ke.method, undefined);
    return err({ kind: "invalid-ke", offered, wantedMethod: method });
  }
  const { spiI } = request.header;
  const id: SaId = { spiI, spiR: context.ikeSpi(), role: "responder" };
  const ticket = context.ticket();
  const next: AwaitingKeyExchange = {
    phase: "awaiting-key-exchange",
    id,
    path: request.path,
    ticket,
    request: request.octets.slice(),
    Ni: nonce.data,
    // The request's SPIr was zero when the initiator hashed it.
    nat: detectNat(request.payloads, { spiI, spiR: request.header.spiR }, request.path),
    chosen: chosen.value,
    peerHashes: hashAlgorithmsOf(request.payloads),
    certReq: request.certReq,
    acceptsPsk: request.acceptsPsk,
    ppkWay: ppkWayOf(request),
    fragmentOctets: request.withFragments ? fragmentOctetsOf(request.payloads) : undefined,
    fullTranscript: fullTranscriptOf(request),
    redirect: redirectSupportOf(request.payloads),
    expireAt: later(context.now, request.halfOpenMs),
  };
  const random = context.random(privateOctets(method));
  const op = { op: "respond", method, random, peerPublic: ke.data } as const;
  return ok({ sa: next, effects: [{ kind: "key-exchange", ticket, op }] });
}

/** The site may offer both ways: then the one that protects more is taken. */
function ppkWayOf({ withPpk, withIntermediatePpk, payloads }: InitRequest): PpkWay {
  if (withIntermediatePpk && saysUsePpkInt(payloads) && saysIntermediate(payloads)) {
    return "intermediate";
  }
  return withPpk && saysUsePpk(payloads) ? "ike-auth" : "none";
}

function fullTranscriptOf(request: InitRequest): AwaitingKeyExchange["fullTranscript"] {
  if (!request.withFullTranscript) return "off";
  return saysFullTranscriptAuth(request.payloads) ? "agreed" : "supported";
}

/** Our public value and the shared secret are ready: derives the keys and answers. */
export function onInitKeyExchange(
  sa: AwaitingKeyExchange,
  result: KeyExchangeResult,
  context: IkeContext,
): Step {
  if (!result.ok) return withoutKeyExchange(sa, keyExchangeRefusal(result.error));
  const { publicValue, sharedSecret } = result.value;
  const Nr = context.random(NONCE_OCTETS);
  const { algorithms, choice } = sa.chosen;
  const rounds = roundsAfterInit(algorithms, sa.ppkWay === "intermediate");
  const SKEYSEED = skeyseed(algorithms.prf, { Ni: sa.Ni, Nr }, sharedSecret);
  const { spiI, spiR } = sa.id;
  const keys = deriveIkeKeys(algorithms, SKEYSEED, { Ni: sa.Ni, Nr, spiI, spiR });
  wipe(SKEYSEED, sharedSecret);
  const payloads: Payload[] = [
    {
      kind: "SA",
      proposals: [chosenProposal(Protocol.IKE, sa.chosen, new Uint8Array(0))],
    },
    { kind: "KE", method: choice.ke, data: publicValue },
    { kind: "NONCE", data: Nr },
    ...natDetectionNotifies(spiI, spiR, sa.path),
  ];
  if (sa.certReq !== undefined) payloads.push(certRequest(sa.certReq), hashAlgorithms());
  if (sa.fragmentOctets !== undefined) payloads.push(fragmentationSupported());
  payloads.push(notify(NotifyType.CHILDLESS_IKEV2_SUPPORTED)); // RFC 6023 §3
  if (sa.ppkWay === "ike-auth") payloads.push(usePpk());
  if (sa.ppkWay === "intermediate") payloads.push(usePpkInt());
  if (rounds.length > 1) payloads.push(intermediateSupported());
  if (sa.fullTranscript !== "off") payloads.push(fullTranscriptAuth());
  const response = emitResponse(sa, payloads);
  const { id, path, request, Ni, nat, peerHashes, fragmentOctets, redirect, expireAt } = sa;
  const isFull = sa.fullTranscript === "agreed";
  const half: HalfOpen = {
    id,
    algorithms,
    keys,
    window: afterAnswer(NEW_WINDOW),
    rounds,
    transcript: transcriptOf({ request, response, Ni, Nr, isFull }),
    Ni,
    Nr,
    nat,
    ppk: sa.ppkWay === "ike-auth" ? "announced" : "none",
    intermediatePpk: undefined,
    peerHashes,
    peerMethods: undefined,
    fragmentOctets,
    fragments: noFragmentsYet(sa, rounds),
  };
  const round = { awaits: "request" } as const;
  const lastResponse = [response];
  return {
    sa: {
      phase: "responding",
      path,
      half,
      round,
      lastResponse,
      formerKeys: undefined,
      redirect,
      expireAt,
    },
    effects: sends(lastResponse, path),
  };
}

/** INTERMEDIATE_EXCHANGE_SUPPORTED, in both IKE_SA_INIT messages (RFC 9242 §3.1). */
export function intermediateSupported(): NotifyPayload {
  return notify(NotifyType.INTERMEDIATE_EXCHANGE_SUPPORTED);
}

/** Whether an IKE_SA_INIT message says that its sender supports IKE_INTERMEDIATE. */
export function saysIntermediate(payloads: readonly Payload[]): boolean {
  return notifyOf(payloads, NotifyType.INTERMEDIATE_EXCHANGE_SUPPORTED) !== undefined;
}

/** Says what we accept in IKE_AUTH, unless that made the message too long (RFC 9593 §3.1). */
function emitResponse(
  { id, certReq, acceptsPsk }: AwaitingKeyExchange,
  payloads: readonly Payload[],
): Uint8Array {
  const head = initHead(id);
  if (certReq === undefined && !acceptsPsk) return emitMessage(head, payloads);
  const kind = certReq === undefined ? "psk" : acceptsPsk ? "either" : "certificate";
  const whole = emitMessage(head, [...payloads, supportedAuthMethods(kind)]);
  return whole.length <= FRAGMENT_OCTETS ? whole : emitMessage(head, payloads);
}

/**
 * The key exchange failed. If the peer's value is invalid, the peer is told. If the fault is ours,
 * it gets no answer, because every error in this exchange is final: the site repeats its request,
 * which then begins anew.
 */
function withoutKeyExchange(sa: AwaitingKeyExchange, refusal: Refusal): Step {
  const ended = { kind: "ended", reason: { kind: "refused", refusal } } as const;
  if (refusal.kind === "busy" && refusal.reason === "key-exchanges-waiting") {
    return { sa: undefined, effects: [ended] };
  }
  const note = failedNote("IKE_SA_INIT", refusal);
  if (refusal.kind === "busy") return { sa: undefined, effects: [note, ended] };
  const octets = initRefusal(sa.id, refusal);
  return { sa: undefined, effects: [{ kind: "send", octets, path: sa.path }, note, ended] };
}

/** Which fragments are accepted before the peer has authenticated. */
export function noFragmentsYet(
  { fragmentOctets }: Pick<AwaitingKeyExchange, "fragmentOctets">,
  [next]: Rounds,
): Fragments {
  const agreed = fragmentOctets === undefined ? FRAGMENTS_OFF : NO_FRAGMENTS_BEFORE_AUTH;
  return fragmentsOfRound(agreed, MESSAGES_OF[next.kind].octetsMax);
}

/** IKEV2_FRAGMENTATION_SUPPORTED (RFC 7383 §2.3). */
export function fragmentationSupported(): NotifyPayload {
  return notify(NotifyType.IKEV2_FRAGMENTATION_SUPPORTED);
}

/** The length above which messages to this peer are sent in fragments; undefined: never. */
export function fragmentOctetsOf(payloads: readonly Payload[]): number | undefined {
  const isSupported = notifyOf(payloads, NotifyType.IKEV2_FRAGMENTATION_SUPPORTED) !== undefined;
  return isSupported ? FRAGMENT_OCTETS : undefined;
}

/** The same once the site's eroute is known. `agreed`: what both ends have announced. */
export function fragmentOctetsFor(
  agreed: number | undefined,
  { fragmentation, fragmentSize }: Pick<IkeSaSettings, "fragmentation" | "fragmentSize">,
): number | undefined {
  return agreed === undefined || !fragmentation ? undefined : fragmentSize - AROUND_MESSAGE_OCTETS;
}

/** The same for the whole IKE SA. Fragments are accepted even if the eroute sends none. */
export function agreedFragments(
  half: HalfOpen,
  settings: IkeSaSettings,
): Pick<HalfOpen, "fragmentOctets" | "fragments"> {
  const fragmentOctets = fragmentOctetsFor(half.fragmentOctets, settings);
  return { fragmentOctets, fragments: afterAuth(half.fragments) };
}

/** An unprotected answer that refuses an IKE_SA_INIT request; no state is kept. */
export function initRefusal(id: Pick<SaId, "spiI" | "spiR">, refusal: Refusal): Uint8Array {
  const answer = notifyFor(refusal);
  return emitMessage(initHead(id), answer === undefined ? [] : [answer]);
}

// HDR, SAi1, KEi, Ni, N(REDIRECT_SUPPORTED) -->
//                             <--  HDR, N(REDIRECT, gateway, Ni)

/** An unprotected answer that redirects a site; no state is kept (RFC 5685 §3). */
export function initRedirect(spiI: SaId["spiI"], to: Gateway, Ni: Uint8Array): Uint8Array {
  return emitMessage(initHead({ spiI, spiR: asIkeSpi(0n) }), [redirectNotify(to, Ni)]);
}

/** The header of our response to IKE_SA_INIT. */
export function initHead(id: Pick<SaId, "spiI" | "spiR">): Parameters<typeof emitMessage>[0] {
  return {
    spiI: id.spiI,
    spiR: id.spiR,
    version: { major: 2, minor: 0 },
    exchangeType: ExchangeType.IKE_SA_INIT,
    flags: { initiator: false, version: false, response: true },
    messageId: FIRST_MESSAGE_ID,
  };
}
