/** The kernel's XFRM tables: requests, dumps, leftovers of earlier runs, events. */

import { textKeys } from "../octets/key-column.ts";
import { LongMap } from "../octets/long-map.ts";
import type { Names } from "../octets/names.ts";
import type { Malformed } from "../octets/reader.ts";
import { err, ok, type Result } from "../octets/result.ts";
import { claimsOf, isAsWanted, type XfrmClaims } from "../xfrm/claims.ts";
import { errnoName } from "../xfrm/errno.ts";
import { parseXfrmEvent, type XfrmEvent } from "../xfrm/event.ts";
import { emitLarvalDelete, emitLarvalSpi, isShared, parseLarval } from "../xfrm/larval.ts";
import { XFRM_MSG, XFRMNLGRP } from "../xfrm/message-type.ts";
import type { NetlinkMessage } from "../xfrm/netlink.ts";
import type { XfrmPolicy } from "../xfrm/policy.ts";
import { parsePolicy } from "../xfrm/policy-message.ts";
import { isOurPolicy } from "../xfrm/priority.ts";
import {
  emitPolicyDump,
  emitStateDump,
  emitXfrmRequest,
  formatPolicyId,
  isOneMessage,
  isOurReqid,
  type KernelResult,
  stateName,
  type XfrmMessage,
  type XfrmRefusal,
  type XfrmRequest,
  xfrmRefusal,
} from "../xfrm/request.ts";
import { OUR_ROUTE_PROTOCOL, parseRouteRemoval, ROUTE_GROUPS, RTM } from "../xfrm/route.ts";
import { parseStateCount, type StateCount } from "../xfrm/state-count.ts";
import { parseStateName, parseStateUse, type StateFound } from "../xfrm/state-message.ts";
import { readDump, Turn } from "./dump.ts";
import type { KernelUnavailable } from "./esp-probe.ts";
import { type Libc, openLibc } from "./libc.ts";
import {
  type NetlinkEventSource,
  type NetlinkEvents,
  openNetlinkEvents,
} from "./netlink-events.ts";
import { type EmitRequest, NETLINK_ROUTE, NETLINK_XFRM, NetlinkSocket } from "./netlink-socket.ts";
import { isRouteRequest, openRoutes, type Routes } from "./routes.ts";
import { moveState, queryPolicy, queryState } from "./xfrm-state.ts";

export type Kernel = {
  /** One request, answered at once. Never throws. */
  perform(request: XfrmRequest): KernelResult;
  /** The same for several, in order: each is answered, also where one before it is refused. */
  performAll(requests: readonly XfrmRequest[]): readonly KernelResult[];
  /** How much each state with a reqid of ours has carried, in turns of a millisecond. */
  stateCounts(take: (count: StateCount) => void): Promise<Result<undefined, XfrmRefusal>>;
  /** Our objects, read in turns: 20,000 states take some 0.2 s of one core. */
  tables(): Promise<Result<KernelTables, XfrmRefusal>>;
  /**
   * Removes what an earlier run left, recognised by reqid, priority or protocol; counts it. What is
   * claimed stays, and policies are changed to what is claimed.
   */
  removeLeftovers(claims?: XfrmClaims): Promise<Result<Leftovers, XfrmRefusal>>;
  /**
   * Acquire, expire, mapping, and removals by other programs, as they arrive; `onLost` when the
   * kernel dropped some. An acquire from a template without a remote address does not keep other
   * sites' packets from asking for longer than a few ms.
   */
  listen(onEvent: (event: XfrmEvent) => void, onLost: () => void): Result<undefined, XfrmRefusal>;
  close(): void;
};

export type KernelTables = {
  /** By `stateName`. */
  readonly states: Names;
  /** By `formatPolicyId`. */
  readonly policies: Names;
  /** Those states whose soft limit of volume is behind them. */
  readonly worn: Names;
};

export type Leftovers = {
  readonly states: number;
  readonly policies: number;
  readonly routes: number;
};

/**
 * Opens XFRM netlink. Only the first request shows whether the privileges suffice: see `espGaps`.
 */
export function openKernel(): Result<Kernel, KernelUnavailable> {
  const libc = openLibc();
  if (!libc.ok) return err(noLibc(libc.error.detail));
  const requests = NetlinkSocket.open(libc.value, NETLINK_XFRM);
  if (!requests.ok) return err(noXfrm(requests.error));
  const dumps = NetlinkSocket.open(libc.value, NETLINK_XFRM);
  if (!dumps.ok) {
    requests.value.close();
    return err(noXfrm(dumps.error));
  }
  const routes = openRoutes();
  if (!routes.ok) {
    requests.value.close();
    dumps.value.close();
    const errno = errnoName(routes.error);
    return err(unavailable(`route netlink socket: ${errno}`, errno, "see `ulimit -n`"));
  }
  const sockets = { requests: requests.value, dumps: dumps.value, routes: routes.value };
  return ok(new XfrmKernel(libc.value, sockets));
}

type KernelSockets = {
  readonly requests: NetlinkSocket;
  readonly dumps: NetlinkSocket;
  readonly routes: Routes;
};

class XfrmKernel implements Kernel {
  readonly #libc: Libc;
  readonly #requests: NetlinkSocket;
  readonly #dumps: NetlinkSocket;
  readonly #routes: Routes;
  /** Dumps wait for each other: a socket carries one at a time. */
  #lastDump: Promise<unknown> = Promise.resolve();
  #events: NetlinkEvents[] = [];
  readonly #releases = new Set<ReturnType<typeof setTimeout>>();

  constructor(libc: Libc, sockets: KernelSockets) {
    this.#libc = libc;
    this.#requests = sockets.requests;
    this.#dumps = sockets.dumps;
    this.#routes = sockets.routes;
  }

  perform(request: XfrmRequest): KernelResult {
    if (request.op === "query-state") return queryState(this.#requests, request);
    if (request.op === "query-policy") return queryPolicy(this.#requests, request);
    if (request.op === "move-state") return moveState(this.#requests, request);
    if (isRouteRequest(request)) return this.#routes.perform(request);
    if (request.op === "new-state" && request.insteadOf !== undefined) {
      // Refused if it has gone by itself: then there is room.
      this.perform({ op: "delete-state", ...request.insteadOf });
    }
    const { errno, text } = this.#requests.request((n) => emitXfrmRequest(request, n));
    return errno === 0 ? ok(undefined) : err(xfrmRefusal(request, errno, text));
  }

  performAll(requests: readonly XfrmRequest[]): readonly KernelResult[] {
    const results: KernelResult[] = [];
    let messages: XfrmMessage[] = [];
    const send = (): void => {
      const answers = this.#requests.requestAll(
        messages.map((message) => (n) => emitXfrmRequest(message, n)),
      );
      for (const [index, { errno, text }] of answers.entries()) {
        const message = messages[index];
        if (message === undefined) continue;
        results.push(errno === 0 ? ok(undefined) : err(xfrmRefusal(message, errno, text)));
      }
      messages = [];
    };
    for (const request of requests) {
      if (isOneMessage(request)) {
        messages.push(request);
        continue;
      }
      send();
      results.push(this.perform(request));
    }
    send();
    return results;
  }

  async stateCounts(take: (count: StateCount) => void): Promise<Result<undefined, XfrmRefusal>> {
    return this.#read(emitStateDump, "XFRM_MSG_GETSA", parseStateCount, (count) => {
      if (isOurReqid(count.reqid) && count.spi !== 0) take(count);
    });
  }

  async tables(): Promise<Result<KernelTables, XfrmRefusal>> {
    const [states, worn] = [emptyNames(), emptyNames()];
    const first = await this.#read(emitStateDump, "XFRM_MSG_GETSA", parseStateName, (found) => {
      if (!isOurReqid(found.reqid) || found.id.spi === 0) return;
      states.set(stateName(found.id), true);
      if (found.isWorn) worn.set(stateName(found.id), true);
    });
    if (!first.ok) return first;
    const policies = emptyNames();
    const second = await this.#read(emitPolicyDump, "XFRM_MSG_GETPOLICY", parsePolicy, (found) => {
      if (isOurPolicy(found)) policies.set(formatPolicyId(found.id), true);
    });
    return second.ok ? ok({ states, policies, worn }) : second;
  }

  async removeLeftovers(
    claims: XfrmClaims = claimsOf(new Map()),
  ): Promise<Result<Leftovers, XfrmRefusal>> {
    // Routes before policies: nothing may take that route unprotected.
    const routes = await this.#routes.removeLeftovers(claims);
    const policyFor = (policy: XfrmPolicy) =>
      isOurPolicy(policy) ? settled(policy, claims) : undefined;
    const policies = await this.#dump(emitPolicyDump, "XFRM_MSG_GETPOLICY", {
      parse: parsePolicy,
      // Asked again when it is their turn: what is claimed changes meanwhile.
      isWanted: (policy) => policyFor(policy) !== undefined,
    });
    if (!policies.ok) return policies;
    // Policies before states: no packet may ask for a state that has just been removed.
    const first = await this.#removeAll(policies.value, policyFor);
    if (!first.ok) return first;
    const isLeft = ({ id }: StateFound) => !claims.state(id);
    const states = await this.#dump(emitStateDump, "XFRM_MSG_GETSA", {
      parse: parseStateUse,
      // Without SPI: an acquire that waits for its state. It disappears by itself.
      isWanted: (state) => isOurReqid(state.reqid) && state.id.spi !== 0 && isLeft(state),
    });
    if (!states.ok) return states;
    const second = await this.#removeAll(states.value, (state) =>
      isLeft(state) ? deleteState(state) : undefined,
    );
    return second.ok ? ok({ policies: first.value, states: second.value, routes }) : second;
  }

  listen(onEvent: (event: XfrmEvent) => void, onLost: () => void): Result<undefined, XfrmRefusal> {
    const own = [this.#requests.portId, this.#routes.portId];
    const onMessage = (message: NetlinkMessage): void => {
      if (own.includes(message.portId)) return;
      const event = parseXfrmEvent(message);
      if (!event.ok || event.value === undefined) return;
      if (event.value.kind === "acquire") this.#releaseLater(message);
      onEvent(event.value);
    };
    for (const events of this.#events) events.close();
    this.#events = [];
    for (const source of [xfrmEvents(own), routeEvents(own)]) {
      const isOfRoutes = source.protocol === NETLINK_ROUTE;
      const handlers = isOfRoutes
        ? { onMessage: onRouteMessage(own, onEvent), onLost: () => {} }
        : { onMessage, onLost };
      const events = openNetlinkEvents(this.#libc, source, handlers);
      if (!events.ok) return events;
      this.#events.push(events.value);
    }
    return ok(undefined);
  }

  close(): void {
    for (const events of this.#events) events.close();
    for (const timer of this.#releases) clearTimeout(timer);
    this.#requests.close();
    this.#routes.close();
    // A dump in progress is read to its end first, because its descriptor may be reused.
    void this.#lastDump.then(() => this.#dumps.close());
  }

  /** Lets the packets of other sites ask as well: see `xfrm/larval.ts`. */
  #releaseLater(message: NetlinkMessage): void {
    const larval = parseLarval(message.payload);
    if (!larval.ok || larval.value === undefined) return;
    const { value } = larval;
    if (!isOurReqid(value.template.reqid) || !isShared(value)) return;
    const release = (): void => {
      this.#releases.delete(timer);
      // Refused if it has gone by itself in the meantime.
      const named = this.#requests.request((n) => emitLarvalSpi(value, n));
      if (named.errno === 0) this.#requests.request((n) => emitLarvalDelete(value, n));
    };
    const timer = setTimeout(release, LARVAL_HOLD_MS);
    this.#releases.add(timer);
  }

  /**
   * Removes one by one; what has gone by itself in the meantime is no fault, and is not counted.
   */
  async #removeAll<T>(
    found: readonly T[],
    requestFor: (one: T) => XfrmRequest | undefined,
  ): Promise<Result<number, XfrmRefusal>> {
    let removed = 0;
    const turn = new Turn();
    for (const one of found) {
      const request = requestFor(one);
      if (request === undefined) continue;
      const result = this.perform(request);
      if (result.ok) removed += request.op === "put-policy" ? 0 : 1;
      else if (result.error.errno !== "ESRCH" && result.error.errno !== "ENOENT") return result;
      await turn.yieldIfLong();
    }
    return ok(removed);
  }

  /** Only what is wanted: all of a large fleet would take some hundred MiB. */
  async #dump<T>(
    emit: EmitRequest,
    operation: string,
    { parse, isWanted }: Wanted<T>,
  ): Promise<Result<readonly T[], XfrmRefusal>> {
    const found: T[] = [];
    const read = await this.#read(emit, operation, parse, (one) => {
      if (isWanted(one)) found.push(one);
    });
    return read.ok ? ok(found) : read;
  }

  async #read<T>(
    emit: EmitRequest,
    operation: string,
    parse: (payload: Uint8Array) => Result<T | undefined, Malformed>,
    take: (found: T) => void,
  ): Promise<Result<undefined, XfrmRefusal>> {
    const mine = this.#lastDump.then(() =>
      readDump(this.#dumps.dump(emit), operation, { parse, take }),
    );
    this.#lastDump = mine;
    return mine;
  }
}

type Wanted<T> = {
  readonly parse: (payload: Uint8Array) => Result<T | undefined, Malformed>;
  readonly isWanted: (found: T) => boolean;
};

/** NEWSA is not subscribed to: it would bring keys. */
function xfrmEvents(own: readonly number[]): NetlinkEventSource {
  const { ACQUIRE, EXPIRE, MAPPING, DELSA, FLUSHSA, DELPOLICY, FLUSHPOLICY, UPDPOLICY } = XFRM_MSG;
  const types = [ACQUIRE, EXPIRE, MAPPING, DELSA, FLUSHSA, DELPOLICY, FLUSHPOLICY, UPDPOLICY];
  return {
    protocol: NETLINK_XFRM,
    groups: Object.values(XFRMNLGRP),
    name: "acquire, expire, mapping and removal",
    filter: { types, notBy: own },
  };
}

/** A host may have a million routes that come and go: only removals of ours are reported. */
function routeEvents(own: readonly number[]): NetlinkEventSource {
  const octet = { at: RTM_PROTOCOL_AT, value: OUR_ROUTE_PROTOCOL };
  return {
    protocol: NETLINK_ROUTE,
    groups: Object.values(ROUTE_GROUPS),
    name: "removed routes",
    filter: { types: [RTM.DELROUTE], notBy: own, octet },
  };
}

/** rtm_protocol, behind struct nlmsghdr. */
const RTM_PROTOCOL_AT = 21;

function onRouteMessage(own: readonly number[], onEvent: (event: XfrmEvent) => void) {
  return (message: NetlinkMessage): void => {
    if (own.includes(message.portId)) return;
    const destination = parseRouteRemoval(message);
    if (!destination.ok || destination.value === undefined) return;
    const removal = { what: "route", destination: destination.value } as const;
    onEvent({ kind: "removed", removal, by: message.portId });
  };
}

/** What is to be done about a policy that an earlier run left; undefined: nothing. */
function settled(policy: XfrmPolicy, claims: XfrmClaims): XfrmRequest | undefined {
  const wanted = claims.policy(formatPolicyId(policy.id));
  if (wanted === undefined) return { op: "delete-policy", id: policy.id };
  return isAsWanted(policy, wanted) ? undefined : { op: "put-policy", policy: wanted };
}

/** Bounds the acquires that one policy can make while a flood goes to sites without an SA. */
const LARVAL_HOLD_MS = 10;

function deleteState({ id, mark }: StateFound): XfrmRequest {
  return mark === undefined ? { op: "delete-state", id } : { op: "delete-state", id, mark };
}

/** Several times as many as there are sites: none is an object. */
function emptyNames(): LongMap<string, true> {
  return new LongMap(textKeys);
}

function noXfrm(errno: number): KernelUnavailable {
  return unavailable(
    `XFRM netlink socket: ${errnoName(errno)}`,
    errnoName(errno),
    "the kernel option CONFIG_XFRM_USER or the module xfrm_user is missing: modprobe xfrm_user",
  );
}

function unavailable(detail: string, errno: string, advice: string): KernelUnavailable {
  return { kind: "kernel-unavailable", detail, errno, advice };
}

function noLibc(detail: string): KernelUnavailable {
  return unavailable(detail, "ENOENT", "erouted needs the C library of the system, glibc or musl");
}
