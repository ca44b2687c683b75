/**
 * A state with other addresses. The kernel cannot change them: its description of the state,
 * including keys and sequence numbers, is turned into the request that creates it again.
 */

import { decode, type Malformed, Reader } from "../octets/reader.ts";
import type { Result } from "../octets/result.ts";
import { emitXfrmAddress, familyNumber } from "./address.ts";
import { emitAttribute, parseAttributes, XFRMA } from "./attribute.ts";
import { type HostWriter, hostU32 } from "./host-order.ts";
import { COUNTERS_OCTETS } from "./lifetime.ts";
import { XFRM_MSG } from "./message-type.ts";
import { emitNetlink, NLM_F_ACK, NLM_F_REQUEST } from "./netlink.ts";
import type { XfrmState, XfrmStateId } from "./state.ts";
import {
  emitEncapsulation,
  parseEncapsulation,
  parseStateInfo,
  XFRM_STATE_ESN,
} from "./state-message.ts";

/** The addresses and ports between which a state's packets travel. */
export type StatePlace = {
  readonly id: XfrmStateId;
  readonly encapsulation: XfrmState["encapsulation"];
};

/** A state as XFRM_MSG_GETSA returns it: views of the answer. */
export type FoundState = StatePlace & {
  /** struct xfrm_usersa_info. */
  readonly info: Uint8Array;
  readonly attributes: ReadonlyMap<number, Uint8Array>;
  readonly esn: boolean;
};

/** Takes the payload of an XFRM_MSG_NEWSA apart; it holds keys, and so do the views. */
export function parseFoundState(octets: Uint8Array): Result<FoundState, Malformed> {
  return decode(octets, "XFRM_MSG_NEWSA", (r) => {
    const { id, flags } = parseStateInfo(r);
    const attributes = parseAttributes(r);
    const info = octets.subarray(0, STATE_INFO_OCTETS);
    const encapsulation = parseEncapsulation(attributes);
    return { id, encapsulation, info, attributes, esn: (flags & XFRM_STATE_ESN) !== 0 };
  });
}

/**
 * Whether the kernel hides the keys: in lockdown ("confidentiality") it shows zeros, and a state
 * made from those would encrypt with a publicly known key.
 */
export function hasHiddenKeys({ attributes }: FoundState): boolean {
  const algorithms = ALGORITHMS.flatMap((type) => attributes.get(type) ?? []);
  const shown = algorithms.some((octets) => octets.subarray(KEY_AT).some((octet) => octet !== 0));
  return !shown;
}

/**
 * The request that creates a state again in another place: same keys, limits, mark, mode; its
 * counters and the time when it was added are kept (XFRMA_LTIME_VAL). It skips `ahead` sequence
 * numbers: as many as may have been sent since the state was read. Wipe the request after use.
 */
export function emitMovedState(
  found: FoundState,
  place: StatePlace,
  ahead: number,
  sequence: number,
): Uint8Array {
  const head = { type: XFRM_MSG.NEWSA, flags: NLM_F_REQUEST | NLM_F_ACK, sequence };
  return emitNetlink(head, (w) => {
    emitMovedInfo(w, found, place);
    for (const [type, octets] of found.attributes) emitKept(w, { type, octets }, found.esn, ahead);
    emitEncapsulation(w, place);
    const counters = found.info.subarray(COUNTERS_AT, COUNTERS_AT + COUNTERS_OCTETS);
    emitAttribute(w, XFRMA.LTIME_VAL, () => w.octets(counters));
  });
}

/** struct xfrm_usersa_info: offsets of the fields that change, and of the counters. */
const STATE_INFO_OCTETS = 224;
const DESTINATION_AT = 56;
const SPI_END = 76;
const SOURCE_AT = 80;
const SOURCE_END = 96;
const COUNTERS_AT = 160;
const FAMILY_AT = 212;
const FAMILY_END = 214;

/** Attributes with keys: alg_name, then lengths; every key comes after these. */
const ALGORITHMS = [XFRMA.ALG_AEAD, XFRMA.ALG_CRYPT, XFRMA.ALG_AUTH, XFRMA.ALG_AUTH_TRUNC];
const KEY_AT = 72;

/** Attributes that are written again, or that only the kernel sets. */
const NOT_KEPT: ReadonlySet<number> = new Set([XFRMA.ENCAP, XFRMA.LASTUSED, XFRMA.LTIME_VAL]);

function emitMovedInfo(w: HostWriter, { info }: FoundState, { id }: StatePlace): void {
  w.octets(info.subarray(0, DESTINATION_AT)); // sel
  emitXfrmAddress(w, id.dst); // id: daddr
  w.networkU32(id.spi).octets(info.subarray(SPI_END, SOURCE_AT)); // id: spi, proto
  emitXfrmAddress(w, id.src); // saddr
  w.octets(info.subarray(SOURCE_END, FAMILY_AT)); // lft, curlft, stats, seq, reqid
  w.u16(familyNumber(id.dst.family)); // family
  w.octets(info.subarray(FAMILY_END)); // mode, replay_window, flags
}

function emitKept(
  w: HostWriter,
  { type, octets }: { readonly type: number; readonly octets: Uint8Array },
  esn: boolean,
  ahead: number,
): void {
  if (NOT_KEPT.has(type)) return;
  emitAttribute(w, type, () => {
    if (type === XFRMA.REPLAY_VAL)
      emitShortReplay(w, new Reader(octets, "XFRMA_REPLAY_VAL"), ahead);
    else if (type === XFRMA.REPLAY_ESN_VAL) {
      emitLongReplay(w, new Reader(octets, "XFRMA_REPLAY_ESN_VAL"), { esn, ahead });
    } else w.secret(octets);
  });
}

/** struct xfrm_replay_state. */
function emitShortReplay(w: HostWriter, r: Reader, ahead: number): void {
  w.u32(Math.min(hostU32(r) + ahead, SEQUENCE_MAX)); // oseq
  w.octets(r.rest()); // seq, bitmap
}

/** struct xfrm_replay_state_esn; without ESN it is a long window for 32-bit numbers. */
function emitLongReplay(
  w: HostWriter,
  r: Reader,
  { esn, ahead }: { readonly esn: boolean; readonly ahead: number },
): void {
  w.octets(r.octets(4)); // bmp_len
  const low = hostU32(r); // oseq
  const seq = r.octets(4);
  const high = hostU32(r); // oseq_hi
  const max = esn ? ESN_MAX : BigInt(SEQUENCE_MAX);
  const sum = (BigInt(high) << 32n) + BigInt(low + ahead);
  // At its end the kernel stops sending (RFC 4303 §3.3.3): better than a repeated number.
  const oseq = sum < max ? sum : max;
  w.u32(Number(oseq & 0xffff_ffffn)).octets(seq); // oseq, seq
  w.u32(Number(oseq >> 32n)).octets(r.rest()); // oseq_hi; seq_hi, replay_window, bmp
}

const SEQUENCE_MAX = 0xffff_ffff;
const ESN_MAX = 0xffff_ffff_ffff_ffffn;
