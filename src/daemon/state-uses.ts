/** What each state of ours has carried, as the kernel counts it, read in short turns. */

import { formatAddress } from "../inet/address.ts";
import type { Kernel } from "../linux/xfrm-kernel.ts";
import { nextTurn } from "../status/lists/turns.ts";
import { type StateUse, type StateUses, stateKey } from "../status/source.ts";

/** States that are entered in one turn of the event loop: about a millisecond's worth. */
const STATES_PER_TURN = 500;

/** Empty if the kernel does not answer. */
export async function readUses(kernel: Pick<Kernel, "stateUses">): Promise<StateUses> {
  const uses = new Map<string, StateUse>();
  const read = await kernel.stateUses();
  if (!read.ok) return uses;
  let entered = 0;
  for (const { id, octets, packets } of read.value) {
    if (++entered % STATES_PER_TURN === 0) await nextTurn();
    uses.set(stateKey(formatAddress(id.dst), id.spi), { octets, packets });
  }
  return uses;
}
