/**
 * Inbound states of rekeyed Child SAs, which the kernel keeps for packets that are on their way.
 */

import type { EspSpi } from "../../inet/esp-spi.ts";
import type { Instant } from "../../octets/instant.ts";
import { changedDraining } from "../changes.ts";
import { type Engine, inMs } from "../engine.ts";
import type { Draining, Installed } from "./installed.ts";
import { request } from "./request.ts";

/** How long packets that were sent before a rekey may be on their way. */
const DRAIN_MS = 5_000;
/** Beyond that, such packets are lost: only in a storm are so many replaced at a time. */
const DRAINING_MAX = 10_000;
/** Some ms' worth. */
const REMOVED_AT_ONCE = 256;

/** The inbound state of a replaced Child SA stays for a while; false: there is no room for it. */
export function letDrain(engine: Engine, { inbound: id, mark }: Installed): boolean {
  if (engine.dataplane.draining.queue.length >= DRAINING_MAX) return false;
  putDraining(engine, { id, mark, until: inMs(engine, DRAIN_MS) });
  return true;
}

/** The state ends after all those that drain already. */
export function putDraining(engine: Engine, state: Draining): void {
  const { dataplane } = engine;
  dataplane.draining.queue.push(state);
  dataplane.draining.spis.add(state.id.spi);
  changedDraining(engine, state.id.spi);
}

/** Whether a state with this inbound SPI drains. */
export function isDraining({ dataplane }: Engine, spi: EspSpi): boolean {
  return dataplane.draining.spis.has(spi);
}

/** The state with this inbound SPI, if it drains. */
export function drainingWith({ dataplane }: Engine, spi: EspSpi): Draining | undefined {
  const { queue, spis } = dataplane.draining;
  return spis.has(spi) ? queue.find(({ id }) => id.spi === spi) : undefined;
}

/** Those that drain, the one that ends first at the head, at most `limit`. */
export function drainingStates({ dataplane }: Engine, limit: number): readonly Draining[] {
  return dataplane.draining.queue.slice(0, limit);
}

/** When the next of them is removed. */
export function drainingAt({ dataplane }: Engine): Instant | undefined {
  return dataplane.draining.queue[0]?.until;
}

/** Removes draining states whose time is over, or all: a portion, the others stay due. */
export function drainStates(engine: Engine, all = false): void {
  const { queue, spis } = engine.dataplane.draining;
  let over = 0;
  for (const { id, mark, until } of queue) {
    if (over === REMOVED_AT_ONCE || (!all && until > engine.now)) break;
    over++;
    spis.delete(id.spi);
    changedDraining(engine, id.spi);
    request(engine, { op: "delete-state", id, ...(mark === undefined ? {} : { mark }) });
  }
  if (over > 0) queue.splice(0, over);
}
