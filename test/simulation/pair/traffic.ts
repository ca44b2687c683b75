/** Packets through the tunnel: policy, state, path, and the other end's state. */

import type { XfrmPolicy } from "../../../src/xfrm/policy.ts";
import { type ModelState, stateKey } from "../kernel.ts";
import type { End } from "./end.ts";
import type { Pair } from "./pair.ts";

export type Traffic = {
  readonly every: number;
  sent: number;
  /** Packets that found no state at the other end. */
  lost: number;
  /** Packets for which there was no state here: they make the kernel ask for one. */
  blocked: number;
};

/** Sends packets both ways until `until`. */
export function startTraffic(pair: Pair, every: number, until: number): Traffic {
  const traffic: Traffic = { every, sent: 0, lost: 0, blocked: 0 };
  const tick = (): void => {
    packet(pair, pair.a, pair.b, traffic);
    packet(pair, pair.b, pair.a, traffic);
    const at = pair.now() + every;
    if (at <= until) pair.schedule.plan(at, tick);
  };
  pair.schedule.plan(pair.now() + every, tick);
  return traffic;
}

function packet(pair: Pair, from: End, to: End, traffic: Traffic): void {
  const state = sendingState(from);
  if (state === undefined) {
    traffic.blocked++;
    return;
  }
  traffic.sent++;
  const key = stateKey(state.state.id);
  count(from, key);
  const [min, max] = pair.weather.delayMs;
  pair.schedule.plan(pair.now() + pair.prng.between(min, max), () => {
    // Outside a NAT the addresses differ; the SPI is the one that the other end has chosen.
    const into = firstOf(
      to.kernel.states,
      ([, other]) => other.state.direction === "in" && other.state.id.spi === state.state.id.spi,
    );
    if (into !== undefined) count(to, into[0]);
    else {
      traffic.lost++;
      pair.note(from.name, () => `packet lost: ${to.name} has no state ${key}`);
    }
  });
}

/** The state with which the kernel would send a packet to the other end. */
export function sendingState(from: End): ModelState | undefined {
  const policy = firstOf(
    from.kernel.policies.values(),
    ({ id, template }) => id.direction === "out" && template !== undefined,
  );
  return policy === undefined ? undefined : newestState(from, policy);
}

function firstOf<T>(all: Iterable<T>, isWanted: (one: T) => boolean): T | undefined {
  for (const one of all) if (isWanted(one)) return one;
  return undefined;
}

/** As in xfrm_state_find: by template; of several the newest. */
function newestState(end: End, { template }: XfrmPolicy): ModelState | undefined {
  let newest: ModelState | undefined;
  for (const model of end.kernel.states.values()) {
    const { direction, reqid, id } = model.state;
    if (direction !== "out" || reqid !== template?.reqid) continue;
    if (id.dst.value !== template.dst.value || id.src.value !== template.src.value) continue;
    if (newest === undefined || model.madeAt > newest.madeAt) newest = model;
  }
  return newest;
}

function count(end: End, key: string): void {
  end.carried.set(key, (end.carried.get(key) ?? 0n) + 1n);
}
