/** INFORMATIONAL as responder: Delete, notifies, and the empty liveness check (RFC 7296 §1.4). */

import { later } from "../../octets/instant.ts";
import type { IkeHeader } from "../../wire/header.ts";
import {
  type DeletePayload,
  type NotifyPayload,
  type Payload,
  Protocol,
} from "../../wire/v2/message.ts";
import { NotifyType } from "../../wire/v2/notify-type.ts";
import type { ChildSa } from "../child-sa.ts";
import type { IkeContext } from "../effect.ts";
import { retryMs } from "../jitter.ts";
import type { Refusal } from "../refusal.ts";
import { answer, answerAndEnd, failedNote, okNote } from "./answer.ts";
import { onAuthLifetime } from "./auth-lifetime.ts";
import { childrenOf, deleteEffects } from "./delete.ts";
import type { Established } from "./established-phase.ts";
import { unexpectedId } from "./expected-id.ts";
import { notifyOf } from "./find-payload.ts";
import { childText } from "./make-child-sa.ts";
import { onUpdateSaAddresses } from "./mobike.ts";
import { gatewayIn } from "./redirect.ts";
import { handedTasks } from "./rekey-collision.ts";
import type { IkeEffect, Step } from "./step.ts";
import { selectorKeys } from "./tasks.ts";

/** Handles and answers an INFORMATIONAL request; unknown notifies are ignored (§3.10.1). */
export function onInformationalRequest(
  sa: Established,
  header: IkeHeader,
  payloads: readonly Payload[],
  context: IkeContext,
): Step {
  if (deletesIke(payloads)) return onIkeDelete(sa, header, context);
  if (notifyOf(payloads, NotifyType.AUTHENTICATION_FAILED) !== undefined) {
    return onAuthenticationFailed(sa, header, context);
  }
  const deletes = payloads.filter((p): p is DeletePayload => p.kind === "DELETE");
  const ofEsp = deletes.filter((payload) => payload.protocol === Protocol.ESP);
  const gone = childrenOf(sa, new Set(ofEsp.flatMap((payload) => payload.spis)));
  const children = rekeyedAgain(sa, gone, context);
  const asking = withDeleted(sa, deletes);
  const effects: IkeEffect[] = [];
  for (const child of gone) effects.push(...deleteEffects(child, sa.children, "peer-deleted"));
  effects.push(...goneNotes(gone, children));
  // The answer names our own SPIs of the Child SAs that the peer deletes (§1.4.1).
  const spis = gone.map((child) => child.spiIn);
  const response: Payload[] =
    spis.length === 0 ? [] : [{ kind: "DELETE", protocol: Protocol.ESP, spis }];
  const believed = onAuthLifetime({ ...sa, children, asking }, payloads, context);
  const moved = onUpdateSaAddresses(believed, payloads);
  response.push(...moved.notifies, ...cookie2Of(payloads));
  const answered = answer(moved.sa, header, response, context);
  effects.push(...moved.effects, ...answered.effects);
  const to = sa.redirect === "followed" ? gatewayIn(payloads) : undefined;
  if (to !== undefined) effects.push({ kind: "redirected", to });
  return { sa: answered.sa, effects };
}

/** Whether a message deletes the IKE SA that it comes through. */
export function deletesIke(payloads: readonly Payload[]): boolean {
  return payloads.some((p) => p.kind === "DELETE" && p.protocol === Protocol.IKE);
}

/** Notes of deleted Child SAs that have no replacement: the site has fewer subnets now. */
function goneNotes(gone: readonly ChildSa[], left: readonly ChildSa[]): readonly IkeEffect[] {
  const covered = new Set(left.map((child) => String(selectorKeys(child))));
  return gone
    .filter((child) => !covered.has(String(selectorKeys(child))))
    .map((child) => {
      const rest = left.length === 0 ? "; it has none left" : "";
      const detail = `the site deleted its Child SA: ${childText(child)}${rest}`;
      return okNote("INFORMATIONAL", "child-deleted", detail);
    });
}

/** The Child SAs that are left. One that has lost its only replacement is rekeyed again. */
function rekeyedAgain(
  { children: all, policy }: Established,
  gone: readonly ChildSa[],
  context: IkeContext,
): readonly ChildSa[] {
  const left = all.filter((child) => !gone.includes(child));
  const rekeyAt = later(context.now, retryMs(policy.lifetimeMs, context.random));
  return left.map((child) => {
    const hasLost = gone.some((other) => other.replaces === child.spiIn);
    if (!hasLost || left.some((other) => other.replaces === child.spiIn)) return child;
    return { ...child, redundantUntil: undefined, rekeyAt };
  });
}

/** The peer may delete the Child SA that we have just asked for, before we have made it. */
function withDeleted(
  { asking, children }: Established,
  deletes: readonly DeletePayload[],
): Established["asking"] {
  const spis = deletes.flatMap((payload) => payload.spis);
  switch (asking?.kind) {
    case "child-response": {
      const unknown = spis.filter((spi) => !children.some((child) => child.spiOut === spi));
      return { ...asking, deleted: [...asking.deleted, ...unknown].slice(-DELETED_MAX) };
    }
    case "child-shared-secret":
      return spis.includes(asking.granted.chosen.spi) ? { ...asking, isDeleted: true } : asking;
    case "child-install":
      return spis.includes(asking.child.spiOut) ? { ...asking, isDeleted: true } : asking;
    case "followup-response":
    case "followup-shared-secret": {
      const { followup } = asking;
      const { grant } = followup;
      const isIt = grant.of === "child" && spis.includes(grant.granted.chosen.spi);
      return isIt ? { ...asking, followup: { ...followup, isDeleted: true } } : asking;
    }
    default:
      return asking;
  }
}

const DELETED_MAX = 16;

/** The peer deletes the IKE SA, and all its Child SAs with it. */
function onIkeDelete(sa: Established, header: IkeHeader, context: IkeContext): Step {
  const hasMore = sa.children.length > 0 || sa.undecidedUntil !== undefined;
  if (sa.contested !== undefined && hasMore) {
    const reason = { kind: "replaced-by-rekey" } as const;
    const ended = answerAndEnd({ ...sa, children: [] }, header, { payloads: [], reason }, context);
    const { contested: to, children } = sa;
    const handed = { kind: "hand-over", to, children, tasks: handedTasks(sa) } as const;
    return { sa: ended.sa, effects: [handed, ...ended.effects] };
  }
  if (sa.redirected !== undefined) {
    const reason = { kind: "redirected", to: sa.redirected.to } as const;
    return answerAndEnd(sa, header, { payloads: [], reason }, context);
  }
  const otherId = unexpectedId(sa, context.now);
  if (otherId !== undefined) return letGo(sa, header, otherId, context);
  const reason = { kind: "peer-deleted" } as const;
  const step = answerAndEnd(sa, header, { payloads: [], reason }, context);
  const note = okNote("INFORMATIONAL", "peer-deleted", "the site deleted its IKE SA");
  return { sa: step.sa, effects: [note, ...step.effects] };
}

/** The initiator does not accept our identity, and forgets the IKE SA (§2.21.2). */
function onAuthenticationFailed(sa: Established, header: IkeHeader, context: IkeContext): Step {
  const refusal = unexpectedId(sa, context.now) ?? {
    kind: "peer-refused",
    notify: NotifyType.AUTHENTICATION_FAILED,
    asked: "after IKE_AUTH",
  };
  return letGo(sa, header, refusal, context);
}

/** The site ends the IKE SA for a known reason. */
function letGo(sa: Established, header: IkeHeader, refusal: Refusal, context: IkeContext): Step {
  const reason = { kind: "refused", refusal } as const;
  const step = answerAndEnd(sa, header, { payloads: [], reason }, context);
  return { sa: step.sa, effects: [failedNote("IKE_AUTH", refusal), ...step.effects] };
}

/** COOKIE2 is returned unchanged (RFC 4555 §3.7). */
function cookie2Of(payloads: readonly Payload[]): readonly NotifyPayload[] {
  const cookie2 = notifyOf(payloads, NotifyType.COOKIE2);
  // Only 8 to 64 octets (RFC 4555 §4.2.5), so that the peer cannot choose the answer's length.
  const { length } = cookie2?.data ?? { length: 0 };
  return cookie2 === undefined || length < 8 || length > 64 ? [] : [cookie2];
}
