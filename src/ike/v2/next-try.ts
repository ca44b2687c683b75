/**
 * What to request next when the peer has refused new keys: never the same again, unless the peer
 * was only busy (RFC 7296 §1.3, §2.8, §2.25).
 */

import type { Suite } from "../../crypto/suite.ts";
import { Ke } from "../../crypto/transform.ts";
import { type Instant, later } from "../../octets/instant.ts";
import type { Payload } from "../../wire/v2/message.ts";
import { NotifyType } from "../../wire/v2/notify-type.ts";
import { BUSY_MS_MAX } from "../limits.ts";
import type { Method } from "../method.ts";
import type { Struggle } from "../struggle.ts";
import type { Established } from "./established-phase.ts";
import { errorNotifyOf, wantedMethodOf } from "./find-payload.ts";
import { allowsMethod, firstMethod } from "./proposal.ts";
import type { IkeEffect } from "./step.ts";

/** Why a request failed. */
export type Setback =
  /** The answer does not match the request, or its payloads cannot be read. */
  { readonly kind: "wrong-answer" } | Refused;

export type Refused = {
  readonly kind: "refused";
  readonly notify: number;
  /** The key exchange that the peer asks for instead. */
  readonly wanted: number | undefined;
};

export type NextTry =
  /** The peer is busy: the same request again, after a while. */
  | { readonly kind: "later" }
  /** At once, with another key exchange (0: none), or with the same one alone. */
  | { readonly kind: "method"; readonly method: number }
  /** At once, for a Child SA that replaces nothing and has all subnets of the site. */
  | { readonly kind: "as-new"; readonly widely: boolean }
  /** Nothing helps in this IKE SA: a new one, with a new authentication. */
  | { readonly kind: "anew" };

/** A request that failed, and what was refused before it. */
export type Tried = Method & {
  /** Methods that were refused since the last success, including the request's own. */
  readonly tried: readonly number[];
  /** All methods, in the order in which they are tried. */
  readonly methods: readonly number[];
  /** Whether a request for a new Child SA could take its place. */
  readonly canBeNew: boolean;
};

/** The error notify in the peer's answer, if there is one. */
export function setbackOf(payloads: readonly Payload[]): Refused | undefined {
  const notify = errorNotifyOf(payloads);
  if (notify === undefined) return undefined;
  return { kind: "refused", notify, wanted: wantedMethodOf(payloads) };
}

/** What is left to try. `struggle` says since when the peer has refused. */
export function nextTry(
  setback: Setback,
  request: Tried,
  { struggle, now }: { readonly struggle: Struggle | undefined; readonly now: Instant },
): NextTry {
  if (setback.kind === "wrong-answer") return nextMethod(request);
  const { notify, wanted } = setback;
  const { methods, tried } = request;
  switch (notify) {
    // The peer has forgotten what the additional key exchanges belong to (RFC 9370 §2.2.4).
    case NotifyType.STATE_NOT_FOUND:
    case NotifyType.TEMPORARY_FAILURE: {
      const isLasting = struggle !== undefined && now >= later(struggle.since, BUSY_MS_MAX);
      return isLasting ? ANEW : { kind: "later" };
    }
    case NotifyType.INVALID_KE_PAYLOAD: {
      const isNews = wanted !== undefined && !tried.includes(wanted);
      if (isNews && methods.includes(wanted)) return { kind: "method", method: wanted };
      return nextMethod(request);
    }
    case NotifyType.NO_PROPOSAL_CHOSEN: {
      const { method, alone } = request;
      const wasOneOfSeveral = !alone && method !== Ke.NONE && methods.length > 1;
      return wasOneOfSeveral ? { kind: "method", method } : nextMethod(request);
    }
    case NotifyType.NO_ADDITIONAL_SAS:
    case NotifyType.INVALID_SYNTAX:
    case NotifyType.AUTHENTICATION_FAILED:
    case NotifyType.FAILED_CP_REQUIRED:
      return ANEW;
    case NotifyType.TS_UNACCEPTABLE:
      return request.canBeNew ? { kind: "as-new", widely: true } : ANEW;
    default:
      return asNew(request);
  }
}

/**
 * Their order: the method that worked last, the group of the Child SA, that of the IKE SA, which
 * many peers accept when nothing else is configured there, then the others of the eroute. If
 * the eroute has "none" before all groups, no key exchange is tried first.
 */
export function childMethods(
  { policy, childMethod, algorithms }: Pick<Established, "policy" | "childMethod" | "algorithms">,
  current: number,
): readonly number[] {
  const { suites } = policy;
  const all = suites.flatMap(({ ke }) => (ke.length === 0 ? [Ke.NONE] : ke));
  const wantsGroup = firstMethod(suites) !== Ke.NONE;
  const likely = [
    ...(childMethod === undefined ? [] : [childMethod.method]),
    ...(current === Ke.NONE ? [] : [current]),
    ...(wantsGroup ? [algorithms.ke] : []),
  ];
  return unique([...likely.filter((id) => all.includes(id)), ...all]);
}

/** Nothing if new keys came with it before. */
export function methodChanged(
  { childMethod: before }: Pick<Established, "childMethod">,
  method: Method,
): readonly IkeEffect[] {
  if (before?.method === method.method && before.alone === method.alone) return [];
  return [{ kind: "child-method", method }];
}

/** Their order: the group of the IKE SA, then the others of its eroute. */
export function ikeMethods({
  policy,
  algorithms,
}: Pick<Established, "policy" | "algorithms">): readonly number[] {
  const first = allowsMethod(policy.ikeSuites, algorithms.ke) ? [algorithms.ke] : [];
  return unique([...first, ...policy.ikeSuites.flatMap(({ ke }) => ke)]);
}

/**
 * The suites of a request: with its group before the others, so that a peer that follows our order
 * chooses it; or with its group alone.
 */
export function suitesFor(suites: readonly Suite[], { method, alone }: Method): readonly Suite[] {
  const allows = ({ ke }: Suite) => ke.includes(method) || (ke.length === 0 && method === Ke.NONE);
  const allowing = suites.filter(allows);
  if (method === Ke.NONE) return allowing;
  if (alone) return allowing.map((suite) => ({ ...suite, ke: [method] }));
  const first = allowing.map((suite) => {
    return { ...suite, ke: [method, ...suite.ke.filter((id) => id !== method)] };
  });
  return [...first, ...suites.filter((suite) => !allows(suite))];
}

function nextMethod(request: Tried): NextTry {
  const { methods, tried } = request;
  const next = methods.find((id) => !tried.includes(id));
  return next === undefined ? asNew(request) : { kind: "method", method: next };
}

function asNew({ canBeNew }: Tried): NextTry {
  return canBeNew ? { kind: "as-new", widely: false } : ANEW;
}

const ANEW: NextTry = { kind: "anew" };

function unique(ids: readonly number[]): readonly number[] {
  return [...new Set(ids)];
}
