/** CREATE_CHILD_SA as responder: a new Child SA, or one that replaces another (RFC 7296 §1.3). */

import { type KeyExchangeResult, privateOctets } from "../../crypto/key-exchange.ts";
import { transformName } from "../../crypto/names.ts";
import { Ke, TransformType } from "../../crypto/transform.ts";
import { asEspSpi } from "../../inet/esp-spi.ts";
import { SITE_PAIRS_MAX } from "../../inet/subnet-pairs.ts";
import { later } from "../../octets/instant.ts";
import { Reader } from "../../octets/reader.ts";
import { err, ok, type Result } from "../../octets/result.ts";
import { wipe } from "../../octets/secret.ts";
import type { IkeHeader } from "../../wire/header.ts";
import { ExchangeType } from "../../wire/v2/exchange-type.ts";
import { type Payload, Protocol } from "../../wire/v2/message.ts";
import { NotifyType } from "../../wire/v2/notify-type.ts";
import { keyExchangeRefusal } from "../busy.ts";
import { hasRoomFor } from "../child-count.ts";
import type { ChildSa } from "../child-sa.ts";
import type { IkeContext } from "../effect.ts";
import { NONCE_OCTETS, REPLACED_MS } from "../limits.ts";
import type { Refusal } from "../refusal.ts";
import { additionalMethods } from "./additional.ts";
import { type AnswerTo, answer, okNote, refuse } from "./answer.ts";
import { grantUnderWay, isIkeRekey } from "./asking.ts";
import { lowerNonce } from "./collision.ts";
import { configurationRequestOf, configure } from "./configuration.ts";
import { isBeingDeleted } from "./delete.ts";
import type { ChildPlan, Established, Serving, Unfinished } from "./established-phase.ts";
import { neededPayload, neededSelectors, notifyOf, payloadOf } from "./find-payload.ts";
import {
  type ChildRequest,
  childText,
  childUp,
  keysOf,
  leftOutNotes,
  planChild,
  prepareChild,
} from "./make-child-sa.ts";
import { methodChanged } from "./next-try.ts";
import { onRekeyIkeRequest } from "./rekey-ike-sa.ts";
import { countSelectorPairs } from "./selector-room.ts";
import type { IkeEffect, Step } from "./step.ts";
import { selectorKeys } from "./tasks.ts";
import { awaitNext, linkNotify, withoutUnfinished } from "./unfinished.ts";

// Initiator                        Responder
// HDR, SK {[N(REKEY_SA),] SA, Ni, [KEi,] TSi, TSr} -->
//                             <--  HDR, SK {SA, Nr, [KEr,] TSi, TSr}

/** Any of the three forms: a new Child SA, a rekeyed one, a rekeyed IKE SA (§1.3.1-1.3.3). */
export function onCreateChildSaRequest(
  sa: Established,
  header: IkeHeader,
  payloads: readonly Payload[],
  context: IkeContext,
): Step {
  const refuseWith = (refusal: Refusal) => refuse(sa, header, refusal, context);
  const offer = payloadOf(payloads, "SA");
  if (isIkeRekey(sa.asking)) {
    const isIke = offer?.proposals.some((proposal) => proposal.protocol === Protocol.IKE);
    if (isIke !== true) {
      return refuseWith({ kind: "temporary-failure", detail: "this IKE SA is being rekeyed" });
    }
  }
  if (offer?.proposals.some((proposal) => proposal.protocol === Protocol.IKE)) {
    return onRekeyIkeRequest(sa, header, payloads, context);
  }
  if (sa.unfinished?.grant.of === "ike") {
    return refuseWith({ kind: "temporary-failure", detail: "you are rekeying this IKE SA" });
  }
  const needed = neededOf(payloads);
  if (!needed.ok) return refuseWith(needed.error);
  const rekeyed = rekeyedChild(sa, payloads);
  if (!rekeyed.ok) return refuseWith(rekeyed.error);
  const replaces = rekeyed.value;
  if (!hasRoomFor(sa, replaces)) {
    const refused = refuseWith({ kind: "no-additional-sas", max: sa.policy.childSasMax });
    const counted = { kind: "count", counter: "child_sas_refused_full" } as const;
    return { sa: refused.sa, effects: [...refused.effects, counted] };
  }
  const ke = payloadOf(payloads, "KE");
  const sentKe = ke?.method;
  const asksTransport = notifyOf(payloads, NotifyType.USE_TRANSPORT_MODE) !== undefined;
  const wantsTransport = asksTransport && sa.nat === "none";
  const configured = configure(configurationRequestOf(payloads), sa.policy);
  // Some peers ask for an address at each rekey: a Child SA is not lost because there is none.
  if (!configured.ok && replaces === undefined) return refuseWith(configured.error);
  const reply = configured.ok ? configured.value.reply : undefined;
  const asked = { ...needed.value, sentKe, withKe: true };
  const request = { ...asked, wantsTransport, replaces, reply };
  const plan = planChild(request, sa.policy);
  if (!plan.ok) return refuseWith(plan.error);
  if (!hasRoomBeside(sa.children, plan.value)) {
    return refuseWith({ kind: "no-additional-pairs", max: SITE_PAIRS_MAX });
  }
  const method = plan.value.chosen.choice.ke;
  if (method === Ke.NONE) return install(sa, header, plan.value, { context });
  if (ke === undefined || ke.method !== method) {
    const offered = transformName(TransformType.KE, sentKe ?? 0, undefined);
    return refuseWith({ kind: "invalid-ke", offered, wantedMethod: method });
  }
  const ticket = context.ticket();
  const { messageId } = header;
  const random = context.random(privateOctets(method));
  const op = { op: "respond", method, random, peerPublic: ke.data.slice() } as const;
  const serving = { kind: "child-key-exchange", messageId, ticket, plan: plan.value } as const;
  return {
    sa: { ...yieldTo(sa, plan.value), serving },
    effects: [{ kind: "key-exchange", ticket, op }],
  };
}

/** Child SAs with the same selectors share their policies; a replaced one makes room. */
function hasRoomBeside(children: readonly ChildSa[], { narrowed, replaces }: ChildPlan): boolean {
  const others = children.filter((child) => child !== replaces);
  const bySelectors = new Map(
    [...others, narrowed].map((child) => [selectorKeys(child).join(" = "), child]),
  );
  let pairs = 0;
  for (const child of bySelectors.values()) pairs += countSelectorPairs(child);
  return pairs <= SITE_PAIRS_MAX;
}

/** Our public value and the shared secret are ready (perfect forward secrecy). */
export function onChildKeyExchange(
  sa: Established,
  serving: Extract<Serving, { kind: "child-key-exchange" }>,
  result: KeyExchangeResult,
  context: IkeContext,
): Step {
  const { messageId, plan } = serving;
  if (!result.ok) {
    const to = { exchangeType: ExchangeType.CREATE_CHILD_SA, messageId };
    return refuse(sa, to, keyExchangeRefusal(result.error), context);
  }
  return install(sa, { messageId }, plan, { context, exchanged: result.value });
}

/** The kernel has installed the Child SA, or refused it. */
export function onChildInstalled(
  sa: Established,
  serving: Extract<Serving, { kind: "child-install" }>,
  result: Result<undefined, Refusal>,
  context: IkeContext,
): Step {
  const { exchangeType, messageId } = serving;
  const to = { exchangeType, messageId };
  if (!result.ok) return refuse(sa, to, result.error, context);
  const child = serving.child.sa;
  const answered = answer(sa, to, serving.child.payloads, context);
  const isRekey = child.replaces !== undefined;
  const reason = isRekey ? "child-sa-rekeyed" : "child-sa-up";
  const effects: IkeEffect[] = [];
  const old = sa.children.find((candidate) => candidate.spiIn === child.replaces);
  // The old one may have expired meanwhile: then only the new one can send.
  if (isRekey && old === undefined) {
    effects.push({ kind: "child-outbound", spiIn: child.spiIn });
  }
  effects.push(...answered.effects, okNote("CREATE_CHILD_SA", reason, childText(child)));
  if (isRekey) effects.push({ kind: "count", counter: "child_sas_rekeyed" });
  // The peer deletes the Child SA that it has rekeyed; we must not rekey it.
  const redundantUntil = later(context.now, REPLACED_MS);
  const children = sa.children.map((candidate) =>
    candidate === old ? { ...old, rekeyAt: undefined, redundantUntil } : candidate,
  );
  const asking = withRival(sa.asking, child, serving.nonce);
  const { ke: method } = child.algorithms;
  const childMethod = method === Ke.NONE ? sa.childMethod : { method, alone: false };
  if (childMethod !== undefined) effects.push(...methodChanged(sa, childMethod));
  const here = { ...answered.sa, asking, childMethod };
  return { sa: { ...here, children: [...children, child] }, effects };
}

/**
 * Our own request for the same Child SA is under way, so there will be two (§2.8.1). The same
 * happens if both ends ask for the same new Child SA.
 */
function withRival(
  asking: Established["asking"],
  child: ChildSa,
  nonce: Uint8Array,
): Established["asking"] {
  if (asking?.kind !== "child-response") return asking;
  const { ask } = asking;
  const isNew = ask.replaces === undefined && child.replaces === undefined;
  const isSame = isNew
    ? String(selectorKeys(ask)) === String(selectorKeys(child))
    : isSameWish(ask, child);
  return isSame ? { ...asking, rival: { made: child.spiIn, nonce } } : asking;
}

/** The peer asks first for a Child SA that we wanted to request: our own wish is dropped. */
function yieldTo(sa: Established, plan: ChildPlan): Established {
  if (sa.asking?.kind !== "child-public-value") return sa;
  return isSameWish(sa.asking.ask, { replaces: plan.replaces?.spiIn })
    ? { ...sa, asking: undefined }
    : sa;
}

function isSameWish(a: Wish, b: Wish): boolean {
  return a.replaces !== undefined && a.replaces === b.replaces;
}

type Wish = Pick<ChildSa, "replaces">;

type Install = {
  readonly context: IkeContext;
  readonly exchanged?: { readonly publicValue: Uint8Array; readonly sharedSecret: Uint8Array };
};

function install(
  sa: Established,
  to: { readonly messageId: number },
  plan: ChildPlan,
  { context, exchanged }: Install,
): Step {
  const Nr = context.random(NONCE_OCTETS);
  const answered = prepareChild(plan, sa.policy, context);
  const isSelector = ({ kind }: Payload) => kind === "TSi" || kind === "TSr";
  const payloads = answered.payloads.filter((payload) => !isSelector(payload));
  payloads.push({ kind: "NONCE", data: Nr });
  if (exchanged !== undefined) {
    payloads.push({ kind: "KE", method: plan.chosen.choice.ke, data: exchanged.publicValue });
  }
  payloads.push(...answered.payloads.filter(isSelector));
  const grant = { of: "child", plan, Nr, child: answered.sa } as const;
  const exchangeType = ExchangeType.CREATE_CHILD_SA;
  const { messageId } = to;
  const secrets = [exchanged?.sharedSecret ?? new Uint8Array(0)];
  const left = additionalMethods(plan.chosen.algorithms);
  const here = yieldTo(sa, plan);
  const installing = { grant, secrets, payloads };
  if (left.length === 0) {
    return installPrepared(here, { exchangeType, messageId }, installing, context);
  }
  return followUp(here, { exchangeType, messageId }, { ...installing, left }, context);
}

/** Additional key exchanges follow: the Child SA is made after them (RFC 9370 §2.2.4). */
function followUp(
  sa: Established,
  to: AnswerTo,
  { grant, secrets, payloads, left }: Prepared & Pick<Unfinished, "left">,
  context: IkeContext,
): Step {
  const unfinished = awaitNext({ grant, left, secrets }, context);
  const here = { ...withoutUnfinished(sa), unfinished };
  const answered = answer(here, to, [...payloads, linkNotify(unfinished)], context);
  const nonce = lowerNonce(grant.plan.Ni, grant.Nr);
  const asking = withRival(sa.asking, grant.child, nonce);
  return { sa: { ...answered.sa, asking }, effects: answered.effects };
}

type Prepared = {
  readonly grant: Extract<Unfinished["grant"], { of: "child" }>;
  /** SK(0), SK(1), … */
  readonly secrets: readonly Uint8Array[];
  /** The answer, once the kernel has the Child SA. */
  readonly payloads: readonly Payload[];
};

/** All key exchanges are done: makes the keys, and installs the Child SA. */
export function installPrepared(
  sa: Established,
  { exchangeType, messageId }: AnswerTo,
  { grant, secrets, payloads }: Prepared,
  context: IkeContext,
): Step {
  const { plan, Nr } = grant;
  const [sharedSecret = new Uint8Array(0), ...additional] = secrets;
  const { prf } = sa.algorithms;
  const keys = keysOf(plan, { prf, SK_d: sa.keys.SK_d, sharedSecret, additional, Nr });
  wipe(...secrets);
  const ticket = context.ticket();
  const child = { sa: grant.child, payloads };
  const nonce = lowerNonce(plan.Ni, Nr);
  const kind = "child-install";
  const serving = { kind, messageId, ticket, child, nonce, exchangeType } as const;
  const made = { child: child.sa, keys };
  const inboundOnly = child.sa.replaces !== undefined;
  const up = childUp(ticket, made, { inboundOnly, isOurs: false });
  const notes = leftOutNotes("CREATE_CHILD_SA", plan);
  return { sa: { ...sa, serving }, effects: [...notes, up] };
}

/**
 * The Child SA that N(REKEY_SA) names by the peer's inbound SPI; undefined if there is no such
 * notify. One that we are deleting, or have all but replaced, cannot be rekeyed (§2.25.1).
 */
function rekeyedChild(
  sa: Established,
  payloads: readonly Payload[],
): Result<ChildSa | undefined, Refusal> {
  const rekey = notifyOf(payloads, NotifyType.REKEY_SA);
  if (rekey === undefined) return ok(undefined);
  const spi = rekey.spi.length === 4 ? new Reader(rekey.spi, "REKEY_SA").u32() : 0;
  const child = sa.children.find((candidate) => candidate.spiOut === spi);
  const { asking } = sa;
  if (child === undefined) {
    const isUnsure = isBeingDeleted(sa, asEspSpi(spi)) || mayBeMaking(asking, spi);
    return isUnsure
      ? err({ kind: "temporary-failure", detail: "this Child SA is just being made or deleted" })
      : err({ kind: "child-sa-not-found", spi, protocol: Protocol.ESP });
  }
  const grant = grantUnderWay(asking);
  const isNearlyDone =
    (grant?.of === "child" && grant.ask.replaces === child.spiIn) ||
    (asking?.kind === "child-shared-secret" && asking.ask.replaces === child.spiIn) ||
    (asking?.kind === "child-install" && asking.child.replaces === child.spiIn);
  if (!isNearlyDone) return ok(child);
  return err({ kind: "temporary-failure", detail: "this Child SA has been rekeyed" });
}

/**
 * Whether we may be making the Child SA with this SPI of the peer. The peer has it as soon as it
 * sends its last answer; we have it only after that answer, our key exchange and the kernel.
 */
function mayBeMaking(asking: Established["asking"], spi: number): boolean {
  switch (asking?.kind) {
    case "child-response":
      return true;
    case "child-shared-secret":
      return asking.granted.chosen.spi === spi;
    case "child-install":
      return asking.child.spiOut === spi;
    default: {
      const grant = grantUnderWay(asking);
      return grant?.of === "child" && grant.granted.chosen.spi === spi;
    }
  }
}

type Needed = Pick<ChildRequest, "sa" | "tsI" | "tsR" | "Ni">;

/** The payloads that every Child SA needs; KE is needed only if a group is chosen (§1.3). */
function neededOf(payloads: readonly Payload[]): Result<Needed, Refusal> {
  const sa = neededPayload(payloads, "SA", EXCHANGE);
  if (!sa.ok) return sa;
  const nonce = neededPayload(payloads, "NONCE", EXCHANGE);
  if (!nonce.ok) return nonce;
  const tsI = neededSelectors(payloads, "TSi", EXCHANGE);
  if (!tsI.ok) return tsI;
  const tsR = neededSelectors(payloads, "TSr", EXCHANGE);
  if (!tsR.ok) return tsR;
  return ok({ sa: sa.value, tsI: tsI.value, tsR: tsR.value, Ni: nonce.value.data.slice() });
}

const EXCHANGE = "CREATE_CHILD_SA";
