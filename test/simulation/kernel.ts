/** A model of the kernel's XFRM tables: what NEWSA, DELSA, UPDPOLICY and DELPOLICY do to them. */

import { formatAddress } from "../../src/inet/address.ts";
import { formatPrefix } from "../../src/inet/prefix.ts";
import { err, ok } from "../../src/octets/result.ts";
import type { XfrmExpire } from "../../src/xfrm/event.ts";
import type { XfrmPolicy, XfrmPolicyId } from "../../src/xfrm/policy.ts";
import { isOurPolicy } from "../../src/xfrm/priority.ts";
import { type KernelResult, type XfrmRequest, xfrmRefusal } from "../../src/xfrm/request.ts";
import type { RemoteRoute } from "../../src/xfrm/route.ts";
import type { XfrmMark, XfrmState, XfrmStateId, XfrmStateUse } from "../../src/xfrm/state.ts";

/** A state as the model keeps it: keys are copied, the requester wipes its own. */
export type ModelState = {
  readonly state: XfrmState;
  readonly keys: readonly Uint8Array[];
  /** How many requests the kernel had carried out when the state was made. */
  readonly madeAt: number;
};

/** Which requests fail, and how: an errno, or `lost` (the kernel says yes and does nothing). */
export type KernelFaults = (request: XfrmRequest) => number | "lost" | undefined;

const EEXIST = 17;
const ESRCH = 3;
const ENOENT = 2;

export type KernelModel = {
  readonly states: ReadonlyMap<string, ModelState>;
  readonly policies: ReadonlyMap<string, XfrmPolicy>;
  /** By destination. */
  readonly routes: ReadonlyMap<string, RemoteRoute>;
  /** Names of states whose soft limit of volume is behind them. */
  readonly worn: Set<string>;
  /** All states ever made, by key, including removed ones; the last one of each key. */
  readonly history: ReadonlyMap<string, ModelState>;
  /** Requests carried out so far. */
  performed(): number;
  /** States made once more with the keys of before: their packets count as replays. */
  madeAgain(): number;
  perform(request: XfrmRequest): KernelResult;
  /** Another program changes the tables. */
  readonly tables: {
    readonly states: Map<string, ModelState>;
    readonly policies: Map<string, XfrmPolicy>;
    readonly routes: Map<string, RemoteRoute>;
  };
  /**
   * A lifetime is over: the kernel removes the state and reports it. Undefined if the state has
   * gone.
   */
  expire(model: ModelState): XfrmExpire | undefined;
};

/** Empty tables. */
export function createKernel(faults: KernelFaults): KernelModel {
  const states = new Map<string, ModelState>();
  const policies = new Map<string, XfrmPolicy>();
  const routes = new Map<string, RemoteRoute>();
  const history = new Map<string, ModelState>();
  let [performed, again] = [0, 0];

  const found = ({ id, mark }: Named): ModelState | undefined => {
    const model = states.get(stateKey(id));
    return model !== undefined && isFoundWith(model.state.mark, mark) ? model : undefined;
  };
  /** By a message of its own, which comes first. */
  const makeRoom = ({ insteadOf }: Extract<XfrmRequest, { op: "new-state" }>): void => {
    if (insteadOf !== undefined && found(insteadOf)) states.delete(stateKey(insteadOf.id));
  };
  const apply = (request: XfrmRequest): number => {
    switch (request.op) {
      case "new-state": {
        const key = stateKey(request.state.id);
        makeRoom(request);
        if (states.has(key)) return EEXIST;
        const made = modelState(request.state, performed);
        if (haveSameKeys(history.get(key), made)) again++;
        states.set(key, made);
        history.set(key, made);
        return 0;
      }
      case "delete-state":
        if (found(request) === undefined) return ESRCH;
        states.delete(stateKey(request.id));
        return 0;
      case "query-state":
        return found(request) === undefined ? ESRCH : 0;
      case "query-policy": {
        const there = policies.get(policyKey(request.id));
        if (there === undefined) return ENOENT;
        return isOurPolicy(there) ? 0 : EEXIST;
      }
      case "move-state": {
        const model = found(request);
        if (model === undefined) return ESRCH;
        const key = stateKey(request.to);
        if (key !== stateKey(request.id) && states.has(key)) return EEXIST;
        states.delete(stateKey(request.id));
        const { state, keys, madeAt } = model;
        const { to: id, encapsulation } = request;
        const moved = { state: { ...state, id, encapsulation }, keys, madeAt };
        states.set(key, moved);
        history.set(key, moved);
        return 0;
      }
      case "put-policy":
        policies.set(policyKey(request.policy.id), request.policy);
        return 0;
      case "delete-policy":
        return policies.delete(policyKey(request.id)) ? 0 : ENOENT;
      case "put-route":
        routes.set(formatPrefix(request.route.destination), request.route);
        return 0;
      case "delete-route":
        routes.delete(formatPrefix(request.route.destination));
        return 0;
    }
  };

  return {
    states,
    policies,
    routes,
    worn: new Set(),
    history,
    tables: { states, policies, routes },
    performed: () => performed,
    madeAgain: () => again,
    perform(request) {
      performed++;
      const fault = faults(request);
      if (fault === "lost") return ok(undefined);
      if (fault !== undefined && request.op === "new-state") makeRoom(request);
      const errno = fault ?? apply(request);
      if (errno !== 0) return err(xfrmRefusal(request, errno, undefined));
      return ok(request.op === "query-state" ? useOf(found(request)) : undefined);
    },
    expire(model) {
      const { id, reqid } = model.state;
      if (states.get(stateKey(id)) !== model) return undefined;
      states.delete(stateKey(id));
      return { id, reqid, hard: true };
    },
  };
}

type Named = Pick<Extract<XfrmRequest, { op: "delete-state" }>, "id" | "mark">;

/** A state with a mark is found by requests with that mark only (xfrm_state_lookup). */
function isFoundWith(mark: XfrmMark | undefined, asked: XfrmMark | undefined): boolean {
  if (mark === undefined) return true;
  const value = asked === undefined ? 0 : asked.value & asked.mask;
  return (value & mark.mask) >>> 0 === mark.value;
}

/** The model carries no packets: nothing was counted. */
function useOf(model: ModelState | undefined): XfrmStateUse | undefined {
  if (model === undefined) return undefined;
  const { id, reqid, encapsulation } = model.state;
  const counted = { octets: 0n, packets: 0n, lastUsedSeconds: undefined };
  return { id, reqid, ...counted, replayErrors: 0, integrityErrors: 0, encapsulation };
}

/** A state is found by destination, SPI and protocol (and mark), not by its source. */
export function stateKey(id: Pick<XfrmStateId, "dst" | "spi">): string {
  return `${formatAddress(id.dst)} ${id.spi}`;
}

/** A policy is found by direction and selector (and mark, and if_id). */
export function policyKey(id: XfrmPolicyId): string {
  const { src, dst, protocol, srcPort, dstPort } = id.selector;
  const [from, to] = [srcPort, dstPort].map((block) => block && `${block.port}&${block.mask}`);
  const ports = `${protocol}/${from ?? ""}/${to ?? ""}`;
  const mark = id.mark === undefined ? "" : ` mark ${id.mark.value}/${id.mark.mask}`;
  const only = id.ifId === undefined ? mark : `${mark} if_id ${id.ifId}`;
  return `${id.direction} ${formatPrefix(src)} ${formatPrefix(dst)} ${ports}${only}`;
}

function haveSameKeys(before: ModelState | undefined, made: ModelState): boolean {
  return before?.keys.every((key, at) => Bun.deepEquals(key, made.keys[at])) === true;
}

function modelState(state: XfrmState, madeAt: number): ModelState {
  const { protection } = state;
  const keys =
    protection.kind === "aead"
      ? [protection.aead.key.slice()]
      : [protection.crypt.key.slice(), protection.auth.key.slice()];
  return { state, keys, madeAt };
}
