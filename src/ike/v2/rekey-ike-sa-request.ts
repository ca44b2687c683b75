/** CREATE_CHILD_SA that rekeys the IKE SA, as initiator (RFC 7296 §1.3.2, §2.8.2, §2.18). */

import { type KeyExchangeResult, privateOctets } from "../../crypto/key-exchange.ts";
import { later } from "../../octets/instant.ts";
import { Reader } from "../../octets/reader.ts";
import { err, ok, type Result } from "../../octets/result.ts";
import { wipe } from "../../octets/secret.ts";
import { Writer } from "../../octets/writer.ts";
import { ExchangeType } from "../../wire/exchange-type.ts";
import { asIkeSpi } from "../../wire/header.ts";
import { type Payload, Protocol } from "../../wire/message.ts";
import { NotifyType } from "../../wire/notify-type.ts";
import { ikeAlgorithmsText } from "../algorithms.ts";
import { keyExchangeRefusal } from "../busy.ts";
import type { IkeContext, Step } from "../effect.ts";
import { retryMs } from "../jitter.ts";
import { DETOURS_MAX, NONCE_OCTETS } from "../limits.ts";
import type { Established, SaId } from "../phase.ts";
import type { Refusal } from "../refusal.ts";
import { okNote, refusedNote } from "./answer.ts";
import type { Asking, IkeAsk } from "./asking.ts";
import { isRedundant, lowerNonce } from "./collision.ts";
import { close } from "./delete.ts";
import { errorNotifyOf, payloadOf, wantedMethodOf } from "./find-payload.ts";
import {
  allowsMethod,
  type ChosenIke,
  chooseIke,
  isAnswerTo,
  proposalsOf,
  suitesWithPrfFirst,
} from "./proposal.ts";
import { rekeyed } from "./rekey-ike-sa.ts";
import { ask } from "./request.ts";

// Initiator                        Responder
// HDR, SK {SA, Ni, KEi} -->
//                             <--  HDR, SK {SA, Nr, KEr}

type Of<K extends Asking["kind"]> = Extract<Asking, { kind: K }>;

/** Begins with our public value, of the group that the IKE SA has now. */
export function askForIkeRekey(sa: Established, context: IkeContext): Step {
  return begin(sa, { method: sa.algorithms.ke, detours: 0 }, context);
}

function begin(
  sa: Established,
  how: { readonly method: number; readonly detours: number },
  context: IkeContext,
): Step {
  const { method, detours } = how;
  const ikeAsk: IkeAsk = {
    spi: context.ikeSpi(),
    Ni: context.random(NONCE_OCTETS),
    method,
    detours,
    privateOctets: context.random(privateOctets(method)),
  };
  const ticket = context.ticket();
  const op = { op: "offer", method, random: ikeAsk.privateOctets.slice() } as const;
  return {
    sa: { ...sa, asking: { kind: "ike-public-value", ticket, ask: ikeAsk } },
    effects: [{ kind: "key-exchange", ticket, op }],
  };
}

/** Our public value is there. */
export function onIkePublicValue(
  sa: Established,
  asking: Of<"ike-public-value">,
  result: KeyExchangeResult,
  context: IkeContext,
): Step {
  const ikeAsk = asking.ask;
  if (!result.ok) {
    return giveUp(sa, ikeAsk, keyExchangeRefusal(result.error), context);
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

function offerOf(sa: Established, { spi }: IkeAsk) {
  const octets = new Writer(8).u64(spi).done();
  const suites = suitesWithPrfFirst(sa.policy.ikeSuites, sa.algorithms.prf.id);
  return proposalsOf(suites, { protocol: Protocol.IKE, spi: octets, withKe: true });
}

/** The peer's answer: a new IKE SA, another group, or no. */
export function onIkeResponse(
  sa: Established,
  asking: Of<"ike-response">,
  payloads: readonly Payload[],
  context: IkeContext,
): Step {
  const ikeAsk = asking.ask;
  const error = errorNotifyOf(payloads);
  if (error !== undefined) return onRefused(sa, ikeAsk, payloads, context);
  const granted = grantedOf(sa, ikeAsk, payloads);
  if (!granted.ok) return giveUp(sa, ikeAsk, granted.error, context);
  const { chosen, spiR, Nr, peerPublic } = granted.value;
  const ticket = context.ticket();
  const random = ikeAsk.privateOctets.slice();
  const op = { op: "derive", method: ikeAsk.method, random, peerPublic } as const;
  const id: SaId = { spiI: ikeAsk.spi, spiR, role: "initiator" };
  const { rival } = asking;
  const kind = "ike-shared-secret";
  return {
    sa: { ...sa, asking: { kind, ticket, ask: ikeAsk, rival, id, Nr, chosen } },
    effects: [{ kind: "key-exchange", ticket, op }],
  };
}

/**
 * The new IKE SA is there. Ours takes the Child SAs, and the old one is deleted; unless the peer
 * has made one at the same time, and that one counts (§2.8.2).
 */
export function onIkeSharedSecret(
  sa: Established,
  asking: Of<"ike-shared-secret">,
  result: KeyExchangeResult,
  context: IkeContext,
): Step {
  const { ask: ikeAsk, rival, id, Nr, chosen } = asking;
  if (!result.ok) {
    return giveUp(sa, ikeAsk, keyExchangeRefusal(result.error), context);
  }
  const { Ni } = ikeAsk;
  const { sharedSecret } = result.value;
  const successor = rekeyed(sa, { id, Ni, Nr, sharedSecret, chosen }, context);
  wipe(ikeAsk.privateOctets);
  const free: Established = { ...sa, asking: undefined };
  if (rival !== undefined && isRedundant(lowerNonce(Ni, Nr), rival.nonce)) {
    return {
      sa: free,
      effects: [
        { kind: "count", counter: "rekey_collisions" },
        { kind: "rekeyed-in-vain", successor: { ...successor, children: [], tasks: [] } },
      ],
    };
  }
  const text = ikeAlgorithmsText(successor.algorithms);
  const old: Established = { ...free, children: [], tasks: [], replacedUntil: context.now };
  const closed = close(old, "rekeyed", context);
  return {
    sa: closed.sa,
    effects: [
      { kind: "rekeyed", successor, rival: rival?.made },
      { kind: "count", counter: "ike_sas_rekeyed" },
      okNote("CREATE_CHILD_SA", "ike-sa-rekeyed", text),
      ...closed.effects,
    ],
  };
}

function onRefused(
  sa: Established,
  ikeAsk: IkeAsk,
  payloads: readonly Payload[],
  context: IkeContext,
): Step {
  const error = errorNotifyOf(payloads) ?? 0;
  const method = wantedMethodOf(payloads);
  const detours = ikeAsk.detours + 1;
  if (
    error === NotifyType.INVALID_KE_PAYLOAD &&
    method !== undefined &&
    allowsMethod(sa.policy.ikeSuites, method) &&
    detours <= DETOURS_MAX
  ) {
    wipe(ikeAsk.privateOctets);
    return begin(sa, { method, detours }, context);
  }
  const asked = "rekey of the IKE SA";
  return giveUp(sa, ikeAsk, { kind: "peer-refused", notify: error, asked }, context);
}

/** It is tried again after a while; an IKE SA that cannot be rekeyed ends at its hard limit. */
function giveUp(sa: Established, ikeAsk: IkeAsk, refusal: Refusal, context: IkeContext): Step {
  wipe(ikeAsk.privateOctets);
  const note = refusedNote("CREATE_CHILD_SA", refusal);
  // The peer's own rekey has taken the Child SAs away: nothing is left to be rekeyed.
  if (sa.replacedUntil !== undefined) return { sa: { ...sa, asking: undefined }, effects: [] };
  const rekeyAt = later(context.now, retryMs(sa.settings.lifetimeMs, context.random));
  const timers = { ...sa.timers, rekeyAt };
  return { sa: { ...sa, asking: undefined, timers }, effects: [note] };
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
    err({ kind: "malformed", where: "CREATE_CHILD_SA response", detail });
  const proposals = payloadOf(payloads, "SA")?.proposals ?? [];
  const nonce = payloadOf(payloads, "NONCE");
  const ke = payloadOf(payloads, "KE");
  const want = { spiOctets: 8, sentKe: ikeAsk.method } as const;
  const chosen = chooseIke(proposals, sa.policy.ikeSuites, want);
  if (!chosen.ok || !isAnswerTo(offerOf(sa, ikeAsk), proposals)) {
    return wrong("algorithms that were not offered");
  }
  if (nonce === undefined) return wrong("no Nonce payload");
  if (ke === undefined || ke.method !== ikeAsk.method || chosen.value.choice.ke !== ke.method) {
    return wrong("no key exchange of the group that was asked for");
  }
  const spiR = asIkeSpi(new Reader(chosen.value.spi, "IKE SPI").u64());
  if (spiR === 0n) return wrong("the new IKE SA's SPI is zero");
  const peerPublic = ke.data.slice();
  return ok({ chosen: chosen.value, spiR, Nr: nonce.data.slice(), peerPublic });
}
