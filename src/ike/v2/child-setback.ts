/** What happens when we asked for a Child SA and did not get it (RFC 7296 §2.8, §2.25). */

import { transformName } from "../../crypto/names.ts";
import { Ke, TransformType } from "../../crypto/transform.ts";
import { later } from "../../octets/instant.ts";
import { wipe } from "../../octets/secret.ts";
import { NotifyType } from "../../wire/v2/notify-type.ts";
import type { ChildSa } from "../child-sa.ts";
import type { IkeContext } from "../effect.ts";
import { retryMs } from "../jitter.ts";
import type { Refusal } from "../refusal.ts";
import { nextRoundAt, struggleOn } from "../struggle.ts";
import { noteOfStruggle, refusedNote } from "./answer.ts";
import type { ChildAsk, ChildHow } from "./asking.ts";
import { deleteEffects } from "./delete.ts";
import type { Established } from "./established-phase.ts";
import { childOffer } from "./granted-child.ts";
import { childMethods, type NextTry, nextTry, type Refused, type Setback } from "./next-try.ts";
import { offeredText } from "./proposal-text.ts";
import type { IkeEffect, Step } from "./step.ts";
import { addTask } from "./tasks.ts";

/** The peer refused. */
export function onRefused(
  sa: Established,
  childAsk: ChildAsk,
  setback: Refused,
  context: IkeContext,
): Step {
  const { notify } = setback;
  if (notify === NotifyType.CHILD_SA_NOT_FOUND) {
    wipe(childAsk.privateOctets);
    return onNotFound(sa, childAsk);
  }
  return tryNext(sa, childAsk, { setback, refusal: refusalOf(sa, childAsk, notify) }, context);
}

/** The answer does not match the request: the peer now has a Child SA that we cannot use. */
export function onWrongAnswer(
  sa: Established,
  childAsk: ChildAsk,
  refusal: Refusal,
  context: IkeContext,
): Step {
  const told = addTask(sa, { kind: "delete-child", spiIn: childAsk.spiIn, spiOut: undefined });
  // The fault is ours: the request was correct.
  if (refusal.kind === "busy") return askLater(told, childAsk, refusal, context);
  return tryNext(told, childAsk, { setback: { kind: "wrong-answer" }, refusal }, context);
}

/** The request itself was correct: it is repeated after a while. */
export function askLater(
  sa: Established,
  childAsk: ChildAsk,
  refusal: Refusal,
  context: IkeContext,
): Step {
  wipe(childAsk.privateOctets);
  const free: Established = { ...sa, asking: undefined };
  const waits = putOff(free, childAsk.replaces, { refusal, isRound: false }, context);
  return wishedAgain(waits, childAsk, context);
}

/** A new Child SA that nothing but the moment speaks against: the wish for it stays. */
function wishedAgain(done: Step, { replaces, local, remote }: ChildAsk, context: IkeContext): Step {
  if (replaces !== undefined || done.sa?.phase !== "established") return done;
  const { sa, effects } = done;
  const notBefore = later(context.now, retryMs(sa.policy.lifetimeMs, context.random));
  return { sa: addTask(sa, { kind: "new-child", local, remote, notBefore }), effects };
}

/** The Child SA that should be replaced stays until the kernel's hard limit removes it. */
export function putOff(
  sa: Established,
  replaces: ChildSa["spiIn"] | undefined,
  { refusal, isRound }: { readonly refusal: Refusal; readonly isRound: boolean },
  context: IkeContext,
): Step {
  const children = sa.children.map((child) => {
    if (child.spiIn !== replaces || child.redundantUntil !== undefined) return child;
    const struggle = struggleOn(child.struggle, context.now, isRound);
    return { ...child, struggle, rekeyAt: nextRoundAt(struggle, sa.policy.lifetimeMs, context) };
  });
  return { sa: { ...sa, children }, effects: [refusedNote("CREATE_CHILD_SA", refusal)] };
}

type Failed = { readonly setback: Setback; readonly refusal: Refusal };

function tryNext(
  sa: Established,
  childAsk: ChildAsk,
  { setback, refusal }: Failed,
  context: IkeContext,
): Step {
  wipe(childAsk.privateOctets);
  const { replaces, method, alone, asNew } = childAsk;
  const old = sa.children.find((child) => child.spiIn === replaces);
  const tried = [...childAsk.tried, method];
  const methods = childMethods(sa, old?.algorithms.ke ?? Ke.NONE);
  const canBeNew = old !== undefined && !asNew;
  const request = { method, alone, tried, methods, canBeNew };
  const next = nextTry(setback, request, { struggle: old?.struggle, now: context.now });
  const how = howOf(next, childAsk, { tried, first: methods[0] ?? Ke.NONE });
  if (how !== undefined) {
    return { sa: askAgain(sa, childAsk, how), effects: [refusedNote("CREATE_CHILD_SA", refusal)] };
  }
  const isRound = next.kind === "anew";
  const waits = putOff(sa, replaces, { refusal, isRound }, context);
  if (next.kind === "later") return wishedAgain(waits, childAsk, context);
  if (!isRound || old === undefined) return waits;
  const effects: IkeEffect[] = [...waits.effects, noteOfStruggle("a Child SA")];
  return { sa: waits.sa, effects: [...effects, { kind: "reauthenticate", why: "keys-refused" }] };
}

/** How it is requested again at once; undefined: not now. */
function howOf(
  next: NextTry,
  { asNew, widely }: ChildHow,
  { tried, first }: { readonly tried: readonly number[]; readonly first: number },
): ChildHow | undefined {
  switch (next.kind) {
    case "method":
      return { method: next.method, alone: true, tried, asNew, widely };
    case "as-new":
      return {
        method: first,
        alone: tried.length > 1,
        asNew: true,
        widely: next.widely,
        tried: tried.filter((id) => id !== first),
      };
    default:
      return undefined;
  }
}

/** A Delete goes first; a Child SA that the peer has replaced meanwhile is not requested. */
function askAgain(sa: Established, childAsk: ChildAsk, how: ChildHow): Established {
  const { replaces, local, remote } = childAsk;
  const free: Established = { ...sa, asking: undefined };
  if (replaces === undefined) return addTask(free, { kind: "new-child", local, remote, how });
  return addTask(free, { kind: "rekey-child", spiIn: replaces, how });
}

function refusalOf(sa: Established, childAsk: ChildAsk, notify: number): Refusal {
  const { replaces, method, asNew } = childAsk;
  const group = transformName(TransformType.KE, method, undefined);
  const keys = method === Ke.NONE ? "without a key exchange" : `with ${group}`;
  const what = replaces === undefined || asNew ? "a new Child SA" : "rekey of a Child SA";
  const because = offeredText(notify, childOffer(sa, childAsk));
  return { kind: "peer-refused", notify, asked: `${what} ${keys}`, ...because };
}

/** The peer has lost the Child SA: we remove it too, and request a new one (§2.25). */
function onNotFound(sa: Established, { replaces }: ChildAsk): Step {
  const old = sa.children.find((child) => child.spiIn === replaces);
  // Its replacement exists already, or it is gone here as well.
  if (old === undefined) return { sa, effects: [] };
  const children = sa.children.filter((child) => child !== old);
  const effects = deleteEffects(old, sa.children, "peer-lost-it");
  const left: Established = { ...sa, children };
  if (sa.children.some((child) => child.replaces === old.spiIn)) return { sa: left, effects };
  const { local, remote } = old;
  return { sa: addTask(left, { kind: "new-child", local, remote }), effects };
}
