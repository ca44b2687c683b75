/** CREATE_CHILD_SA as initiator: a new Child SA, or one that replaces another (RFC 7296 §1.3). */

import { type KeyExchangeResult, privateOctets } from "../../crypto/key-exchange.ts";
import { Ke } from "../../crypto/transform.ts";
import { later } from "../../octets/instant.ts";
import type { Result } from "../../octets/result.ts";
import { wipe } from "../../octets/secret.ts";
import { ExchangeType } from "../../wire/v2/exchange-type.ts";
import { type Payload, Protocol } from "../../wire/v2/message.ts";
import { NotifyType } from "../../wire/v2/notify-type.ts";
import { keyExchangeRefusal } from "../busy.ts";
import type { ChildSa } from "../child-sa.ts";
import type { IkeContext } from "../effect.ts";
import { NONCE_OCTETS, REPLACED_MS } from "../limits.ts";
import type { Refusal } from "../refusal.ts";
import { additionalMethods } from "./additional.ts";
import { okNote, refusedNote } from "./answer.ts";
import type { Asking, ChildAsk, ChildHow, Grant, GrantedChild } from "./asking.ts";
import { askLater, onRefused, onWrongAnswer, putOff } from "./child-setback.ts";
import { isRedundant, lowerNonce } from "./collision.ts";
import { close, closeChild } from "./delete.ts";
import type { Established } from "./established-phase.ts";
import { neededPayload } from "./find-payload.ts";
import { beginFollowup, withoutLink } from "./followup-request.ts";
import { CHILD_RESPONSE, childOffer, grantedOf } from "./granted-child.ts";
import { childText, childUp, grantedChild, spiOctets } from "./make-child-sa.ts";
import { childMethods, methodChanged, setbackOf } from "./next-try.ts";
import { notify } from "./notify.ts";
import { ask } from "./request.ts";
import type { IkeEffect, Step } from "./step.ts";
import { addTask } from "./tasks.ts";
import { linkOf, withoutUnfinished } from "./unfinished.ts";

// Initiator                        Responder
// HDR, SK {[N(REKEY_SA),] SA, Ni, [KEi,] TSi, TSr} -->
//                             <--  HDR, SK {SA, Nr, [KEr,] TSi, TSr}

/** The Child SA that we want; `replaces` is set for a rekey. */
export type ChildWish = Pick<ChildAsk, "local" | "remote" | "mode"> & {
  readonly replaces: ChildSa | undefined;
  /** Undefined: it has not been refused before. */
  readonly how: ChildHow | undefined;
};

type Of<K extends Asking["kind"]> = Extract<Asking, { kind: K }>;

/** Makes our public value if there is to be a key exchange; otherwise sends the request at once. */
export function askForChild(sa: Established, wish: ChildWish, context: IkeContext): Step {
  const { local, remote, mode, replaces } = wish;
  const [first = Ke.NONE] = childMethods(sa, replaces?.algorithms.ke ?? Ke.NONE);
  const begin = { method: first, alone: sa.childMethod?.alone === true, tried: [] };
  const how = wish.how ?? { ...begin, asNew: false, widely: false };
  const { method } = how;
  const childAsk: ChildAsk = {
    local,
    remote,
    mode,
    ...how,
    replaces: replaces?.spiIn,
    spiIn: context.espSpi(),
    Ni: context.random(NONCE_OCTETS),
    privateOctets: method === Ke.NONE ? new Uint8Array(0) : context.random(privateOctets(method)),
  };
  if (method === Ke.NONE) return send(sa, childAsk, undefined, context);
  const ticket = context.ticket();
  const op = { op: "offer", method, random: childAsk.privateOctets.slice() } as const;
  return {
    sa: { ...sa, asking: { kind: "child-public-value", ticket, ask: childAsk } },
    effects: [{ kind: "key-exchange", ticket, op }],
  };
}

/** Our public value is ready. */
export function onChildPublicValue(
  sa: Established,
  asking: Of<"child-public-value">,
  result: KeyExchangeResult,
  context: IkeContext,
): Step {
  if (result.ok) return send(sa, asking.ask, result.value.publicValue, context);
  return askLater(sa, asking.ask, keyExchangeRefusal(result.error), context);
}

function send(
  sa: Established,
  childAsk: ChildAsk,
  publicValue: Uint8Array | undefined,
  context: IkeContext,
): Step {
  const { replaces, method, local, remote } = childAsk;
  const payloads: Payload[] = [];
  if (replaces !== undefined && !childAsk.asNew) {
    const [spi, type] = [spiOctets(replaces), NotifyType.REKEY_SA];
    payloads.push({ kind: "NOTIFY", protocol: Protocol.ESP, spi, type, data: new Uint8Array(0) });
  }
  if (childAsk.mode === "transport") payloads.push(notify(NotifyType.USE_TRANSPORT_MODE));
  payloads.push({ kind: "SA", proposals: childOffer(sa, childAsk) });
  payloads.push({ kind: "NONCE", data: childAsk.Ni });
  if (publicValue !== undefined) payloads.push({ kind: "KE", method, data: publicValue });
  payloads.push({ kind: "TSi", selectors: local, unknown: 0 });
  payloads.push({ kind: "TSr", selectors: remote, unknown: 0 });
  const asked = ask(sa, ExchangeType.CREATE_CHILD_SA, payloads, context);
  const kind = "child-response";
  const asking: Asking = { kind, ask: childAsk, rival: undefined, deleted: [] };
  return { sa: { ...asked.sa, asking }, effects: asked.effects };
}

/** The peer's answer: a Child SA, a request for another group, or a refusal. */
export function onChildResponse(
  sa: Established,
  asking: Of<"child-response">,
  payloads: readonly Payload[],
  context: IkeContext,
): Step {
  const free: Established = { ...sa, asking: undefined };
  const childAsk = asking.ask;
  const setback = setbackOf(payloads);
  if (setback !== undefined) return onRefused(free, childAsk, setback, context);
  const granted = grantedOf(sa, childAsk, payloads);
  if (!granted.ok) return onWrongAnswer(free, childAsk, granted.error, context);
  if (asking.deleted.includes(granted.value.chosen.spi)) {
    return askLater(free, childAsk, DELETED_EARLY, context);
  }
  const method = granted.value.chosen.choice.ke;
  if (method === Ke.NONE) {
    return installGranted(free, asking, { granted: granted.value, secrets: [] }, context);
  }
  const ke = neededPayload(payloads, "KE", CHILD_RESPONSE);
  if (!ke.ok) return onWrongAnswer(free, childAsk, ke.error, context);
  if (ke.value.method !== method || method !== childAsk.method) {
    const detail = `key exchange ${ke.value.method} for group ${method}`;
    const refusal: Refusal = { kind: "malformed", where: CHILD_RESPONSE, detail };
    return onWrongAnswer(free, childAsk, refusal, context);
  }
  const link = linkOf(payloads);
  if (additionalMethods(granted.value.chosen.algorithms).length > 0) {
    if (link === undefined) {
      return onWrongAnswer(free, childAsk, withoutLink(CHILD_RESPONSE), context);
    }
    // Nothing is made yet, so the end that loses only stops (RFC 9370 §2.2.4).
    if (hasLost(asking, granted.value)) {
      wipe(childAsk.privateOctets);
      return { sa: free, effects: [{ kind: "count", counter: "rekey_collisions" }] };
    }
  }
  const ticket = context.ticket();
  const peerPublic = ke.value.data.slice();
  const op = { op: "derive", method, random: childAsk.privateOctets.slice(), peerPublic } as const;
  const { rival } = asking;
  const kind = "child-shared-secret";
  const begun = { granted: granted.value, link, isDeleted: false };
  const next: Asking = { kind, ticket, ask: childAsk, rival, ...begun };
  const isAhead = rival !== undefined && !hasLost(asking, granted.value);
  return {
    sa: { ...(isAhead ? withoutUnfinished(sa) : sa), asking: next },
    effects: [{ kind: "key-exchange", ticket, op }],
  };
}

/** Whether the peer's exchange for the same Child SA stays, whatever ours would make (§2.8.1). */
function hasLost(
  { ask: { asNew, Ni }, rival }: Pick<Of<"child-response">, "ask" | "rival">,
  { Nr }: Pick<GrantedChild, "Nr">,
): boolean {
  // The peer does not know what a new one replaces: beside the peer's own rekey it is redundant.
  return rival !== undefined && (asNew || isRedundant(lowerNonce(Ni, Nr), rival.nonce));
}

/** The shared secret is ready, for a Child SA with its own key exchange. */
export function onChildSharedSecret(
  sa: Established,
  asking: Of<"child-shared-secret">,
  result: KeyExchangeResult,
  context: IkeContext,
): Step {
  const free: Established = { ...sa, asking: undefined };
  if (!result.ok) {
    const refusal = keyExchangeRefusal(result.error);
    return onWrongAnswer(free, asking.ask, refusal, context);
  }
  const { ask: childAsk, granted, rival, link } = asking;
  const left = additionalMethods(granted.chosen.algorithms);
  const secrets = [result.value.sharedSecret];
  if (left.length === 0) {
    if (asking.isDeleted) return dropDeleted(free, { ask: childAsk, secrets }, context);
    return installGranted(free, asking, { granted, secrets }, context);
  }
  const grant: Grant = { of: "child", ask: childAsk, rival, granted };
  return beginFollowup(free, { grant, left, secrets, link }, context);
}

/** The peer has deleted the Child SA that we were about to make: it is requested again later. */
export function dropDeleted(
  sa: Established,
  made: { readonly ask: ChildAsk; readonly secrets: readonly Uint8Array[] },
  context: IkeContext,
): Step {
  wipe(...made.secrets);
  return askLater(sa, made.ask, DELETED_EARLY, context);
}

const DELETED_EARLY: Refusal = {
  kind: "temporary-failure",
  detail: "the peer has deleted the Child SA before it was up",
};

/** All key exchanges are done: makes the keys, and installs the Child SA. */
export function installGranted(
  sa: Established,
  asking: Pick<Of<"child-shared-secret">, "ask" | "rival">,
  made: { readonly granted: GrantedChild; readonly secrets: readonly Uint8Array[] },
  context: IkeContext,
): Step {
  const { ask: childAsk, rival } = asking;
  const { granted } = made;
  const [sharedSecret = new Uint8Array(0), ...additional] = made.secrets;
  const secrets = { prf: sa.algorithms.prf, SK_d: sa.keys.SK_d, sharedSecret, additional };
  const up = grantedChild({ granted, ...childAsk }, secrets, sa.policy, context);
  wipe(...made.secrets, childAsk.privateOctets);
  const ticket = context.ticket();
  const loses = hasLost(asking, granted);
  const { child } = up;
  const effects: IkeEffect[] = [childUp(ticket, up, { inboundOnly: loses, isOurs: true })];
  if (rival !== undefined) effects.push({ kind: "count", counter: "rekey_collisions" });
  const begun = { isRedundant: loses, isDeleted: false };
  const next: Asking = { kind: "child-install", ticket, child, rival, ...begun };
  const { method, alone } = childAsk;
  effects.push(...methodChanged(sa, { method, alone }));
  return { sa: { ...sa, childMethod: { method, alone }, asking: next }, effects };
}

/** It is in the kernel: the old one is deleted, or this one if the peer's stays (§2.8.1). */
export function onAskedChildInstalled(
  sa: Established,
  asking: Of<"child-install">,
  result: Result<undefined, Refusal>,
  context: IkeContext,
): Step {
  const { child, rival } = asking;
  const free: Established = { ...sa, asking: undefined };
  if (!result.ok) {
    const { spiIn, spiOut } = child;
    // The call was in vain: an IKE SA that we began is of no use without a Child SA.
    if (sa.children.length === 0 && child.replaces === undefined) {
      const closed = close(free, "no-child-sa", context);
      const note = refusedNote("CREATE_CHILD_SA", result.error);
      return { sa: closed.sa, effects: [note, ...closed.effects] };
    }
    const told = addTask(free, { kind: "delete-child", spiIn, spiOut });
    return putOff(told, child.replaces, { refusal: result.error, isRound: false }, context);
  }
  if (asking.isDeleted) {
    const down = { kind: "child-down", spiIn: child.spiIn, why: "peer-deleted" } as const;
    const way = { refusal: DELETED_EARLY, isRound: false };
    const later = putOff(free, child.replaces, way, context);
    return { sa: later.sa, effects: [down, ...later.effects] };
  }
  const up: Established = { ...free, children: [...sa.children, child] };
  if (asking.isRedundant) return closeChild(up, child.spiIn, "redundant");
  const isRekey = child.replaces !== undefined;
  const reason = isRekey ? "child-sa-rekeyed" : "child-sa-up";
  const note = okNote("CREATE_CHILD_SA", reason, childText(child));
  // If neither replaces anything, each end deletes only its own, if that is the redundant one.
  const judged = rival === undefined || !isRekey ? up : awaitDeleteOf(up, rival.made, context);
  const old = judged.children.find((candidate) => candidate.spiIn === child.replaces);
  const counted: IkeEffect[] = isRekey ? [{ kind: "count", counter: "child_sas_rekeyed" }] : [];
  if (old === undefined) return { sa: judged, effects: [note, ...counted] };
  // The old one still receives, but no longer sends; nor does the peer's, if the peer has
  // made one at the same time.
  const down = { kind: "child-down", spiIn: old.spiIn, why: "rekeyed" } as const;
  const task = { kind: "delete-child", spiIn: old.spiIn, spiOut: old.spiOut } as const;
  const children = judged.children.filter((candidate) => candidate !== old);
  return { sa: addTask({ ...judged, children }, task), effects: [down, note, ...counted] };
}

/** The one that the peer made is redundant: the peer deletes it, or we do after a while. */
function awaitDeleteOf(sa: Established, spiIn: ChildSa["spiIn"], context: IkeContext): Established {
  const redundantUntil = later(context.now, REPLACED_MS);
  const children = sa.children.map((child) =>
    child.spiIn === spiIn ? { ...child, rekeyAt: undefined, redundantUntil } : child,
  );
  return { ...sa, children };
}
