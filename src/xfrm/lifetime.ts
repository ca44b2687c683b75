/** Limits and counters (struct xfrm_lifetime_cfg, struct xfrm_lifetime_cur). */

import type { Reader } from "../octets/reader.ts";
import { type HostWriter, hostU64 } from "./host-order.ts";
import type { XfrmLifetime } from "./state.ts";

/** What has been counted; times are wall-clock seconds since 1970, 0 if it never happened. */
export type XfrmCounters = {
  readonly octets: bigint;
  readonly packets: bigint;
  readonly addTime: bigint;
  /** Of the first packet. */
  readonly useTime: bigint;
};

/** XFRM_INF, and its halves. */
const WITHOUT_LIMIT = 0xffff_ffff_ffff_ffffn;
const HALF_WITHOUT_LIMIT = 0xffff_ffff;
/** struct xfrm_lifetime_cur. */
export const COUNTERS_OCTETS = 32;

/** struct xfrm_lifetime_cfg; without `lifetime` there are no limits. */
export function emitLifetime(w: HostWriter, lifetime?: XfrmLifetime): void {
  emitLimit(w, lifetime?.softOctets); // soft_byte_limit
  emitLimit(w, lifetime?.hardOctets); // hard_byte_limit
  emitLimit(w, lifetime?.softPackets); // soft_packet_limit
  emitLimit(w, lifetime?.hardPackets); // hard_packet_limit
  // For times, 0 means no limit.
  w.u64Number(lifetime?.softSeconds ?? 0); // soft_add_expires_seconds
  w.u64Number(lifetime?.hardSeconds ?? 0); // hard_add_expires_seconds
  w.zeros(16); // soft_use_expires_seconds, hard_use_expires_seconds
}

/** Without BigInts where there is no limit: most have none. */
function emitLimit(w: HostWriter, limit: bigint | undefined): void {
  if (limit === undefined) w.u32(HALF_WITHOUT_LIMIT).u32(HALF_WITHOUT_LIMIT);
  else w.u64(limit);
}

/** struct xfrm_lifetime_cfg. */
export function parseLifetime(r: Reader): XfrmLifetime {
  const softOctets = limit(hostU64(r));
  const hardOctets = limit(hostU64(r));
  const softPackets = limit(hostU64(r));
  const hardPackets = limit(hostU64(r));
  const softSeconds = seconds(hostU64(r));
  const hardSeconds = seconds(hostU64(r));
  r.skip(16); // soft_use_expires_seconds, hard_use_expires_seconds
  return { softSeconds, hardSeconds, softOctets, hardOctets, softPackets, hardPackets };
}

/** struct xfrm_lifetime_cur of a new object. */
export function emitNoCounters(w: HostWriter): void {
  w.zeros(COUNTERS_OCTETS);
}

/** struct xfrm_lifetime_cur. */
export function parseCounters(r: Reader): XfrmCounters {
  return { octets: hostU64(r), packets: hostU64(r), addTime: hostU64(r), useTime: hostU64(r) };
}

function limit(value: bigint): bigint | undefined {
  return value === WITHOUT_LIMIT ? undefined : value;
}

function seconds(value: bigint): number | undefined {
  return value === 0n ? undefined : Number(value);
}
