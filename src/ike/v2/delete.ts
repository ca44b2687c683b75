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
import { wipeUnderWay } from "./unfinished.ts";

/** Deletes the IKE SA: removes all of it here at once, and tells the peer until it answers. */
export function close(sa: Established, why: Reason, context: IkeContext): Step {
  const reason: EndReason = { kind: "we-deleted", why };
  return closeAs(sa, reason, context);
}

/** The same, with a reason that need not be our own decision. */
export function closeAs(sa: Established, reason: EndReason, context: IkeContext): Step {
  wipeUnderWay(sa);
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

/** Removes one Child SA, and tells the peer when no other request is in flight (§2.3). */
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
 * The kernel removed a Child SA at the end of its lifetime. If it was the last one, and the peer
 * has refused every replacement, the IKE SA is deleted as well: the site then calls again at once.
 */
export function expireChild(sa: Established, spiIn: number, context: IkeContext): Step {
  const child = sa.children.find((candidate) => candidate.spiIn === spiIn);
  const isRefused = child?.struggle !== undefined && child.struggle.rounds > 0;
  if (isRefused && sa.children.length === 1) return close(sa, "keys-refused", context);
  return closeChild(sa, spiIn, "expired");
}

/** What follows when a Child SA is deleted: its replacements send, and its states are removed. */
export function deleteEffects(
  child: ChildSa,
  all: readonly ChildSa[],
  why: Reason,
): readonly IkeEffect[] {
  // A site may rekey a Child SA twice; each of the new ones is valid.
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

/** The Child SAs with these SPIs of the peer. */
export function childrenOf(sa: Established, spis: ReadonlySet<number>): readonly ChildSa[] {
  return sa.children.filter((child) => spis.has(child.spiOut));
}

/** Whether our Delete for this SPI of the peer is waiting or in flight. */
export function isBeingDeleted(sa: Established, spiOut: EspSpi): boolean {
  if (sa.asking?.kind === "delete-children" && sa.asking.spisOut.includes(spiOut)) return true;
  return sa.tasks.some((task) => task.kind === "delete-child" && task.spiOut === spiOut);
}

/** The peer has answered our Delete, or never will: wipes the keys. */
export function forget(sa: Closing): Step {
  wipeIkeKeys(sa.keys);
  return { sa: undefined, effects: [] };
}
