/** Packets lost in a rekey, and which end caused it. */

import { expect } from "bun:test";
import type { Host } from "./hosts.ts";
import { CONCENTRATOR } from "./laboratory.ts";
import type { EspSeen } from "./wire.ts";
import { DELETED_STATE, type StateLife, stateKey, xfrmDrops } from "./xfrm-states.ts";

/**
 * Libreswan and OpenIKED send with new keys as soon as they have answered, as they may (RFC 7296
 * §2.8): such a packet can arrive before the state that the answer creates. None may arrive for a
 * removed state. OpenIKED also lets packets pass before its own kernel has the new states: it drops
 * those, and the answers to them, itself.
 */
export function whenTheyCame(packets: readonly EspSeen[], states: ReadonlyMap<string, StateLife>) {
  const inbound = packets.filter(({ dst }) => dst === CONCENTRATOR.v4);
  const lifeOf = ({ dst, spi }: EspSeen) => states.get(stateKey(dst, spi));
  return {
    early: inbound.filter((one) => one.atMs <= (lifeOf(one)?.bornMs ?? 0)).length,
    late: inbound.filter((one) => one.atMs > (lifeOf(one)?.goneMs ?? Number.POSITIVE_INFINITY)),
  };
}

/** Why a host drops what it sends itself. */
export const SENDING = ["XfrmOutNoStates", DELETED_STATE, "XfrmAcquireError"] as const;

/** Packets that a host has dropped since then for these reasons; there may be no others. */
export async function dropsSince(
  host: Host,
  before: Readonly<Record<string, number>>,
  reasons: readonly string[],
): Promise<number> {
  const now = Object.entries(await xfrmDrops(host));
  const since = now.map(([reason, count]) => [reason, count - (before[reason] ?? 0)] as const);
  const dropped = since.filter(([, count]) => count > 0);
  expect(dropped.filter(([reason]) => !reasons.includes(reason))).toEqual([]);
  return dropped.reduce((sum, [, count]) => sum + count, 0);
}
