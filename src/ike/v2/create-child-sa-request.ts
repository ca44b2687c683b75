/** CREATE_CHILD_SA as initiator: a new Child SA, or one that replaces another (RFC 7296 §1.3). */

import { type KeyExchangeResult, privateOctets } from "../../crypto/key-exchange.ts";
import { transformName } from "../../crypto/names.ts";
import { Ke, TransformType } from "../../crypto/transform.ts";
import { later } from "../../octets/instant.ts";
import { err, ok, type Result } from "../../octets/result.ts";
import { wipe } from "../../octets/secret.ts";
import { ExchangeType } from "../../wire/exchange-type.ts";
import { type Payload, Protocol } from "../../wire/message.ts";
import { NotifyType } from "../../wire/notify-type.ts";
import { keyExchangeRefusal } from "../busy.ts";
import type { ChildSa } from "../child-sa.ts";
import type { IkeContext, IkeEffect, Step } from "../effect.ts";
import { retryMs } from "../jitter.ts";
import { DETOURS_MAX, NONCE_OCTETS, REPLACED_MS } from "../limits.ts";
import type { Established } from "../phase.ts";
import { notify, type Refusal } from "../refusal.ts";
import { okNote, refusedNote } from "./answer.ts";
import type { Asking, ChildAsk, GrantedChild } from "./asking.ts";
import { isRedundant, lowerNonce } from "./collision.ts";
import { close, closeChild, deleteEffects } from "./delete.ts";
import { errorNotifyOf, notifyOf, payloadOf, wantedMethodOf } from "./find-payload.ts";
import { childText, childUp, grantedChild, spiOctets } from "./make-child-sa.ts";
import { isInside, narrow } from "./narrow.ts";
import { allowsMethod, chooseEsp, firstMethod, isAnswerTo, proposalsOf } from "./proposal.ts";
import { ask } from "./request.ts";
import { addTask } from "./tasks.ts";

// Initiator                        Responder
// HDR, SK {[N(REKEY_SA),] SA, Ni, [KEi,] TSi, TSr} -->
//                             <--  HDR, SK {SA, Nr, [KEr,] TSi, TSr}

/** What a Child SA is asked for with; `replaces` in a rekey. */
export type ChildWish = Pick<ChildAsk, "local" | "remote" | "mode"> & {
  readonly replaces: ChildSa | undefined;
};

type Of<K extends Asking["kind"]> = Extract<Asking, { kind: K }>;

/** Begins with our public value, where there is to be a key exchange; else asks at once. */
export function askForChild(sa: Established, wish: ChildWish, context: IkeContext): Step {
  const method = wish.replaces?.algorithms.ke || firstMethod(sa.policy.suites);
  return begin(sa, wish, { method, detours: 0 }, context);
}

function begin(
  sa: Established,
  wish: Pick<ChildAsk, "local" | "remote" | "mode"> & {
    readonly replaces: Pick<ChildSa, "spiIn"> | undefined;
  },
  how: { readonly method: number; readonly detours: number },
  context: IkeContext,
): Step {
  const { local, remote, mode } = wish;
  const { method, detours } = how;
  const childAsk: ChildAsk = {
    ...{ local, remote, mode, method, detours },
    replaces: wish.replaces?.spiIn,
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

/** Our public value is there. */
export function onChildPublicValue(
  sa: Established,
  asking: Of<"child-public-value">,
  result: KeyExchangeResult,
  context: IkeContext,
): Step {
  if (result.ok) return send(sa, asking.ask, result.value.publicValue, context);
  const refusal = keyExchangeRefusal(result.error);
  return giveUp(sa, asking.ask, refusal, context);
}

function send(
  sa: Established,
  childAsk: ChildAsk,
  publicValue: Uint8Array | undefined,
  context: IkeContext,
): Step {
  const { replaces, method, local, remote } = childAsk;
  const payloads: Payload[] = [];
  if (replaces !== undefined) {
    const [spi, type] = [spiOctets(replaces), NotifyType.REKEY_SA];
    payloads.push({ kind: "NOTIFY", protocol: Protocol.ESP, spi, type, data: new Uint8Array(0) });
  }
  if (childAsk.mode === "transport") payloads.push(notify(NotifyType.USE_TRANSPORT_MODE));
  payloads.push({ kind: "SA", proposals: offerOf(sa, childAsk) });
  payloads.push({ kind: "NONCE", data: childAsk.Ni });
  if (publicValue !== undefined) payloads.push({ kind: "KE", method, data: publicValue });
  payloads.push({ kind: "TSi", selectors: local, unknown: 0 });
  payloads.push({ kind: "TSr", selectors: remote, unknown: 0 });
  const asked = ask(sa, ExchangeType.CREATE_CHILD_SA, payloads, context);
  const kind = "child-response";
  const asking: Asking = { kind, ask: childAsk, rival: undefined, deleted: [] };
  return { sa: { ...asked.sa, asking }, effects: asked.effects };
}

function offerOf(sa: Established, { spiIn, method }: ChildAsk) {
  const withKe = method !== Ke.NONE;
  return proposalsOf(sa.policy.suites, { protocol: Protocol.ESP, spi: spiOctets(spiIn), withKe });
}

/** The peer's answer: a Child SA, another group, or no. */
export function onChildResponse(
  sa: Established,
  asking: Of<"child-response">,
  payloads: readonly Payload[],
  context: IkeContext,
): Step {
  const free: Established = { ...sa, asking: undefined };
  const childAsk = asking.ask;
  const error = errorNotifyOf(payloads);
  if (error !== undefined) return onRefused(free, childAsk, payloads, context);
  const granted = grantedOf(sa, childAsk, payloads);
  if (!granted.ok) return onWrongAnswer(free, childAsk, granted.error, context);
  if (asking.deleted.includes(granted.value.chosen.spi)) {
    const detail = "the peer has deleted it before its answer came";
    return giveUp(free, childAsk, { kind: "temporary-failure", detail }, context);
  }
  const method = granted.value.chosen.choice.ke;
  if (method === Ke.NONE) {
    return install(free, asking, { granted: granted.value, secret: new Uint8Array(0) }, context);
  }
  const ke = payloadOf(payloads, "KE");
  if (ke?.method !== method || method !== childAsk.method) {
    const refusal: Refusal = {
      kind: "malformed",
      where: "CREATE_CHILD_SA response",
      detail: `key exchange ${ke?.method ?? "none"} for group ${method}`,
    };
    return onWrongAnswer(free, childAsk, refusal, context);
  }
  const ticket = context.ticket();
  const peerPublic = ke.data.slice();
  const op = { op: "derive", method, random: childAsk.privateOctets.slice(), peerPublic } as const;
  const { rival } = asking;
  const kind = "child-shared-secret";
  return {
    sa: { ...sa, asking: { kind, ticket, ask: childAsk, rival, granted: granted.value } },
    effects: [{ kind: "key-exchange", ticket, op }],
  };
}

/** The shared secret of a Child SA with a key exchange of its own is there. */
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
  const { granted } = asking;
  return install(free, asking, { granted, secret: result.value.sharedSecret }, context);
}

function install(
  sa: Established,
  asking: Pick<Of<"child-shared-secret">, "ask" | "rival">,
  made: { readonly granted: GrantedChild; readonly secret: Uint8Array },
  context: IkeContext,
): Step {
  const { ask: childAsk, rival } = asking;
  const { granted, secret } = made;
  const secrets = { prf: sa.algorithms.prf, SK_d: sa.keys.SK_d, sharedSecret: secret };
  const up = grantedChild({ granted, ...childAsk }, secrets, sa.policy, context);
  wipe(secret, childAsk.privateOctets);
  const ticket = context.ticket();
  const lower = lowerNonce(childAsk.Ni, granted.Nr);
  const loses = rival !== undefined && isRedundant(lower, rival.nonce);
  const { child } = up;
  const effects: IkeEffect[] = [childUp(ticket, up, loses)];
  if (rival !== undefined) effects.push({ kind: "count", counter: "rekey_collisions" });
  const next: Asking = { kind: "child-install", ticket, child, rival, isRedundant: loses };
  return { sa: { ...sa, asking: next }, effects };
}

/** It is in the kernel: the one before goes; or this one, if the peer's counts (§2.8.1). */
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
    // Called for nothing: without a Child SA there is no use in the IKE SA.
    if (sa.children.length === 0 && child.replaces === undefined) {
      const closed = close(free, "no-child-sa", context);
      const note = refusedNote("CREATE_CHILD_SA", result.error);
      return { sa: closed.sa, effects: [note, ...closed.effects] };
    }
    const told = addTask(free, { kind: "delete-child", spiIn, spiOut });
    return putOff(told, child.replaces, result.error, context);
  }
  const up: Established = { ...free, children: [...sa.children, child] };
  if (asking.isRedundant) return closeChild(up, child.spiIn, "redundant");
  const isRekey = child.replaces !== undefined;
  const reason = isRekey ? "child-sa-rekeyed" : "child-sa-up";
  const note = okNote("CREATE_CHILD_SA", reason, childText(child));
  const judged = rival === undefined ? up : awaitDeleteOf(up, rival.made, context);
  const old = judged.children.find((candidate) => candidate.spiIn === child.replaces);
  const counted: IkeEffect[] = isRekey ? [{ kind: "count", counter: "child_sas_rekeyed" }] : [];
  if (old === undefined) return { sa: judged, effects: [note, ...counted] };
  // The old one still takes what is on its way, but sends no more; nor does the peer's, if it has
  // made one at the same time.
  const down = { kind: "child-down", spiIn: old.spiIn, why: "rekeyed" } as const;
  const task = { kind: "delete-child", spiIn: old.spiIn, spiOut: old.spiOut } as const;
  const children = judged.children.filter((candidate) => candidate !== old);
  return { sa: addTask({ ...judged, children }, task), effects: [down, note, ...counted] };
}

/** The peer made one too many: it deletes it, or we do after a while. */
function awaitDeleteOf(sa: Established, spiIn: ChildSa["spiIn"], context: IkeContext): Established {
  const redundantUntil = later(context.now, REPLACED_MS);
  const children = sa.children.map((child) =>
    child.spiIn === spiIn ? { ...child, rekeyAt: undefined, redundantUntil } : child,
  );
  return { ...sa, children };
}

function onRefused(
  sa: Established,
  childAsk: ChildAsk,
  payloads: readonly Payload[],
  context: IkeContext,
): Step {
  const error = errorNotifyOf(payloads) ?? 0;
  const method = wantedMethodOf(payloads);
  if (error === NotifyType.INVALID_KE_PAYLOAD && method !== undefined) {
    const detours = childAsk.detours + 1;
    if (allowsMethod(sa.policy.suites, method) && detours <= DETOURS_MAX) {
      const { replaces, local, remote, mode } = childAsk;
      const old = replaces === undefined ? undefined : { spiIn: replaces };
      return begin(sa, { replaces: old, local, remote, mode }, { method, detours }, context);
    }
  }
  wipe(childAsk.privateOctets);
  const asked = childAsk.replaces === undefined ? "a new Child SA" : "rekey of a Child SA";
  const refusal: Refusal = { kind: "peer-refused", notify: error, asked };
  if (error !== NotifyType.CHILD_SA_NOT_FOUND) return giveUp(sa, childAsk, refusal, context);
  return onNotFound(sa, childAsk);
}

/** The peer has lost the Child SA: it goes here too, and a new one takes its place (§2.25). */
function onNotFound(sa: Established, { replaces }: ChildAsk): Step {
  const old = sa.children.find((child) => child.spiIn === replaces);
  // Its successor is there already, or it is gone as well.
  if (old === undefined) return { sa, effects: [] };
  const children = sa.children.filter((child) => child !== old);
  const effects = deleteEffects(old, sa.children, "peer-lost-it");
  const left: Established = { ...sa, children };
  if (sa.children.some((child) => child.replaces === old.spiIn)) return { sa: left, effects };
  const { local, remote } = old;
  return { sa: addTask(left, { kind: "new-child", local, remote }), effects };
}

/** The answer grants what was not asked for: the peer has a Child SA that cannot be. */
function onWrongAnswer(
  sa: Established,
  childAsk: ChildAsk,
  refusal: Refusal,
  context: IkeContext,
): Step {
  const told = addTask(sa, { kind: "delete-child", spiIn: childAsk.spiIn, spiOut: undefined });
  return giveUp(told, childAsk, refusal, context);
}

function giveUp(sa: Established, childAsk: ChildAsk, refusal: Refusal, context: IkeContext): Step {
  wipe(childAsk.privateOctets);
  return putOff({ ...sa, asking: undefined }, childAsk.replaces, refusal, context);
}

/** A rekey that failed is tried again, until the kernel's hard limit ends the Child SA. */
function putOff(
  sa: Established,
  replaces: ChildSa["spiIn"] | undefined,
  refusal: Refusal,
  context: IkeContext,
): Step {
  const rekeyAt = later(context.now, retryMs(sa.policy.lifetimeMs, context.random));
  const children = sa.children.map((child) =>
    child.spiIn === replaces && child.redundantUntil === undefined ? { ...child, rekeyAt } : child,
  );
  return { sa: { ...sa, children }, effects: [refusedNote("CREATE_CHILD_SA", refusal)] };
}

function grantedOf(
  sa: Established,
  childAsk: ChildAsk,
  payloads: readonly Payload[],
): Result<GrantedChild, Refusal> {
  const answer = payloadOf(payloads, "SA");
  const nonce = payloadOf(payloads, "NONCE");
  if (nonce === undefined) return err(missing("Nonce"));
  const granted = grantedSelectors(childAsk, payloads, sa);
  if (!granted.ok) return granted;
  const { suites } = sa.policy;
  const withKe = childAsk.method !== Ke.NONE;
  const proposals = answer?.proposals ?? [];
  const sentKe = withKe ? childAsk.method : undefined;
  const chosen = chooseEsp(proposals, suites, { withKe, sentKe });
  if (!chosen.ok || !isAnswerTo(offerOf(sa, childAsk), proposals)) {
    const detail = chosen.ok
      ? `an algorithm that was not offered, or ${proposals.length} proposals`
      : `group ${transformName(TransformType.KE, childAsk.method, undefined)} and what else?`;
    return err({ kind: "malformed", where: "CREATE_CHILD_SA response", detail });
  }
  return ok({ ...granted.value, chosen: chosen.value, Nr: nonce.data.slice() });
}

/** The selectors of an answer: nothing that was not asked for (§2.9), and whole subnets. */
export function grantedSelectors(
  asked: Pick<ChildAsk, "local" | "remote" | "mode">,
  payloads: readonly Payload[],
  sa: Pick<Established, "nat">,
): Result<Pick<GrantedChild, "local" | "remote" | "mode">, Refusal> {
  const tsI = payloads.find((p) => p.kind === "TSi");
  const tsR = payloads.find((p) => p.kind === "TSr");
  if (tsI?.kind !== "TSi") return err(missing("TSi"));
  if (tsR?.kind !== "TSr") return err(missing("TSr"));
  const given = { local: tsI.selectors, remote: tsR.selectors };
  const narrowed = narrow(given, asked);
  if (!narrowed.ok) return narrowed;
  const { local, remote, leftOut } = narrowed.value;
  if (!isInside(given.local, asked.local) || !isInside(given.remote, asked.remote)) {
    const detail = "traffic selectors that were not asked for";
    return err({ kind: "malformed", where: "TSi and TSr payload", detail });
  }
  // The peer has cut what was asked for into pieces: it would send what has no policy here.
  if (leftOut !== undefined) return err({ kind: "too-many-selectors", detail: leftOut });
  const echoes = notifyOf(payloads, NotifyType.USE_TRANSPORT_MODE) !== undefined;
  const isTransport = echoes && asked.mode === "transport" && sa.nat === "none";
  return ok({ local, remote, mode: isTransport ? "transport" : "tunnel" });
}

function missing(payload: string): Refusal {
  return { kind: "missing-payload", exchange: "CREATE_CHILD_SA response", payload };
}
