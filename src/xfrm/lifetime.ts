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

/** XFRM_INF. */
const WITHOUT_LIMIT = 0xffff_ffff_ffff_ffffn;
/** struct xfrm_lifetime_cur. */
export const COUNTERS_OCTETS = 32;

/** struct xfrm_lifetime_cfg; without `lifetime` there are no limits. */
export function emitLifetime(w: HostWriter, lifetime?: XfrmLifetime): void {
  w.u64(lifetime?.softOctets ?? WITHOUT_LIMIT); // soft_byte_limit
  w.u64(lifetime?.hardOctets ?? WITHOUT_LIMIT); // hard_byte_limit
  w.u64(lifetime?.softPackets ?? WITHOUT_LIMIT); // soft_packet_limit
  w.u64(lifetime?.hardPackets ?? WITHOUT_LIMIT); // hard_packet_limit
  // For times, 0 means no limit.
  w.u64(BigInt(lifetime?.softSeconds ?? 0)); // soft_add_expires_seconds
  w.u64(BigInt(lifetime?.hardSeconds ?? 0)); // hard_add_expires_seconds
  w.u64(0n); // soft_use_expires_seconds
  w.u64(0n); // hard_use_expires_seconds
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
