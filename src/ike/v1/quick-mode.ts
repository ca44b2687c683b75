/** Quick Mode as responder (RFC 2409 §5.5). */

import { type KeyExchangeResult, privateOctets } from "../../crypto/key-exchange.ts";
import { Ke } from "../../crypto/transform.ts";
import { later } from "../../octets/instant.ts";
import { err, ok, type Result } from "../../octets/result.ts";
import { equalConstantTime, wipe } from "../../octets/secret.ts";
import { Writer } from "../../octets/writer.ts";
import { emitAttributes } from "../../wire/v1/attribute.ts";
import { ExchangeType } from "../../wire/v1/header.ts";
import {
  type IdPayload,
  type Payload,
  Protocol,
  type Received,
  type ReceivedPayloads,
} from "../../wire/v1/message.ts";
import { NotifyType } from "../../wire/v1/notify-type.ts";
import { keyExchangeRefusal } from "../busy.ts";
import { hasRoomFor } from "../child-count.ts";
import type { ChildSa } from "../child-sa.ts";
import type { IkeContext } from "../effect.ts";
import { LINGER_MS, NONCE_OCTETS, SUPERSEDED_MS } from "../limits.ts";
import type { Refusal } from "../refusal.ts";
import { okNote, refusedNote } from "./answer.ts";
import { closeChild } from "./close.ts";
import { outboundOf } from "./commit-bit.ts";
import type { Established } from "./established-phase.ts";
import { neededPayload, payloadOf } from "./find-payload.ts";
import { cookieOctets, quickModeHash3 } from "./keys.ts";
import { countLegacy } from "./legacy.ts";
import { errorNotify, notify } from "./notify.ts";
import { answerOf, chooseEsp } from "./proposal.ts";
import { hashed, sealMessage } from "./protect.ts";
import {
  childOf,
  childText,
  encapsulationsOf,
  formerOf,
  keysOf,
  selectorsOf,
} from "./quick-child.ts";
import { took } from "./quick-mode-groups.ts";
import type { Answered, Exchanging, Installing, Plan } from "./quick-mode-phase.ts";
import type { NextMessage } from "./quick-mode-request.ts";
import { replaceQuickMode, withoutQuickMode } from "./quick-modes.ts";
import { copyWaitMs } from "./retransmit.ts";
import { sendInformational } from "./send-informational.ts";
import type { IkeEffect, Step } from "./step.ts";
import { lifetimeAttributes } from "./transform.ts";

// Initiator                                     Responder
// HDR*, HASH(1), SA, Ni, [KE], [IDci, IDcr] -->
//                                          <--  HDR*, HASH(2), SA, Nr, [KE], [IDci, IDcr]
// HDR*, HASH(3) -->

/** A message that begins a Quick Mode: decrypted, and its HASH(1) is right. */
export type Begin = {
  readonly messageId: number;
  readonly digest: Uint8Array;
  readonly received: ReceivedPayloads;
  readonly iv: Uint8Array;
};

/** Begins to work on it, or refuses it: the ISAKMP SA goes on. */
export function beginQuickMode(sa: Established, begin: Begin, context: IkeContext): Step {
  const tidy = dropReplaced(sa, begin.received.payloads, context);
  const begun = beginPlanned(tidy.sa, begin, context);
  return { sa: begun.sa, effects: [...tidy.effects, ...begun.effects] };
}

/**
 * A site with a small volume lifetime may rekey every few seconds. What the Child SA to be replaced
 * has itself replaced goes now, so that there are never more than two of each.
 */
function dropReplaced(
  sa: Established,
  payloads: readonly Received[],
  context: IkeContext,
): { readonly sa: Established; readonly effects: readonly IkeEffect[] } {
  const selectors = selectorsOf(sa, idsOf(payloads));
  const former = selectors.ok ? formerOf(sa, selectors.value) : undefined;
  const older = sa.children.find(({ spiIn }) => spiIn === former?.replaces);
  if (older?.redundantUntil === undefined) return { sa, effects: [] };
  return closeChild(sa, older, "rekeyed", context);
}

function beginPlanned(sa: Established, begin: Begin, context: IkeContext): Step {
  const plan = planOf(sa, begin.received.payloads);
  if (!plan.ok) return refuse(sa, begin, plan.error, context);
  const { messageId, digest, iv } = begin;
  const ke = payloadOf(begin.received.payloads, "KE");
  const common = { messageId, digest, iv };
  if (ke === undefined) return install(sa, common, { plan: plan.value, ...NO_SECRET }, context);
  const ticket = context.ticket();
  const method = plan.value.chosen.algorithms.ke;
  const random = context.random(privateOctets(method));
  const op = { op: "respond", method, random, peerPublic: ke.data.slice() } as const;
  const next: Exchanging = { ...common, stage: "exchanging", ticket, plan: plan.value };
  return {
    sa: replaceQuickMode(sa, next),
    effects: [{ kind: "key-exchange", ticket, op }],
  };
}

const NO_SECRET = { sharedSecret: new Uint8Array(0), publicValue: undefined } as const;

function planOf(sa: Established, payloads: readonly Received[]): Result<Plan, Refusal> {
  const offer = neededPayload(payloads, "SA", "Quick Mode");
  if (!offer.ok) return offer;
  const nonce = neededPayload(payloads, "NONCE", "Quick Mode");
  if (!nonce.ok) return nonce;
  const chosen = chooseEsp(offer.value, {
    suites: sa.policy.suites,
    encapsulations: encapsulationsOf(sa),
    keOctets: payloadOf(payloads, "KE")?.data.length,
    isSha256Short: sa.isSha256Short,
  });
  if (!chosen.ok) return chosen;
  const ids = idsOf(payloads);
  const selectors = selectorsOf(sa, ids);
  if (!selectors.ok) return selectors;
  const { local, remote } = selectors.value;
  const replaces = formerOf(sa, selectors.value);
  if (!hasRoomFor(sa, replaces)) {
    return err({ kind: "no-additional-sas", max: sa.policy.childSasMax });
  }
  const own = ids.map(({ identity, protocol, port }): IdPayload => {
    const { idType, data } = identity;
    return { kind: "ID", identity: { idType, data: data.slice() }, protocol, port };
  });
  const Ni = nonce.value.data.slice();
  return ok({ chosen: chosen.value, local, remote, replaces, Ni, ids: own });
}

function idsOf(payloads: readonly Received[]): readonly Received<IdPayload>[] {
  return payloads.filter((one): one is Received<IdPayload> => one.kind === "ID");
}

/** Our part of the key exchange is done, or could not be. */
export function onQuickKeyExchange(
  sa: Established,
  exchange: Exchanging,
  result: KeyExchangeResult,
  context: IkeContext,
): Step {
  if (!result.ok) {
    const refusal = keyExchangeRefusal(result.error);
    // A fault of ours: a repeat of the request begins anew.
    if (refusal.kind === "busy") {
      return { sa: withoutQuickMode(sa, exchange), effects: [refusedNote(STEP, refusal)] };
    }
    return refuse(sa, exchange, refusal, context);
  }
  const { sharedSecret, publicValue } = result.value;
  const { messageId, digest, iv, plan } = exchange;
  return install(sa, { messageId, digest, iv }, { plan, sharedSecret, publicValue }, context);
}

/** Asks the kernel to install the Child SA: our answer follows its own. */
function install(
  sa: Established,
  common: Pick<Begin, "messageId" | "digest" | "iv">,
  made: {
    readonly plan: Plan;
    readonly sharedSecret: Uint8Array;
    readonly publicValue: Uint8Array | undefined;
  },
  context: IkeContext,
): Step {
  const { plan, sharedSecret, publicValue } = made;
  const { chosen, Ni, ids } = plan;
  const Nr = context.random(NONCE_OCTETS);
  const spiIn = context.espSpi();
  const child = childOf(sa, { ...plan, spiIn }, context);
  const input = { Ni, Nr, spiI: chosen.spi, spiR: spiIn, sharedSecret, role: "responder" } as const;
  const keys = keysOf(sa, child.algorithms, input);
  wipe(sharedSecret);
  const payloads: readonly Payload[] = [
    answerOf(chosen, spiIn),
    { kind: "NONCE", data: Nr },
    ...(publicValue === undefined ? [] : [{ kind: "KE", data: publicValue } as const]),
    ...ids,
    ...responderLifetime(sa, plan, child.spiIn),
  ];
  const { messageId, digest } = common;
  const head = { exchangeType: ExchangeType.QUICK_MODE, messageId, iv: common.iv };
  const sealed = sealMessage(sa, head, hashed(sa, messageId, payloads, Ni), context);
  const { octets: answer, iv } = sealed;
  const ticket = context.ticket();
  const stage = "installing";
  const next: Installing = { messageId, digest, iv, stage, ticket, child, Ni, Nr, answer };
  return {
    sa: replaceQuickMode(sa, next),
    effects: [
      { kind: "child-up", ticket, child, keys, inboundOnly: true, isOurs: false },
      ...countLegacy(child.algorithms),
    ],
  };
}

/** The peer is told of our lifetime where it is shorter than the peer's (RFC 2407 §4.5.4). */
function responderLifetime(
  { policy }: Established,
  { chosen }: Plan,
  spiIn: number,
): readonly Payload[] {
  const seconds = Math.floor(policy.lifetimeMs / 1_000);
  const offered = chosen.lifetime.seconds;
  if (offered === undefined || offered <= seconds) return [];
  const w = new Writer();
  emitAttributes(w, lifetimeAttributes({ seconds, kilobytes: undefined }));
  const spi = new Writer(4).u32(spiIn).done();
  return [notify(NotifyType.RESPONDER_LIFETIME, { protocol: Protocol.ESP, spi, data: w.done() })];
}

/** The kernel has answered: the peer gets the second message, unless the kernel refuses. */
export function onQuickInstalled(
  sa: Established,
  exchange: Installing,
  result: Result<undefined, Refusal>,
  context: IkeContext,
): Step {
  if (!result.ok) {
    const note = refusedNote(STEP, result.error);
    if (result.error.kind !== "kernel") return refuse(sa, exchange, result.error, context);
    // A fault of ours: a repeat of the request begins anew.
    return { sa: withoutQuickMode(sa, exchange), effects: [note] };
  }
  const { messageId, digest, iv, child, Ni, Nr, answer: octets } = exchange;
  const waitMs = copyWaitMs(sa.settings, 1, context);
  const sent = { octets, attempts: 1, retransmitAt: later(context.now, waitMs) };
  const { spiIn } = child;
  const next: Answered = { messageId, digest, iv, stage: "answered", spiIn, Ni, Nr, sent };
  const { child: made, effects } = sendingIfAlone(sa, child);
  const children = [...sa.children, made];
  return {
    sa: replaceQuickMode({ ...sa, children }, next),
    effects: [...effects, { kind: "send", octets, path: sa.path }],
  };
}

/** What it replaces may have gone while the kernel worked: then nothing else sends. */
function sendingIfAlone(
  { children }: Established,
  child: ChildSa,
): { readonly child: ChildSa; readonly effects: readonly IkeEffect[] } {
  const { spiIn, replaces } = child;
  if (replaces === undefined || children.some((one) => one.spiIn === replaces)) {
    return { child, effects: [] };
  }
  const outbound = { kind: "child-outbound", spiIn, insteadOf: replaces } as const;
  return { child: { ...child, replaces: undefined }, effects: [outbound] };
}

/** HASH(3): the peer has our answer, and both ends can send. */
export function onHash3(
  sa: Established,
  exchange: Answered,
  { received: { payloads }, iv, isCommitted }: Omit<NextMessage, "digest">,
  context: IkeContext,
): Step | undefined {
  const { messageId, digest, Ni, Nr, spiIn } = exchange;
  const HASH = payloadOf(payloads, "HASH");
  const wanted = quickModeHash3(sa.algorithms.prf, sa.keys.SKEYID_a, messageId, { Ni, Nr });
  if (HASH === undefined || !equalConstantTime(HASH.data, wanted)) return undefined;
  const forgetAt = later(context.now, LINGER_MS);
  const child = sa.children.find((one) => one.spiIn === spiIn);
  const { held, effects: outbound } = outboundOf(spiIn, isCommitted, context.now);
  const over = { messageId, digest, iv, stage: "over", last: undefined, held, forgetAt } as const;
  const done = replaceQuickMode(sa, over);
  // It was deleted meanwhile.
  if (child === undefined) return { sa: done, effects: [] };
  // A site that asks without a group may take one as well.
  const { ke } = child.algorithms;
  const taken = ke === Ke.NONE ? { sa: done, effects: [] } : took(done, ke);
  const effects: IkeEffect[] = [...outbound, ...taken.effects];
  if (child.replaces === undefined) {
    effects.push(okNote(STEP, "child-sa-up", childText(child)));
    return { sa: taken.sa, effects };
  }
  effects.push({ kind: "count", counter: "child_sas_rekeyed" });
  effects.push(okNote(STEP, "child-sa-rekeyed", childText(child)));
  const redundantUntil = later(context.now, SUPERSEDED_MS);
  const children = done.children.map((one) =>
    one.spiIn === child.replaces ? { ...one, redundantUntil, rekeyAt: undefined } : one,
  );
  return { sa: { ...taken.sa, children }, effects };
}

/** Tells the peer and the journal; repeats of the request are ignored for a while. */
function refuse(
  sa: Established,
  { messageId, digest, iv }: Pick<Begin, "messageId" | "digest" | "iv">,
  refusal: Refusal,
  context: IkeContext,
): Step {
  const forgetAt = later(context.now, LINGER_MS);
  const over = {
    messageId,
    digest,
    iv,
    stage: "over",
    last: undefined,
    held: undefined,
    forgetAt,
  } as const;
  const next = replaceQuickMode(sa, over);
  const note = refusedNote(STEP, refusal);
  const told = errorNotify(refusal, { protocol: Protocol.ESP, spi: cookieOctets(sa.id) });
  if (told === undefined) return { sa: next, effects: [note] };
  const sent = sendInformational(next, [told], context);
  return { sa: sent.sa, effects: [...sent.effects, note] };
}

const STEP = "Quick Mode";
