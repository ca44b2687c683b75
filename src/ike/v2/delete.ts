/** Deletes that we send (RFC 7296 §1.4.1). */

import { type Payload, Protocol } from "../../wire/message.ts";
import type { IkeContext, Step } from "../effect.ts";
import { wipeIkeKeys } from "../keys.ts";
import { DELETE_ATTEMPTS_MAX } from "../limits.ts";
import type { Closing, Established } from "../phase.ts";
import { childrenDown } from "./answer.ts";
import { deleteEffects } from "./informational.ts";
import { informationalRequest } from "./request.ts";

/** Deletes the IKE SA: all of it is removed here at once, the peer is told until it answers. */
export function close(sa: Established, why: string, context: IkeContext): Step {
  const effects = childrenDown(sa, why);
  const payloads: Payload[] = [{ kind: "DELETE", protocol: Protocol.IKE, spis: [] }];
  const request = informationalRequest(sa, payloads, context, DELETE_ATTEMPTS_MAX);
  effects.push({ kind: "send", octets: request.octets, path: sa.path });
  effects.push({ kind: "ended", reason: { kind: "we-deleted", why } });
  const { id, path, algorithms, keys } = sa;
  return { sa: { phase: "closing", id, path, algorithms, keys, inFlight: request }, effects };
}

/** Tells the peer that one Child SA is gone; waits its turn if a request is in flight (§2.3). */
export function closeChild(sa: Established, spiIn: number, context: IkeContext): Step {
  const child = sa.children.find((candidate) => candidate.spiIn === spiIn);
  if (child === undefined) return { sa, effects: [] };
  const children = sa.children.filter((candidate) => candidate !== child);
  const down = deleteEffects(child, sa.children, "expired");
  const waiting: Established = {
    ...sa,
    children,
    deletesWaiting: [...sa.deletesWaiting, child.spiIn],
  };
  const next = sendWaitingDeletes(waiting, context);
  return { sa: next.sa, effects: [...down, ...next.effects] };
}

/** Sends the Deletes that waited, in one message, if none of ours is in flight. */
export function sendWaitingDeletes(sa: Established, context: IkeContext): Step {
  if (sa.outbound.inFlight !== undefined || sa.deletesWaiting.length === 0) {
    return { sa, effects: [] };
  }
  const payloads: Payload[] = [{ kind: "DELETE", protocol: Protocol.ESP, spis: sa.deletesWaiting }];
  const request = informationalRequest(sa, payloads, context);
  const outbound = { nextId: request.messageId + 1, inFlight: request };
  return {
    sa: { ...sa, outbound, deletesWaiting: [] },
    effects: [{ kind: "send", octets: request.octets, path: sa.path }],
  };
}

/** The peer never answered our Delete, or has: the keys go. */
export function forget(sa: Closing): Step {
  wipeIkeKeys(sa.keys);
  return { sa: undefined, effects: [] };
}
