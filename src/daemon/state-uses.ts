/** What each state of ours has carried, as the kernel counts it, read in short turns. */

import type { ChildSaView, ErouteView } from "../concentrator/snapshot.ts";
import { type Address, parseAddress } from "../inet/address.ts";
import { asEspSpi } from "../inet/esp-spi.ts";
import type { Kernel } from "../linux/xfrm-kernel.ts";
import { nextTurn } from "../status/lists/turns.ts";
import type { StateUse, StateUses, TrafficTotals } from "../status/source.ts";
import type { XfrmMark } from "../xfrm/state.ts";
import { type Carried, placeOf } from "../xfrm/state-count.ts";
import { StateCounts } from "../xfrm/state-counts.ts";

/** All counters are read again after this time. */
const USES_MS_MAX = 1_000;
/** Child SAs whose states are asked for in one turn of the event loop: well under a millisecond. */
const CHILDREN_PER_TURN = 20;

export type Counted = {
  /** All counters, at most a second old; those of before if the kernel does not answer. */
  all(): Promise<StateUses>;
  /** Those of these eroutes, as they are now. */
  of(views: readonly Pick<ErouteView, "childSas">[]): Promise<StateUses>;
  /** What all states have carried since the first reading, when they were read last. */
  totals(): TrafficTotals;
};

/** `ours`: our addresses; states there are inbound. */
export function createCounted(
  kernel: Pick<Kernel, "stateCounts" | "perform">,
  ours: () => readonly Address[],
  now: () => number,
): Counted {
  const counts = new StateCounts();
  const uses: StateUses = {
    of: (address, spi) => {
      const dst = parseAddress(address);
      return dst === undefined ? undefined : useOf(counts.of(placeOf(dst), spi));
    },
  };
  /** Whoever asks meanwhile waits for the same one. */
  let reading: Promise<StateUses> | undefined;
  let isFreshUntil = Number.NEGATIVE_INFINITY;
  const read = async (): Promise<StateUses> => {
    counts.begin(new Set(ours().map(placeOf)));
    const result = await kernel.stateCounts((count) => counts.note(count));
    if (result.ok) counts.end();
    isFreshUntil = now() + USES_MS_MAX;
    return uses;
  };
  const all = async (): Promise<StateUses> => {
    if (now() < isFreshUntil) return uses;
    reading ??= read().finally(() => {
      reading = undefined;
    });
    return reading;
  };
  return {
    all,
    of: (views) => readUsesOf(kernel, views),
    totals: () => counts.totals,
  };
}

/** Without a kernel nothing is counted. */
export const NOTHING_COUNTED: Counted = {
  all: async () => NO_USES,
  of: async () => NO_USES,
  totals: () => ({ octetsIn: 0, octetsOut: 0, packetsIn: 0, packetsOut: 0 }),
};

const NO_USES: StateUses = { of: () => undefined };

/** Asks for one state after the other: a state that the kernel does not have is left out. */
async function readUsesOf(
  kernel: Pick<Kernel, "perform">,
  views: readonly Pick<ErouteView, "childSas">[],
): Promise<StateUses> {
  const found = new Map<string, StateUse>();
  const ask = (address: string, spi: number, mark: XfrmMark | undefined): void => {
    const use = queryUse(kernel, address, spi, mark);
    if (use !== undefined) found.set(nameOf(address, spi), use);
  };
  let asked = 0;
  for (const child of views.flatMap(({ childSas }): readonly ChildSaView[] => childSas)) {
    if (++asked % CHILDREN_PER_TURN === 0) await nextTurn();
    ask(child.localAddress, child.spiIn, undefined);
    ask(child.remoteAddress, child.spiOut, child.mark);
  }
  return { of: (address, spi) => found.get(nameOf(address, spi)) };
}

function queryUse(
  kernel: Pick<Kernel, "perform">,
  address: string,
  spi: number,
  mark: XfrmMark | undefined,
): StateUse | undefined {
  const dst = parseAddress(address);
  if (dst === undefined) return undefined;
  // The kernel looks at the destination only.
  const id = { src: dst, dst, spi: asEspSpi(spi) };
  const named = mark === undefined ? { id } : { id, mark };
  const answer = kernel.perform({ op: "query-state", ...named });
  if (!answer.ok || answer.value === undefined) return undefined;
  const { octets, packets } = answer.value;
  return { octets, packets };
}

function nameOf(address: string, spi: number): string {
  return `${address} ${spi}`;
}

function useOf(carried: Carried | undefined): StateUse | undefined {
  if (carried === undefined) return undefined;
  return { octets: BigInt(carried.octets), packets: BigInt(carried.packets) };
}
