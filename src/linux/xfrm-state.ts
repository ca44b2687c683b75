/** Single states: what the kernel counted on one, and moving one to other addresses. */

import type { Malformed } from "../octets/reader.ts";
import { err, ok } from "../octets/result.ts";
import { wipe } from "../octets/secret.ts";
import {
  emitMovedState,
  type FoundState,
  hasHiddenKeys,
  parseFoundState,
  type StatePlace,
} from "../xfrm/moved-state.ts";
import type { NetlinkError } from "../xfrm/netlink.ts";
import { parsePolicy } from "../xfrm/policy-message.ts";
import { isOurPolicy } from "../xfrm/priority.ts";
import {
  emitPolicyQuery,
  emitStateQuery,
  emitXfrmRequest,
  formatStateId,
  type KernelResult,
  type XfrmRefusal,
  type XfrmRequest,
  xfrmRefusal,
} from "../xfrm/request.ts";
import type { XfrmStateUse } from "../xfrm/state.ts";
import { parseStateUse } from "../xfrm/state-message.ts";
import { EPROTO } from "./libc.ts";
import type { NetlinkSocket } from "./netlink-socket.ts";

type Query = Extract<XfrmRequest, { op: "query-state" }>;
type PolicyQuery = Extract<XfrmRequest, { op: "query-policy" }>;
type Move = Extract<XfrmRequest, { op: "move-state" }>;

/** The counters of a state (XFRM_MSG_GETSA). */
export function queryState(socket: NetlinkSocket, request: Query): KernelResult {
  const answer = socket.ask((n) => emitStateQuery(request, n));
  if (!answer.ok) return err(refused(request, answer.error));
  const found = parseStateUse(answer.value);
  wipe(answer.value);
  if (!found.ok) return err(malformed(request, found.error));
  const { mark: _, ...use } = found.value;
  return ok(use satisfies XfrmStateUse);
}

/** Whether a policy of ours exists (XFRM_MSG_GETPOLICY). */
export function queryPolicy(socket: NetlinkSocket, request: PolicyQuery): KernelResult {
  const answer = socket.ask((n) => emitPolicyQuery(request.id, n));
  if (!answer.ok) return err(xfrmRefusal(request, answer.error.errno, answer.error.text));
  const found = parsePolicy(answer.value);
  if (found.ok && found.value !== undefined && isOurPolicy(found.value)) return ok(undefined);
  return err(xfrmRefusal(request, EEXIST, "another program's policy is in its place"));
}

/** Reads a state, deletes it, and creates it again with other addresses; or restores it. */
export function moveState(socket: NetlinkSocket, request: Move): KernelResult {
  const readMs = performance.now();
  const answer = socket.ask((n) => emitStateQuery(request, n));
  if (!answer.ok) return err(refused(request, answer.error, "XFRM_MSG_GETSA"));
  const found = parseFoundState(answer.value);
  const result = found.ok
    ? moveFound(socket, { request, found: found.value, readMs })
    : err(malformed(request, found.error));
  wipe(answer.value);
  return result;
}

function moveFound(
  socket: NetlinkSocket,
  move: { readonly request: Move; readonly found: FoundState; readonly readMs: number },
): KernelResult {
  const { request, found, readMs } = move;
  if (hasHiddenKeys(found)) {
    const text = "the kernel is locked down and does not reveal keys: a state cannot be moved";
    return err(refused(request, { errno: EPERM, text }, "XFRM_MSG_GETSA"));
  }
  const deleted = socket.request((n) => emitXfrmRequest({ ...request, op: "delete-state" }, n));
  if (deleted.errno !== 0) return err(refused(request, deleted, "XFRM_MSG_DELSA"));
  const ahead = sequenceNumbersSince(readMs);
  const make = (place: StatePlace): NetlinkError =>
    socket.request((n) => emitMovedState(found, place, ahead, n));
  const made = make({ id: request.to, encapsulation: request.encapsulation });
  if (made.errno === 0) return ok(undefined);
  const refusal = refused(request, made);
  const back = make(found);
  if (back.errno === 0) return err(refusal);
  const detail =
    `it cannot be ${formatStateId(request.to)}: ${refusal.errno}: ${refusal.detail}; ` +
    `nor put back: ${refused(request, back).errno}`;
  return err({ ...refusal, errno: "ESRCH", detail });
}

/**
 * Sequence numbers that an outbound state may have used between reading and deleting it. None may
 * be used again: with AES-GCM a repeated one reveals the authentication key. No state encrypts more
 * packets in a millisecond than this, and a jump costs nothing of the peer's replay window.
 */
function sequenceNumbersSince(readMs: number): number {
  const elapsedMs = Math.ceil(performance.now() - readMs);
  return Math.min(elapsedMs * PACKETS_PER_MS_MAX, AHEAD_MAX);
}

/** A state's packets are numbered under one lock: ten million a second at the very most. */
const PACKETS_PER_MS_MAX = 16_384;
/** A quarter of all numbers without ESN. */
const AHEAD_MAX = 0x4000_0000;
const EPERM = 1;

function refused(
  request: Query | Move,
  { errno, text }: NetlinkError,
  operation?: string,
): XfrmRefusal {
  const refusal = xfrmRefusal(request, errno, text);
  return operation === undefined ? refusal : { ...refusal, operation };
}

function malformed(request: Query | Move, { where, detail }: Malformed): XfrmRefusal {
  const refusal = refused(request, { errno: EPROTO, text: `${where}: ${detail}` });
  return { ...refusal, operation: "XFRM_MSG_GETSA" };
}

const EEXIST = 17;
