/** Deletes that we send (RFC 7296 §1.4.1). */

import type { EspSpi } from "../../inet/esp-spi.ts";
import type { Reason } from "../../reason/reason.ts";
import { ExchangeType } from "../../wire/v2/exchange-type.ts";
import { type Payload, Protocol } from "../../wire/v2/message.ts";
import type { ChildSa } from "../child-sa.ts";
import type { IkeContext } from "../effect.ts";
import { type EndReason, endWord } from "../end-reason.ts";
import { DELETE_ATTEMPTS_MAX } from "../limits.ts";
import { childrenDown, okNote, sends } from "./answer.ts";
import type { Closing, Established } from "./established-phase.ts";
import { wipeIkeKeys } from "./keys.ts";
import { sealMessage } from "./protect.ts";
import { firstCopy } from "./request.ts";
import type { IkeEffect, Step } from "./step.ts";
import { addTask, selectorKeys } from "./tasks.ts";

/** Deletes the IKE SA: all of it is removed here at once, the peer is told until it answers. */
export function close(sa: Established, why: Reason, context: IkeContext): Step {
  const reason: EndReason = { kind: "we-deleted", why };
  return closeAs(sa, reason, context);
}

/** The same, for another reason than one of ours. */
export function closeAs(sa: Established, reason: EndReason, context: IkeContext): Step {
  const effects = childrenDown(sa, endWord(reason));
  const payloads: Payload[] = [{ kind: "DELETE", protocol: Protocol.IKE, spis: [] }];
  const messageId = sa.outbound.nextId;
  const head = { exchangeType: ExchangeType.INFORMATIONAL, response: false, messageId };
  const datagrams = sealMessage(sa, head, payloads, context);
  const retransmission = { ...sa.settings.retransmission, attemptsMax: DELETE_ATTEMPTS_MAX };
  const inFlight = firstCopy(messageId, datagrams, retransmission, context);
  effects.push(...sends(datagrams, sa.path));
  effects.push({ kind: "ended", reason });
  const { id, path, algorithms, keys, fragmentOctets } = sa;
  const phase = "closing";
  return {
    sa: { phase, id, path, algorithms, keys, fragmentOctets, retransmission, inFlight },
    effects,
  };
}

/** One Child SA goes here, and the peer is told as soon as no other request is in flight (§2.3). */
export function closeChild(sa: Established, spiIn: number, why: Reason): Step {
  const child = sa.children.find((candidate) => candidate.spiIn === spiIn);
  if (child === undefined) return { sa, effects: [] };
  const children = sa.children.filter((candidate) => candidate !== child);
  const effects: IkeEffect[] = [...deleteEffects(child, sa.children, why)];
  const isGone = effects.some((effect) => effect.kind === "child-down" && effect.why === "expired");
  if (isGone) effects.push(okNote("INFORMATIONAL", "child-expired", EXPIRED));
  const task = { kind: "delete-child", spiIn: child.spiIn, spiOut: child.spiOut } as const;
  return { sa: addTask({ ...sa, children }, task), effects };
}

const EXPIRED = "the kernel has removed a Child SA at the end of its lifetime: nothing replaced it";

/**
 * The kernel's limit has come. If it was the last one, and the peer has refused all that was asked
 * for in its place, the IKE SA is of no use any more: a site that is told so calls again at once.
 */
export function expireChild(sa: Established, spiIn: number, context: IkeContext): Step {
  const child = sa.children.find((candidate) => candidate.spiIn === spiIn);
  const isRefused = child?.struggle !== undefined && child.struggle.rounds > 0;
  if (isRefused && sa.children.length === 1) return close(sa, "keys-refused", context);
  return closeChild(sa, spiIn, "expired");
}

/** What a deleted Child SA leaves to do: its successors may send now, its states go. */
export function deleteEffects(
  child: ChildSa,
  all: readonly ChildSa[],
  why: Reason,
): readonly IkeEffect[] {
  // A site may rekey one Child SA twice; each of the new ones counts.
  const successors = all.filter((candidate) => candidate.replaces === child.spiIn);
  const key = String(selectorKeys(child));
  const isCovered = all.some((other) => other !== child && String(selectorKeys(other)) === key);
  return [
    ...successors.map(({ spiIn }) => ({ kind: "child-outbound", spiIn }) as const),
    {
      kind: "child-down",
      spiIn: child.spiIn,
      why: isCovered ? "rekeyed" : why,
    },
  ];
}

/** The Child SAs that the peer names by its own SPIs. */
export function childrenOf(sa: Established, spis: ReadonlySet<number>): readonly ChildSa[] {
  return sa.children.filter((child) => spis.has(child.spiOut));
}

/** Whether we are about to tell the peer that this one of its SPIs is gone. */
export function isBeingDeleted(sa: Established, spiOut: EspSpi): boolean {
  if (sa.asking?.kind === "delete-children" && sa.asking.spisOut.includes(spiOut)) return true;
  return sa.tasks.some((task) => task.kind === "delete-child" && task.spiOut === spiOut);
}

/** The peer never answered our Delete, or has: the keys go. */
export function forget(sa: Closing): Step {
  wipeIkeKeys(sa.keys);
  return { sa: undefined, effects: [] };
}
