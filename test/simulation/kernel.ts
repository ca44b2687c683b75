/** A model of the kernel's XFRM tables: what NEWSA, DELSA, UPDPOLICY and DELPOLICY do to them. */

import { formatAddress } from "../../src/inet/address.ts";
import { formatPrefix } from "../../src/inet/prefix.ts";
import { err, ok } from "../../src/octets/result.ts";
import type { XfrmExpire } from "../../src/xfrm/event.ts";
import type { XfrmPolicy, XfrmPolicyId } from "../../src/xfrm/policy.ts";
import { type KernelResult, type XfrmRequest, xfrmRefusal } from "../../src/xfrm/request.ts";
import type { XfrmState, XfrmStateId } from "../../src/xfrm/state.ts";

/** A state as the model keeps it: keys are copied, the requester wipes its own. */
export type ModelState = {
  readonly state: XfrmState;
  readonly keys: readonly Uint8Array[];
  /** How many requests the kernel had carried out when it was made. */
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
  /** All states ever made, by key, also those that are gone; the last one of a key. */
  readonly history: ReadonlyMap<string, ModelState>;
  /** Requests carried out so far. */
  performed(): number;
  perform(request: XfrmRequest): KernelResult;
  /** A lifetime is over: the kernel removes the state and tells. Undefined if it has gone. */
  expire(model: ModelState): XfrmExpire | undefined;
};

/** Empty tables. */
export function createKernel(faults: KernelFaults): KernelModel {
  const states = new Map<string, ModelState>();
  const policies = new Map<string, XfrmPolicy>();
  const history = new Map<string, ModelState>();
  let performed = 0;

  const apply = (request: XfrmRequest): number => {
    switch (request.op) {
      case "new-state": {
        const key = stateKey(request.state.id);
        if (states.has(key)) return EEXIST;
        const made = modelState(request.state, performed);
        states.set(key, made);
        history.set(key, made);
        return 0;
      }
      case "delete-state":
        return states.delete(stateKey(request.id)) ? 0 : ESRCH;
      case "query-state":
        return states.has(stateKey(request.id)) ? 0 : ESRCH;
      case "move-state": {
        const model = states.get(stateKey(request.id));
        if (model === undefined) return ESRCH;
        const key = stateKey(request.to);
        if (key !== stateKey(request.id) && states.has(key)) return EEXIST;
        states.delete(stateKey(request.id));
        const { state, keys, madeAt } = model;
        const { to: id, encapsulation } = request;
        states.set(key, { state: { ...state, id, encapsulation }, keys, madeAt });
        return 0;
      }
      case "put-policy":
        policies.set(policyKey(request.policy.id), request.policy);
        return 0;
      case "delete-policy":
        return policies.delete(policyKey(request.id)) ? 0 : ENOENT;
    }
  };

  return {
    states,
    policies,
    history,
    performed: () => performed,
    perform(request) {
      performed++;
      const fault = faults(request);
      if (fault === "lost") return ok(undefined);
      const errno = fault ?? apply(request);
      return errno === 0 ? ok(undefined) : err(xfrmRefusal(request, errno, undefined));
    },
    expire(model) {
      const { id, reqid } = model.state;
      if (states.get(stateKey(id)) !== model) return undefined;
      states.delete(stateKey(id));
      return { id, reqid, hard: true };
    },
  };
}

/** A state is found by destination, SPI and protocol (and mark), not by its source. */
export function stateKey(id: Pick<XfrmStateId, "dst" | "spi">): string {
  return `${formatAddress(id.dst)} ${id.spi}`;
}

/** A policy is found by direction and selector (and mark, and if_id). */
export function policyKey(id: XfrmPolicyId): string {
  const { src, dst, protocol, srcPort, dstPort } = id.selector;
  const ports = `${protocol}/${srcPort ?? ""}/${dstPort ?? ""}`;
  return `${id.direction} ${formatPrefix(src)} ${formatPrefix(dst)} ${ports}`;
}

function modelState(state: XfrmState, madeAt: number): ModelState {
  const { protection } = state;
  const keys =
    protection.kind === "aead"
      ? [protection.aead.key.slice()]
      : [protection.crypt.key.slice(), protection.auth.key.slice()];
  return { state, keys, madeAt };
}
