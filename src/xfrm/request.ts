/** Requests to the kernel, and its answers. */

import { formatAddress } from "../inet/address.ts";
import { never } from "../octets/assert.ts";
import { spi32Hex } from "../octets/hex.ts";
import type { Result } from "../octets/result.ts";
import { emitAttribute, XFRMA } from "./attribute.ts";
import { errnoName } from "./errno.ts";
import { XFRM_MSG } from "./message-type.ts";
import { emitNetlink, NLM_F_ACK, NLM_F_DUMP, NLM_F_REQUEST } from "./netlink.ts";
import type { XfrmPolicy, XfrmPolicyId } from "./policy.ts";
import { emitPolicy, emitPolicyId } from "./policy-message.ts";
import { formatRoute, type RemoteRoute } from "./route.ts";
import { formatSelector } from "./selector.ts";
import type { XfrmMark, XfrmState, XfrmStateId, XfrmStateUse } from "./state.ts";
import { emitState, emitStateId, IPPROTO_ESP } from "./state-message.ts";

/**
 * `put-policy` creates or replaces (XFRM_MSG_UPDPOLICY). `delete-state` needs the `mark` with which
 * a state was installed, otherwise the kernel does not find it.
 */
export type XfrmRequest =
  /**
   * `insteadOf` is deleted just before, if it still exists: the kernel has one state for a
   * destination and an SPI.
   */
  | {
      readonly op: "new-state";
      readonly state: XfrmState;
      readonly insteadOf?: { readonly id: XfrmStateId; readonly mark?: XfrmMark };
      /** Whoever goes on after a crash has to know that it may be there. */
      readonly isKeptFirst?: boolean;
    }
  | { readonly op: "delete-state"; readonly id: XfrmStateId; readonly mark?: XfrmMark }
  | { readonly op: "put-policy"; readonly policy: XfrmPolicy }
  | { readonly op: "delete-policy"; readonly id: XfrmPolicyId }
  /** The counters of a state: the only request whose answer has a value. */
  | { readonly op: "query-state"; readonly id: XfrmStateId; readonly mark?: XfrmMark }
  /** Whether a policy of ours exists: ENOENT: there is none, EEXIST: another program has one. */
  | { readonly op: "query-policy"; readonly id: XfrmPolicyId }
  /**
   * Moves a state to other addresses, with its keys, limits, counters and sequence numbers. The
   * kernel has no such request: the shell reads, deletes and creates it again. If this is refused,
   * the state is as before, unless the errno is ESRCH: then it is gone.
   */
  | {
      readonly op: "move-state";
      readonly id: XfrmStateId;
      readonly mark?: XfrmMark;
      readonly to: XfrmStateId;
      readonly encapsulation: XfrmState["encapsulation"];
    }
  /** Creates or replaces; the shell finds out through which interface the site is reached. */
  | { readonly op: "put-route"; readonly route: RemoteRoute }
  | { readonly op: "delete-route"; readonly route: RemoteRoute };

/** Requests that are one XFRM message to the kernel, which acknowledges it. */
export type XfrmMessage = Exclude<
  XfrmRequest,
  { readonly op: "query-state" | "query-policy" | "move-state" | "put-route" | "delete-route" }
>;

/** Whether it is one of them, and nothing else has to be done before. */
export function isOneMessage(request: XfrmRequest): request is XfrmMessage {
  switch (request.op) {
    case "new-state":
      return request.insteadOf === undefined;
    case "delete-state":
    case "put-policy":
    case "delete-policy":
      return true;
    default:
      return false;
  }
}

/** What goes to route netlink instead of XFRM. */
export type RouteRequest = Extract<XfrmRequest, { op: "put-route" | "delete-route" }>;

/**
 * A refusal by the kernel: operation, object, name of the errno, and its extended answer if any.
 */
export type XfrmRefusal = {
  readonly kind: "kernel";
  /** `XFRM_MSG_NEWSA`. */
  readonly operation: string;
  /** `state 192.0.2.1 -> 198.51.100.7 spi 0xc0ffee01`. */
  readonly object: string;
  /** `EEXIST`. */
  readonly errno: string;
  readonly detail: string;
};

/** The answer to `query-state` has the counters; all other answers have no value. */
export type KernelResult = Result<XfrmStateUse | undefined, XfrmRefusal>;

/** All reqids of erouted have this top octet: it marks leftovers of an earlier run. */
export const REQID_MARK = 0x45;

/** The reqid of all traps: no Child SA has it. */
export const TRAP_REQID = (REQID_MARK << 24) >>> 0;

/** Whether erouted hands out such a reqid (24 bits below the mark). */
export function isOurReqid(reqid: number): boolean {
  return reqid >>> 24 === REQID_MARK;
}

/** A request in the kernel's format, to be acknowledged. Wipe it after use: it may hold keys. */
export function emitXfrmRequest(request: XfrmMessage, sequence: number): Uint8Array {
  const head = { type: MESSAGE_TYPES[request.op], flags: NLM_F_REQUEST | NLM_F_ACK, sequence };
  return emitNetlink(head, (w) => {
    switch (request.op) {
      case "new-state":
        return emitState(w, request.state);
      case "delete-state":
        return emitStateId(w, request.id, request.mark);
      case "put-policy":
        return emitPolicy(w, request.policy);
      case "delete-policy":
        return emitPolicyId(w, request.id);
      default:
        return never(request);
    }
  });
}

/** Requests one state: answered by an XFRM_MSG_NEWSA, or ESRCH. */
export function emitStateQuery(
  { id, mark }: { readonly id: XfrmStateId; readonly mark?: XfrmMark },
  sequence: number,
): Uint8Array {
  const head = { type: XFRM_MSG.GETSA, flags: NLM_F_REQUEST, sequence };
  return emitNetlink(head, (w) => emitStateId(w, id, mark));
}

/** Requests one policy: answered by an XFRM_MSG_NEWPOLICY, or ENOENT. */
export function emitPolicyQuery(id: XfrmPolicyId, sequence: number): Uint8Array {
  const head = { type: XFRM_MSG.GETPOLICY, flags: NLM_F_REQUEST, sequence };
  return emitNetlink(head, (w) => emitPolicyId(w, id));
}

/** Requests all ESP states: answered by XFRM_MSG_NEWSA messages and NLMSG_DONE. */
export function emitStateDump(sequence: number): Uint8Array {
  const head = { type: XFRM_MSG.GETSA, flags: NLM_F_REQUEST | NLM_F_DUMP, sequence };
  return emitNetlink(head, (w) => emitAttribute(w, XFRMA.PROTO, () => w.u8(IPPROTO_ESP)));
}

/** Requests all policies: answered by XFRM_MSG_NEWPOLICY messages and NLMSG_DONE. */
export function emitPolicyDump(sequence: number): Uint8Array {
  const head = { type: XFRM_MSG.GETPOLICY, flags: NLM_F_REQUEST | NLM_F_DUMP, sequence };
  return emitNetlink(head, () => {});
}

/** The kernel's refusal in words: `extack` is its own explanation, if it gave one. */
export function xfrmRefusal(
  request: XfrmRequest,
  errno: number,
  extack: string | undefined,
): XfrmRefusal {
  return {
    kind: "kernel",
    operation: OPERATIONS[request.op],
    object: objectText(request),
    errno: errnoName(errno),
    detail: extack ?? explanation(request.op, errnoName(errno)),
  };
}

/** `state 192.0.2.1 -> 198.51.100.7 spi 0xc0ffee01`. */
export function formatStateId(id: XfrmStateId): string {
  return `state ${formatAddress(id.src)} -> ${formatAddress(id.dst)} spi ${spi32Hex(id.spi)}`;
}

/** What identifies a state: destination and SPI. */
export function stateName(id: Pick<XfrmStateId, "dst" | "spi">): string {
  return `${formatAddress(id.dst)} ${id.spi}`;
}

/** `policy out 10.0.0.0/16 -> 192.168.1.0/24`, with mark and if_id if it has any. */
export function formatPolicyId(id: XfrmPolicyId): string {
  let text = `policy ${id.direction} ${formatSelector(id.selector)}`;
  if (id.mark !== undefined) text += ` mark ${hex(id.mark.value)}/${hex(id.mark.mask)}`;
  if (id.ifId !== undefined) text += ` if_id ${hex(id.ifId)}`;
  return text;
}

const MESSAGE_TYPES = {
  "new-state": XFRM_MSG.NEWSA,
  "delete-state": XFRM_MSG.DELSA,
  "put-policy": XFRM_MSG.UPDPOLICY,
  "delete-policy": XFRM_MSG.DELPOLICY,
} as const satisfies Record<XfrmMessage["op"], number>;

const OPERATIONS = {
  "new-state": "XFRM_MSG_NEWSA",
  "delete-state": "XFRM_MSG_DELSA",
  "put-policy": "XFRM_MSG_UPDPOLICY",
  "delete-policy": "XFRM_MSG_DELPOLICY",
  "query-state": "XFRM_MSG_GETSA",
  "query-policy": "XFRM_MSG_GETPOLICY",
  "move-state": "XFRM_MSG_NEWSA",
  "put-route": "RTM_NEWROUTE",
  "delete-route": "RTM_DELROUTE",
} as const satisfies Record<XfrmRequest["op"], string>;

function objectText(request: XfrmRequest): string {
  switch (request.op) {
    case "new-state":
      return formatStateId(request.state.id);
    case "delete-state":
    case "query-state":
    case "move-state":
      return formatStateId(request.id);
    case "put-route":
    case "delete-route":
      return formatRoute(request.route);
    case "put-policy":
      return formatPolicyId(request.policy.id);
    case "delete-policy":
    case "query-policy":
      return formatPolicyId(request.id);
    default:
      return never(request);
  }
}

/** For kernels that return only a number. */
function explanation(op: XfrmRequest["op"], errno: string): string {
  if (errno === "ENOENT") {
    return op === "new-state" ? "the kernel lacks a part of its algorithm" : "there is none";
  }
  return EXPLANATIONS[errno] ?? "the kernel gave no reason";
}

const EXPLANATIONS: { readonly [errno: string]: string } = {
  EPERM: "CAP_NET_ADMIN is missing",
  EEXIST: "there is one already",
  ESRCH: "there is none",
  EINVAL: "the kernel considers one of its values invalid",
  ENOSYS: "the kernel has no such algorithm",
  EPROTONOSUPPORT: "the kernel has no ESP for this address family (modules esp4, esp6)",
  EAFNOSUPPORT: "the kernel does not have this address family",
  ENETUNREACH: "no route leads there",
  ENODEV: "there is no such interface",
  ENOMEM: "the kernel is out of memory",
  ENOBUFS: "the kernel is out of memory",
  ETIMEDOUT: "the kernel did not answer",
};

function hex(value: number): string {
  return `0x${value.toString(16)}`;
}
