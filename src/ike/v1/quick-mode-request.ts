/** Quick Mode as initiator: a new Child SA, or new keys for one (RFC 2409 §5.5). */

import { type KeyExchangeResult, privateOctets } from "../../crypto/key-exchange.ts";
import { later } from "../../octets/instant.ts";
import { err, ok, type Result } from "../../octets/result.ts";
import { wipe } from "../../octets/secret.ts";
import { ExchangeType } from "../../wire/v1/header.ts";
import type { Payload, ReceivedPayloads } from "../../wire/v1/message.ts";
import { idOfSelector } from "../../wire/v1/traffic-id.ts";
import { keyExchangeRefusal } from "../busy.ts";
import type { IkeContext } from "../effect.ts";
import { retryMs } from "../jitter.ts";
import { LINGER_MS, NONCE_OCTETS, SUPERSEDED_MS, THIRD_MESSAGE_MS } from "../limits.ts";
import type { Refusal } from "../refusal.ts";
import { selectorsText } from "../selector-text.ts";
import { okNote, refusedNote } from "./answer.ts";
import { outboundOf } from "./commit-bit.ts";
import type { Established } from "./established-phase.ts";
import { neededPayload, payloadOf } from "./find-payload.ts";
import { quickModeHash3 } from "./keys.ts";
import { countLegacy } from "./legacy.ts";
import { chooseEsp, espOffer, isAnswerTo } from "./proposal.ts";
import { firstIv, hashed, newMessageId, sealMessage } from "./protect.ts";
import {
  childOf,
  childText,
  encapsulationsOf,
  formerOf,
  keysOf,
  type Selectors,
} from "./quick-child.ts";
import { groupsToTry, took } from "./quick-mode-groups.ts";
import type { Asked, Deriving, Granted, Offering, QuickMode, Wish } from "./quick-mode-phase.ts";
import {
  QUICK_MODES_MAX,
  quickModesUnderWay,
  replacedBy,
  replaceQuickMode,
} from "./quick-modes.ts";
import { copyWaitMs } from "./retransmit.ts";
import type { IkeEffect, Step } from "./step.ts";
import { encapsulationMode } from "./transform-numbers.ts";

/**
 * New keys for a Child SA, unless they are on their way. Of several with the same selectors only
 * the newest gets them: if both ends have rekeyed at once, the other one just expires.
 */
export function rekeyChild(sa: Established, spiIn: number, context: IkeContext): Step {
  const child = sa.children.find((one) => one.spiIn === spiIn);
  if (child === undefined) return { sa, effects: [] };
  // What replaces it may still come to nothing.
  if (isBeingReplaced(sa, spiIn)) return tryLater(sa, { replaces: child }, context);
  const { local, remote, mode } = child;
  const children = sa.children.map((one) => (one === child ? { ...one, rekeyAt: undefined } : one));
  if (formerOf(sa, child) !== child) return { sa: { ...sa, children }, effects: [] };
  const [method = 0] = groupsToTry(sa, child);
  return ask({ ...sa, children }, { local, remote, mode, replaces: child, method }, context);
}

function isBeingReplaced({ children, quickModes }: Established, spiIn: number): boolean {
  if (children.some(({ replaces }) => replaces === spiIn)) return true;
  return quickModes.some((one) => replacedBy(one) === spiIn);
}

/**
 * Child SAs for these selectors: one for each pair, as Quick Mode names one selector of each side.
 * Pairs that have one, or are getting one, are left out.
 */
export function askForChildren(
  sa: Established,
  wish: Pick<Wish, "local" | "remote">,
  context: IkeContext,
): Step {
  const mode = sa.policy.transport && sa.nat === "none" ? "transport" : "tunnel";
  const [method = 0] = groupsToTry(sa, undefined);
  let at = sa;
  const effects: IkeEffect[] = [];
  for (const pair of pairsOf(wish)) {
    if (hasChildFor(at, pair)) continue;
    if (at.children.length + quickModesUnderWay(at) >= sa.policy.childSasMax) break;
    const asked = ask(at, { ...pair, mode, replaces: undefined, method }, context);
    effects.push(...asked.effects);
    if (asked.sa?.phase === "established") at = asked.sa;
  }
  return { sa: at, effects };
}

function* pairsOf({ local, remote }: Selectors): Generator<Selectors> {
  for (const ours of local) {
    for (const theirs of remote) {
      if (ours.range.family === theirs.range.family) yield { local: [ours], remote: [theirs] };
    }
  }
}

function hasChildFor(sa: Established, pair: Selectors): boolean {
  if (formerOf(sa, pair) !== undefined) return true;
  const text = selectorsText(pair.local, pair.remote);
  return sa.quickModes.some((one) => {
    const asked = "wish" in one ? one.wish : "plan" in one ? one.plan : undefined;
    const made = asked ?? ("child" in one ? one.child : undefined);
    return made !== undefined && selectorsText(made.local, made.remote) === text;
  });
}

function ask(sa: Established, wish: Omit<Wish, "random">, context: IkeContext): Step {
  if (quickModesUnderWay(sa) >= QUICK_MODES_MAX) return tryLater(sa, wish, context);
  const messageId = newMessageId(sa, context);
  const common = { messageId, digest: new Uint8Array(0), iv: firstIv(sa, messageId) };
  const { method } = wish;
  if (method === 0) {
    const whole: Wish = { ...wish, random: new Uint8Array(0) };
    return sendRequest(sa, { ...common, wish: whole }, undefined, context);
  }
  const ticket = context.ticket();
  const random = context.random(privateOctets(method));
  const next: Offering = { ...common, stage: "offering", ticket, wish: { ...wish, random } };
  const op = { op: "offer", method, random: random.slice() } as const;
  return { sa: replaceQuickMode(sa, next), effects: [{ kind: "key-exchange", ticket, op }] };
}

/** Our public value is ready. */
export function onOffered(
  sa: Established,
  exchange: Offering,
  result: KeyExchangeResult,
  context: IkeContext,
): Step {
  if (!result.ok) return giveUp(sa, exchange, keyExchangeRefusal(result.error), context);
  return sendRequest(sa, exchange, result.value.publicValue, context);
}

function sendRequest(
  sa: Established,
  exchange: Pick<Offering, "messageId" | "digest" | "iv" | "wish">,
  gxi: Uint8Array | undefined,
  context: IkeContext,
): Step {
  const { messageId, digest, wish } = exchange;
  const Ni = context.random(NONCE_OCTETS);
  const spiIn = context.espSpi();
  const offer = espOffer(sa.policy.suites, {
    spi: spiIn,
    group: wish.method,
    encapsulation: encapsulationMode(wish.mode, sa.nat === "none" ? "none" : sa.natT),
    lifetime: { seconds: Math.floor(sa.policy.lifetimeMs / 1_000), kilobytes: undefined },
  });
  const [local, remote] = [wish.local[0], wish.remote[0]];
  const payloads: readonly Payload[] = [
    offer,
    { kind: "NONCE", data: Ni },
    ...(gxi === undefined ? [] : [{ kind: "KE", data: gxi } as const]),
    ...(local === undefined || remote === undefined
      ? []
      : [idOfSelector(local), idOfSelector(remote)]),
  ];
  const head = { exchangeType: ExchangeType.QUICK_MODE, messageId, iv: exchange.iv };
  const { octets, iv } = sealMessage(sa, head, hashed(sa, messageId, payloads), context);
  const waitMs = copyWaitMs(sa.settings, 1, context);
  const sent = { octets, attempts: 1, retransmitAt: later(context.now, waitMs) };
  const next: Asked = { messageId, digest, iv, stage: "asked", wish, Ni, spiIn, offer, sent };
  return {
    sa: replaceQuickMode(sa, next),
    effects: [{ kind: "send", octets, path: sa.path }],
  };
}

/** A further message of the peer, decrypted. */
export type NextMessage = {
  readonly received: ReceivedPayloads;
  readonly iv: Uint8Array;
  readonly digest: Uint8Array;
  /** It has the Commit bit. */
  readonly isCommitted: boolean;
};

/** The second message, whose HASH(2) is right: the peer grants what we ask for. */
export function onGranted(
  sa: Established,
  exchange: Asked,
  message: NextMessage,
  context: IkeContext,
): Step {
  const { payloads } = message.received;
  const { messageId, wish, Ni, spiIn } = exchange;
  const nonce = neededPayload(payloads, "NONCE", STEP);
  if (!nonce.ok) return giveUp(sa, exchange, nonce.error, context);
  const ke = payloadOf(payloads, "KE");
  const chosen = grantOf(sa, exchange, message.received);
  if (!chosen.ok) return giveUp(sa, exchange, chosen.error, context);
  const Nr = nonce.value.data.slice();
  const common = { messageId, digest: message.digest, iv: message.iv };
  const { isCommitted } = message;
  const granted = { wish, Ni, Nr, spiIn, chosen: chosen.value, isCommitted };
  if (wish.method === 0 || ke === undefined) {
    return installGranted(sa, { ...common, ...granted }, new Uint8Array(0), context);
  }
  const ticket = context.ticket();
  const { method, random } = wish;
  const next: Deriving = { ...common, ...granted, stage: "deriving", ticket };
  const peerPublic = ke.data.slice();
  const op = { op: "derive", method, random: random.slice(), peerPublic } as const;
  return { sa: replaceQuickMode(sa, next), effects: [{ kind: "key-exchange", ticket, op }] };
}

function grantOf(
  sa: Established,
  { offer, wish }: Asked,
  { payloads }: ReceivedPayloads,
): Result<Deriving["chosen"], Refusal> {
  const answer = neededPayload(payloads, "SA", STEP);
  if (!answer.ok) return answer;
  if (!isAnswerTo(offer, answer.value)) {
    return err({ kind: "malformed", where: STEP, detail: "the answer is not what was offered" });
  }
  const chosen = chooseEsp(answer.value, {
    suites: sa.policy.suites,
    encapsulations: encapsulationsOf(sa),
    keOctets: payloadOf(payloads, "KE")?.data.length,
    isSha256Short: sa.isSha256Short,
  });
  if (!chosen.ok) return chosen;
  if (chosen.value.algorithms.ke === wish.method) return ok(chosen.value);
  return err({ kind: "malformed", where: STEP, detail: "the answer has another group" });
}

/** The shared secret is ready. */
export function onDerived(
  sa: Established,
  exchange: Deriving,
  result: KeyExchangeResult,
  context: IkeContext,
): Step {
  if (!result.ok) return giveUp(sa, exchange, keyExchangeRefusal(result.error), context);
  return installGranted(sa, exchange, result.value.sharedSecret, context);
}

/** The peer may not have its inbound state yet: ours for sending waits. */
function installGranted(
  sa: Established,
  exchange: Omit<Deriving, "stage" | "ticket">,
  sharedSecret: Uint8Array,
  context: IkeContext,
): Step {
  const { messageId, digest, wish, Ni, Nr, spiIn, chosen, isCommitted } = exchange;
  const { local, remote, replaces } = wish;
  const child = childOf(sa, { local, remote, replaces, chosen, spiIn }, context);
  const input = { Ni, Nr, spiI: spiIn, spiR: chosen.spi, sharedSecret, role: "initiator" } as const;
  const keys = keysOf(sa, child.algorithms, input);
  wipe(sharedSecret, wish.random);
  const { algorithms, keys: own } = sa;
  const data = quickModeHash3(algorithms.prf, own.SKEYID_a, messageId, { Ni, Nr });
  const head = { exchangeType: ExchangeType.QUICK_MODE, messageId, iv: exchange.iv };
  const { octets: third, iv } = sealMessage(sa, head, [{ kind: "HASH", data }], context);
  const ticket = context.ticket();
  const next: Granted = {
    messageId,
    digest,
    iv,
    stage: "granted",
    ticket,
    child,
    third,
    isCommitted,
  };
  return {
    sa: replaceQuickMode(sa, next),
    effects: [
      { kind: "child-up", ticket, child, keys, inboundOnly: true, isOurs: true },
      ...countLegacy(child.algorithms),
    ],
  };
}

/** The kernel has answered: the peer gets HASH(3). */
export function onGrantedInstalled(
  sa: Established,
  exchange: Granted,
  result: Result<undefined, Refusal>,
  context: IkeContext,
): Step {
  if (!result.ok) return giveUp(sa, exchange, result.error, context);
  const { messageId, digest, iv, child, third: octets, isCommitted } = exchange;
  const forgetAt = later(context.now, THIRD_MESSAGE_MS);
  const { replaces, spiIn } = child;
  const redundantUntil = later(context.now, SUPERSEDED_MS);
  const former = sa.children.map((one) =>
    one.spiIn === replaces ? { ...one, redundantUntil, rekeyAt: undefined } : one,
  );
  const isRekey = former.some((one) => one.spiIn === replaces);
  const outbound = isRekey ? WHEN_REPLACED : outboundOf(spiIn, isCommitted, context.now);
  const { held } = outbound;
  const over = { messageId, digest, iv, stage: "over", last: octets, held, forgetAt } as const;
  const reason = isRekey ? "child-sa-rekeyed" : "child-sa-up";
  const effects: IkeEffect[] = [{ kind: "send", octets, path: sa.path }];
  if (isRekey) effects.push({ kind: "count", counter: "child_sas_rekeyed" });
  effects.push(...outbound.effects);
  effects.push(okNote(STEP, reason, childText(child)));
  const taken = took(sa, child.algorithms.ke);
  return {
    sa: replaceQuickMode({ ...taken.sa, children: [...former, child] }, over),
    effects: [...effects, ...taken.effects],
  };
}

/** A new Child SA sends once the one that it replaces is gone. */
const WHEN_REPLACED = { held: undefined, effects: [] } as const;

/**
 * The site does not accept our proposals. Each of them names the group of the KE payload, or none:
 * the next one that the eroute allows may be the site's.
 */
export function askInNextGroup(
  sa: Established,
  exchange: Asked,
  refusal: Refusal,
  context: IkeContext,
): Step {
  const { wish } = exchange;
  const groups = groupsToTry(sa, wish.replaces);
  const method = groups[groups.indexOf(wish.method) + 1];
  if (method === undefined) return giveUp(sa, exchange, refusal, context);
  wipe(wish.random);
  const { local, remote, mode, replaces } = wish;
  const next = { local, remote, mode, replaces, method };
  const asked = ask(withOver(sa, exchange, context), next, context);
  return { sa: asked.sa, effects: [refusedNote(STEP, refusal), ...asked.effects] };
}

/** It has failed: the journal says why, and a rekey is tried again later. */
export function giveUp(
  sa: Established,
  exchange: Exclude<QuickMode, { stage: "over" }>,
  refusal: Refusal,
  context: IkeContext,
): Step {
  const next = withOver(sa, exchange, context);
  const note = refusedNote(STEP, refusal);
  if (!("wish" in exchange)) return { sa: next, effects: [note] };
  wipe(exchange.wish.random);
  const again = tryLater(next, exchange.wish, context);
  return { sa: again.sa, effects: [note, ...again.effects] };
}

/** The exchange has come to nothing: late messages of it are known, and not answered. */
function withOver(
  sa: Established,
  { messageId, digest, iv }: QuickMode,
  { now }: IkeContext,
): Established {
  const forgetAt = later(now, LINGER_MS);
  return replaceQuickMode(sa, {
    messageId,
    digest,
    iv,
    stage: "over",
    last: undefined,
    held: undefined,
    forgetAt,
  });
}

function tryLater(
  sa: Established,
  { replaces }: Pick<Wish, "replaces">,
  context: IkeContext,
): Step {
  if (replaces === undefined) return { sa, effects: [] };
  const rekeyAt = later(context.now, retryMs(sa.policy.lifetimeMs, context.random));
  const children = sa.children.map((one) =>
    one.spiIn === replaces.spiIn ? { ...one, rekeyAt } : one,
  );
  return { sa: { ...sa, children }, effects: [] };
}

const STEP = "Quick Mode";
