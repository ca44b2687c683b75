/**
 * What to ask for next when the peer has refused new keys: never the same again, unless it was only
 * busy (RFC 7296 §1.3, §2.8, §2.25).
 */

import type { Suite } from "../../crypto/suite.ts";
import { Ke } from "../../crypto/transform.ts";
import { type Instant, later } from "../../octets/instant.ts";
import type { Payload } from "../../wire/v2/message.ts";
import { NotifyType } from "../../wire/v2/notify-type.ts";
import { BUSY_MS_MAX } from "../limits.ts";
import type { Struggle } from "../struggle.ts";
import type { Method } from "./asking.ts";
import type { Established } from "./established-phase.ts";
import { errorNotifyOf, wantedMethodOf } from "./find-payload.ts";
import { allowsMethod, firstMethod } from "./proposal.ts";

/** What became of a request. */
export type Setback =
  /** The answer grants what cannot be, or its payloads cannot be read. */
  { readonly kind: "wrong-answer" } | Refused;

export type Refused = {
  readonly kind: "refused";
  readonly notify: number;
  /** The key exchange that the peer asks for instead. */
  readonly wanted: number | undefined;
};

export type NextTry =
  /** The peer is busy: the same once more, after a while. */
  | { readonly kind: "later" }
  /** At once, with another key exchange (0: none), or the same one and no other beside it. */
  | { readonly kind: "method"; readonly method: number }
  /** At once, as a Child SA that replaces nothing; with all that the site may have. */
  | { readonly kind: "as-new"; readonly widely: boolean }
  /** Nothing in this IKE SA helps: a new one, with a new authentication. */
  | { readonly kind: "anew" };

/** What a request was made with, and what was refused before it. */
export type Tried = Method & {
  /** Methods that were refused since the last success, the request's own among them. */
  readonly tried: readonly number[];
  /** In the order in which they are tried. */
  readonly methods: readonly number[];
  /** Whether the request can be made as one for a new Child SA. */
  readonly canBeNew: boolean;
};

/** What the peer answered, if it was an error notify. */
export function setbackOf(payloads: readonly Payload[]): Refused | undefined {
  const notify = errorNotifyOf(payloads);
  if (notify === undefined) return undefined;
  return { kind: "refused", notify, wanted: wantedMethodOf(payloads) };
}

/** What is left to be tried. `struggle` says since when it has been refused. */
export function nextTry(
  setback: Setback,
  request: Tried,
  { struggle, now }: { readonly struggle: Struggle | undefined; readonly now: Instant },
): NextTry {
  if (setback.kind === "wrong-answer") return nextMethod(request);
  const { notify, wanted } = setback;
  const { methods, tried } = request;
  switch (notify) {
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
 * In their turn: what worked last, the group of the Child SA, that of the IKE SA, which many peers
 * take when nothing else is configured there, then the eroute's others. An eroute that has "none"
 * before all groups begins without.
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

/** In its turn: the group that the IKE SA has, then the others of its eroute. */
export function ikeMethods({
  policy,
  algorithms,
}: Pick<Established, "policy" | "algorithms">): readonly number[] {
  const first = allowsMethod(policy.ikeSuites, algorithms.ke) ? [algorithms.ke] : [];
  return unique([...first, ...policy.ikeSuites.flatMap(({ ke }) => ke)]);
}

/**
 * The suites of a request: its group before the others, so that a peer who heeds our order takes
 * it; or alone.
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
