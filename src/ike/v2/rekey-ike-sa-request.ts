/** CREATE_CHILD_SA that rekeys the IKE SA, as initiator (RFC 7296 §1.3.2, §2.8.2, §2.18). */

import { type KeyExchangeResult, privateOctets } from "../../crypto/key-exchange.ts";
import { transformName } from "../../crypto/names.ts";
import { TransformType } from "../../crypto/transform.ts";
import { Reader } from "../../octets/reader.ts";
import { err, ok, type Result } from "../../octets/result.ts";
import { wipe } from "../../octets/secret.ts";
import { Writer } from "../../octets/writer.ts";
import { asIkeSpi } from "../../wire/header.ts";
import { ExchangeType } from "../../wire/v2/exchange-type.ts";
import { type Payload, Protocol } from "../../wire/v2/message.ts";
import { ikeAlgorithmsText } from "../algorithms.ts";
import { keyExchangeRefusal } from "../busy.ts";
import type { IkeContext } from "../effect.ts";
import { NONCE_OCTETS } from "../limits.ts";
import type { Refusal } from "../refusal.ts";
import type { SaId } from "../sa-id.ts";
import { nextRoundAt, struggleOn } from "../struggle.ts";
import { additionalMethods, suitesAsAgreed } from "./additional.ts";
import { noteOfStruggle, okNote, refusedNote } from "./answer.ts";
import type { Asking, Grant, How, IkeAsk } from "./asking.ts";
import { isRedundant, lowerNonce } from "./collision.ts";
import { close } from "./delete.ts";
import type { Established } from "./established-phase.ts";
import { neededPayload } from "./find-payload.ts";
import { beginFollowup, type Failed, withoutLink } from "./followup-request.ts";
import { ikeMethods, nextTry, setbackOf, suitesFor } from "./next-try.ts";
import {
  type ChosenIke,
  chooseIke,
  isAnswerTo,
  proposalsOf,
  suitesWithPrfFirst,
} from "./proposal.ts";
import { offeredText } from "./proposal-text.ts";
import { discardOurs, keepOurs, takeOver } from "./rekey-collision.ts";
import { rekeyed } from "./rekey-ike-sa.ts";
import { ask } from "./request.ts";
import type { IkeEffect, Step } from "./step.ts";
import { addTask } from "./tasks.ts";
import { linkOf, withoutUnfinished } from "./unfinished.ts";

// Initiator                        Responder
// HDR, SK {SA, Ni, KEi} -->
//                             <--  HDR, SK {SA, Nr, KEr}

type Of<K extends Asking["kind"]> = Extract<Asking, { kind: K }>;

/** Makes our public value, with the group of the IKE SA unless the peer refused it. */
export function askForIkeRekey(
  sa: Established,
  refused: How | undefined,
  context: IkeContext,
): Step {
  const how = refused ?? firstHow(sa);
  const { method } = how;
  const ikeAsk: IkeAsk = {
    ...how,
    spi: context.ikeSpi(),
    Ni: context.random(NONCE_OCTETS),
    privateOctets: context.random(privateOctets(method)),
  };
  const ticket = context.ticket();
  const op = { op: "offer", method, random: ikeAsk.privateOctets.slice() } as const;
  return {
    sa: { ...sa, asking: { kind: "ike-public-value", ticket, ask: ikeAsk } },
    effects: [{ kind: "key-exchange", ticket, op }],
  };
}

function firstHow(sa: Established): How {
  return { method: ikeMethods(sa)[0] ?? sa.algorithms.ke, alone: false, tried: [] };
}

/** Our public value is ready: sends the request. */
export function onIkePublicValue(
  sa: Established,
  asking: Of<"ike-public-value">,
  result: KeyExchangeResult,
  context: IkeContext,
): Step {
  const ikeAsk = asking.ask;
  if (!result.ok) {
    const refusal = keyExchangeRefusal(result.error);
    return putOff(sa, ikeAsk, { refusal, isRound: false }, context);
  }
  const payloads: Payload[] = [
    { kind: "SA", proposals: offerOf(sa, ikeAsk) },
    { kind: "NONCE", data: ikeAsk.Ni },
    { kind: "KE", method: ikeAsk.method, data: result.value.publicValue },
  ];
  const asked = ask(sa, ExchangeType.CREATE_CHILD_SA, payloads, context);
  const next: Asking = { kind: "ike-response", ask: ikeAsk, rival: undefined };
  return { sa: { ...asked.sa, asking: next }, effects: asked.effects };
}

function offerOf(sa: Established, ikeAsk: IkeAsk) {
  const octets = new Writer(8).u64(ikeAsk.spi).done();
  const asAgreed = suitesAsAgreed(suitesFor(sa.policy.ikeSuites, ikeAsk), sa.algorithms);
  const suites = suitesWithPrfFirst(asAgreed, sa.algorithms.prf.id);
  return proposalsOf(suites, { protocol: Protocol.IKE, spi: octets, withKe: true });
}

/** The peer's answer: a new IKE SA, a request for another group, or a refusal. */
export function onIkeResponse(
  sa: Established,
  asking: Of<"ike-response">,
  payloads: readonly Payload[],
  context: IkeContext,
): Step {
  const next = askForSecret(sa, asking, payloads, context);
  return next.ok ? next.value : onRefusedIke(sa, asking.ask, next.error, context);
}

/** Asks for the shared secret if the peer has granted the new IKE SA; or why it has not. */
export function askForSecret(
  sa: Established,
  asking: Of<"ike-response">,
  payloads: readonly Payload[],
  context: IkeContext,
): Result<Step, Failed> {
  const ikeAsk = asking.ask;
  const setback = setbackOf(payloads);
  if (setback !== undefined) {
    const group = transformName(TransformType.KE, ikeAsk.method, undefined);
    const asked = `rekey of the IKE SA with ${group}`;
    const { notify } = setback;
    const because = offeredText(notify, offerOf(sa, ikeAsk));
    return err({ setback, refusal: { kind: "peer-refused", notify, asked, ...because } });
  }
  const granted = grantedOf(sa, ikeAsk, payloads);
  if (!granted.ok) return err({ setback: { kind: "wrong-answer" }, refusal: granted.error });
  const { chosen, spiR, Nr, peerPublic } = granted.value;
  const { rival } = asking;
  const link = linkOf(payloads);
  const hasLost = rival !== undefined && isRedundant(lowerNonce(ikeAsk.Ni, Nr), rival.nonce);
  if (additionalMethods(chosen.algorithms).length > 0) {
    if (link === undefined) {
      return err({ setback: { kind: "wrong-answer" }, refusal: withoutLink(IKE_RESPONSE) });
    }
    // Nothing is made yet, so the end that loses only stops (RFC 9370 §2.2.4).
    if (hasLost) {
      wipe(ikeAsk.privateOctets);
      const effects: IkeEffect[] = [{ kind: "count", counter: "rekey_collisions" }];
      return ok({ sa: { ...sa, asking: undefined }, effects });
    }
  }
  const ticket = context.ticket();
  const random = ikeAsk.privateOctets.slice();
  const op = { op: "derive", method: ikeAsk.method, random, peerPublic } as const;
  const id: SaId = { spiI: ikeAsk.spi, spiR, role: "initiator" };
  const kind = "ike-shared-secret";
  const next: Asking = { kind, ticket, ask: ikeAsk, rival, id, Nr, chosen, link };
  const isAhead = rival !== undefined && !hasLost;
  return ok({
    sa: { ...(isAhead ? withoutUnfinished(sa) : sa), asking: next },
    effects: [{ kind: "key-exchange", ticket, op }],
  });
}

/**
 * The new IKE SA is ready. It takes the Child SAs, and the old one is deleted; unless the peer has
 * made another one at the same time, and that one stays (§2.8.2).
 */
export function onIkeSharedSecret(
  sa: Established,
  asking: Of<"ike-shared-secret">,
  result: KeyExchangeResult,
  context: IkeContext,
): Step {
  const { ask: ikeAsk, rival, id, Nr, chosen, link } = asking;
  if (!result.ok) {
    return onWrongIkeAnswer(sa, ikeAsk, keyExchangeRefusal(result.error), context);
  }
  const grant = { of: "ike", ask: ikeAsk, rival, id, Nr, chosen } as const;
  const secrets = [result.value.sharedSecret];
  const left = additionalMethods(chosen.algorithms);
  if (left.length === 0) return finishIke(sa, grant, secrets, context);
  return beginFollowup(sa, { grant, left, secrets, link }, context);
}

/** All key exchanges are done. `secrets`: SK(0), SK(1), … */
export function finishIke(
  sa: Established,
  { ask: ikeAsk, rival, id, Nr, chosen }: Extract<Grant, { of: "ike" }>,
  secrets: readonly Uint8Array[],
  context: IkeContext,
): Step {
  const { Ni } = ikeAsk;
  const successor = rekeyed(sa, { id, Ni, Nr, secrets, chosen }, context);
  wipe(ikeAsk.privateOctets);
  const free: Established = { ...sa, asking: undefined };
  if (rival !== undefined && isRedundant(lowerNonce(Ni, Nr), rival.nonce)) {
    return {
      sa: free,
      effects: [{ kind: "count", counter: "rekey_collisions" }, ...discardOurs(successor)],
    };
  }
  const text = ikeAlgorithmsText(successor.algorithms);
  const old: Established = { ...free, children: [], tasks: [] };
  const closed = close(old, "rekeyed", context);
  return {
    sa: closed.sa,
    effects: [
      ...(rival === undefined ? takeOver(successor) : keepOurs(successor, rival.made)),
      { kind: "count", counter: "ike_sas_rekeyed" },
      okNote("CREATE_CHILD_SA", "ike-sa-rekeyed", text),
      ...closed.effects,
    ],
  };
}

/** The answer makes no IKE SA, even if the peer believes that there is one. */
export function onWrongIkeAnswer(
  sa: Established,
  ikeAsk: IkeAsk,
  refusal: Refusal,
  context: IkeContext,
): Step {
  if (refusal.kind === "busy") return putOff(sa, ikeAsk, { refusal, isRound: false }, context);
  return onRefusedIke(sa, ikeAsk, { setback: { kind: "wrong-answer" }, refusal }, context);
}

/** The peer has refused: tries something else, at once or later. */
export function onRefusedIke(
  sa: Established,
  ikeAsk: IkeAsk,
  { setback, refusal }: Failed,
  context: IkeContext,
): Step {
  const tried = [...ikeAsk.tried, ikeAsk.method];
  const { method, alone } = ikeAsk;
  const request = { method, alone, tried, methods: ikeMethods(sa), canBeNew: false };
  const { struggle } = sa;
  const next = nextTry(setback, request, { struggle, now: context.now });
  if (next.kind !== "method") {
    return putOff(sa, ikeAsk, { refusal, isRound: next.kind === "anew" }, context);
  }
  wipe(ikeAsk.privateOctets);
  const how = { method: next.method, alone: true, tried };
  const free: Established = { ...sa, asking: undefined };
  const effects = [refusedNote("CREATE_CHILD_SA", refusal)];
  return { sa: addTask(free, { kind: "rekey-ike", how }), effects };
}

/** Tries again after a while. An IKE SA that cannot be rekeyed ends at its hard limit. */
function putOff(
  sa: Established,
  ikeAsk: IkeAsk,
  { refusal, isRound }: { readonly refusal: Refusal; readonly isRound: boolean },
  context: IkeContext,
): Step {
  wipe(ikeAsk.privateOctets);
  const struggle = struggleOn(sa.struggle, context.now, isRound);
  const rekeyAt = nextRoundAt(struggle, sa.settings.lifetimeMs, context);
  const timers = { ...sa.timers, rekeyAt };
  const effects: IkeEffect[] = [refusedNote("CREATE_CHILD_SA", refusal)];
  if (isRound) {
    const anew = { kind: "reauthenticate", why: "keys-refused" } as const;
    effects.push(noteOfStruggle("its IKE SA"), anew);
  }
  return { sa: { ...sa, asking: undefined, struggle, timers }, effects };
}

type Granted = {
  readonly chosen: ChosenIke;
  readonly spiR: ReturnType<typeof asIkeSpi>;
  readonly Nr: Uint8Array;
  readonly peerPublic: Uint8Array;
};

function grantedOf(
  sa: Established,
  ikeAsk: IkeAsk,
  payloads: readonly Payload[],
): Result<Granted, Refusal> {
  const wrong = (detail: string): Result<never, Refusal> =>
    err({ kind: "malformed", where: IKE_RESPONSE, detail });
  const answer = neededPayload(payloads, "SA", IKE_RESPONSE);
  if (!answer.ok) return answer;
  const nonce = neededPayload(payloads, "NONCE", IKE_RESPONSE);
  if (!nonce.ok) return nonce;
  const ke = neededPayload(payloads, "KE", IKE_RESPONSE);
  if (!ke.ok) return ke;
  const { proposals } = answer.value;
  const { method, data } = ke.value;
  const want = { spiOctets: 8, sentKe: ikeAsk.method } as const;
  const chosen = chooseIke(proposals, sa.policy.ikeSuites, want);
  if (!chosen.ok || !isAnswerTo(offerOf(sa, ikeAsk), proposals)) {
    return wrong("algorithms that were not offered");
  }
  if (method !== ikeAsk.method || chosen.value.choice.ke !== method) {
    return wrong("no key exchange of the group that was asked for");
  }
  const spiR = asIkeSpi(new Reader(chosen.value.spi, "IKE SPI").u64());
  if (spiR === 0n) return wrong("the new IKE SA's SPI is zero");
  const Nr = nonce.value.data.slice();
  return ok({ chosen: chosen.value, spiR, Nr, peerPublic: data.slice() });
}

const IKE_RESPONSE = "CREATE_CHILD_SA response";
