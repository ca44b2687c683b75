/** States to and from octets (struct xfrm_usersa_info, struct xfrm_usersa_id and attributes). */

import type { Family } from "../inet/address.ts";
import { asEspSpi } from "../inet/esp-spi.ts";
import { decode, type Malformed, Reader } from "../octets/reader.ts";
import type { Result } from "../octets/result.ts";
import { asAddress, asFamily, emitXfrmAddress, familyNumber } from "./address.ts";
import { emitProtection, parseProtection } from "./algorithm.ts";
import { emitAttribute, parseAttributes, XFRMA } from "./attribute.ts";
import { type HostWriter, hostU16, hostU32, hostU64 } from "./host-order.ts";
import {
  emitLifetime,
  emitNoCounters,
  parseCounters,
  parseLifetime,
  type XfrmCounters,
} from "./lifetime.ts";
import { emitMarkAndIfId, parseMarkAndIfId } from "./mark.ts";
import { modeNumber, modeOf } from "./mode.ts";
import { emitReplayWindow, parseReplayWindow, shortReplayWindow } from "./replay.ts";
import { emitSelector, parseSelector, SELECTOR_OCTETS, type XfrmSelector } from "./selector.ts";
import type {
  XfrmLifetime,
  XfrmMark,
  XfrmOuterHeader,
  XfrmState,
  XfrmStateId,
  XfrmStateUse,
} from "./state.ts";

/** struct xfrm_usersa_info, as far as it is needed here. */
export type StateInfo = {
  readonly selector: XfrmSelector | undefined;
  readonly id: XfrmStateId;
  /** IP protocol: 50 is ESP. */
  readonly protocol: number;
  readonly lifetime: XfrmLifetime;
  readonly counters: XfrmCounters;
  readonly replayErrors: number;
  readonly integrityErrors: number;
  readonly reqid: number;
  readonly mode: "tunnel" | "transport";
  readonly replayWindow: number;
  /** XFRM_STATE_*. */
  readonly flags: number;
};

/** What a dump says about a state, apart from its keys. */
export type StateFound = XfrmStateUse & { readonly mark: XfrmMark | undefined };

export const IPPROTO_ESP = 50;

export const UDP_ENCAP_ESPINUDP = 2;
const XFRM_SA_XFLAG_DONT_ENCAP_DSCP = 1;
const XFRM_STATE_NOECN = 1;
const XFRM_STATE_NOPMTUDISC = 4;
const XFRM_STATE_AF_UNSPEC = 32;
export const XFRM_STATE_ESN = 128;

/** The payload of XFRM_MSG_NEWSA. */
export function emitState(w: HostWriter, state: XfrmState): void {
  emitStateInfo(w, state);
  emitProtection(w, state.protection);
  emitEncapsulation(w, state);
  emitReplayWindow(w, state);
  emitExtraFlags(w, state);
  emitMarkAndIfId(w, state);
}

/** The payload of XFRM_MSG_DELSA and XFRM_MSG_GETSA (struct xfrm_usersa_id). */
export function emitStateId(w: HostWriter, id: XfrmStateId, mark: XfrmMark | undefined): void {
  emitXfrmAddress(w, id.dst); // daddr
  w.networkU32(id.spi).u16(familyNumber(id.dst.family)); // spi, family
  w.u8(IPPROTO_ESP).u8(0); // proto
  emitMarkAndIfId(w, { mark, ifId: undefined });
}

/**
 * The payload of XFRM_MSG_NEWSA as the kernel answers it, including keys: they are copies, to be
 * wiped. The kernel does not say which direction a state is for.
 */
export function parseState(octets: Uint8Array): Result<Omit<XfrmState, "direction">, Malformed> {
  return decode(octets, "XFRM_MSG_NEWSA", (r) => {
    const info = parseStateInfo(r);
    if (info.protocol !== IPPROTO_ESP) r.fail(`IP protocol ${info.protocol}, ESP is 50`);
    const attributes = parseAttributes(r);
    const replay = attributes.get(XFRMA.REPLAY_ESN_VAL);
    return {
      id: info.id,
      reqid: info.reqid,
      mode: info.mode,
      protection: parseProtection(r, attributes),
      encapsulation: parseEncapsulation(attributes),
      replayWindow:
        replay === undefined
          ? info.replayWindow
          : parseReplayWindow(new Reader(replay, "XFRMA_REPLAY_ESN_VAL")),
      esn: (info.flags & XFRM_STATE_ESN) !== 0,
      outerHeader: parseOuterHeader(info.flags, attributes),
      lifetime: info.lifetime,
      selector: info.selector,
      ...parseMarkAndIfId(attributes),
    };
  });
}

/** Those that say how a state is used and named, not how it protects. */
const USE_ATTRIBUTES = [XFRMA.LASTUSED, XFRMA.ENCAP, XFRMA.MARK, XFRMA.IF_ID];

/** The payload of XFRM_MSG_NEWSA without its keys: identity and counters. */
export function parseStateUse(octets: Uint8Array): Result<StateFound, Malformed> {
  return decode(octets, "XFRM_MSG_NEWSA", (r) => {
    const info = parseStateInfo(r);
    const attributes = parseAttributes(r, USE_ATTRIBUTES);
    return {
      id: info.id,
      reqid: info.reqid,
      octets: info.counters.octets,
      packets: info.counters.packets,
      lastUsedSeconds: parseLastUsed(info, attributes),
      replayErrors: info.replayErrors,
      integrityErrors: info.integrityErrors,
      encapsulation: parseEncapsulation(attributes),
      mark: parseMarkAndIfId(attributes).mark,
    };
  });
}

/**
 * Only the identity of the state in the payload of XFRM_MSG_NEWSA, and whether its soft limit of
 * volume is behind it.
 */
export function parseStateName(
  octets: Uint8Array,
): Result<Pick<StateInfo, "id" | "reqid"> & { readonly isWorn: boolean }, Malformed> {
  return decode(octets, "XFRM_MSG_NEWSA", (r) => {
    const { id, reqid, lifetime, counters } = parseStateInfo(r);
    const { softOctets, softPackets } = lifetime;
    const isWorn =
      (softOctets !== undefined && counters.octets >= softOctets) ||
      (softPackets !== undefined && counters.packets >= softPackets);
    return { id, reqid, isWorn };
  });
}

/** struct xfrm_usersa_info. */
export function parseStateInfo(r: Reader): StateInfo {
  const selector = parseSelector(r);
  const daddr = r.octets(16); // id
  const spi = asEspSpi(r.u32());
  const protocol = r.u8();
  r.skip(3); // padding
  const saddr = r.octets(16);
  const lifetime = parseLifetime(r);
  const counters = parseCounters(r);
  r.skip(4); // stats: replay_window
  const replayErrors = hostU32(r);
  const integrityErrors = hostU32(r);
  r.skip(4); // seq
  const reqid = hostU32(r);
  const family = asFamily(r, hostU16(r));
  const mode = modeOf(r.u8());
  const replayWindow = r.u8();
  const flags = r.u8();
  r.skip(7); // padding
  const id = { src: asAddress(saddr, family), dst: asAddress(daddr, family), spi };
  const errors = { replayErrors, integrityErrors };
  const rest = { lifetime, counters, reqid, mode, replayWindow, flags } as const;
  return { selector, id, protocol, ...errors, ...rest };
}

/** struct xfrm_usersa_id. */
export function parseStateId(r: Reader): {
  readonly dst: XfrmStateId["dst"];
  readonly spi: XfrmStateId["spi"];
  readonly family: Family;
} {
  const daddr = r.octets(16);
  const spi = asEspSpi(r.u32());
  const family = asFamily(r, hostU16(r));
  r.skip(2); // proto, padding
  return { dst: asAddress(daddr, family), spi, family };
}

/** struct xfrm_usersa_info. */
function emitStateInfo(w: HostWriter, state: XfrmState): void {
  if (state.selector === undefined) w.zeros(SELECTOR_OCTETS);
  else emitSelector(w, state.selector);
  emitXfrmAddress(w, state.id.dst); // id: daddr
  w.networkU32(state.id.spi).u8(IPPROTO_ESP).zeros(3); // id: spi, proto
  emitXfrmAddress(w, state.id.src); // saddr
  emitLifetime(w, state.lifetime); // lft
  emitNoCounters(w); // curlft
  w.zeros(12); // stats
  w.u32(0).u32(state.reqid); // seq, reqid
  w.u16(familyNumber(state.id.dst.family)); // family
  w.u8(modeNumber(state.mode)); // mode
  w.u8(shortReplayWindow(state) ?? 0); // replay_window
  w.u8(stateFlags(state)).zeros(7); // flags
}

function stateFlags(state: XfrmState): number {
  // Without it, the kernel assumes the outer family for the inner addresses as well.
  const anyFamily = state.mode === "tunnel" && state.selector === undefined;
  const { ecn, pathMtuDiscovery } = state.outerHeader;
  return (
    (ecn ? 0 : XFRM_STATE_NOECN) |
    (pathMtuDiscovery ? 0 : XFRM_STATE_NOPMTUDISC) |
    (anyFamily ? XFRM_STATE_AF_UNSPEC : 0) |
    (state.esn ? XFRM_STATE_ESN : 0)
  );
}

/** XFRMA_SA_EXTRA_FLAGS, if needed. */
function emitExtraFlags(w: HostWriter, { outerHeader }: XfrmState): void {
  if (outerHeader.copyDscp) return;
  emitAttribute(w, XFRMA.SA_EXTRA_FLAGS, () => w.u32(XFRM_SA_XFLAG_DONT_ENCAP_DSCP));
}

function parseOuterHeader(
  flags: number,
  attributes: ReadonlyMap<number, Uint8Array>,
): XfrmOuterHeader {
  const octets = attributes.get(XFRMA.SA_EXTRA_FLAGS);
  const extra = octets === undefined ? 0 : hostU32(new Reader(octets, "XFRMA_SA_EXTRA_FLAGS"));
  return {
    copyDscp: (extra & XFRM_SA_XFLAG_DONT_ENCAP_DSCP) === 0,
    ecn: (flags & XFRM_STATE_NOECN) === 0,
    pathMtuDiscovery: (flags & XFRM_STATE_NOPMTUDISC) === 0,
  };
}

/** XFRMA_ENCAP (struct xfrm_encap_tmpl), RFC 3948. */
export function emitEncapsulation(
  w: HostWriter,
  { encapsulation }: Pick<XfrmState, "encapsulation">,
): void {
  if (encapsulation === undefined) return;
  emitAttribute(w, XFRMA.ENCAP, () => {
    w.u16(UDP_ENCAP_ESPINUDP); // encap_type
    w.networkU16(encapsulation.srcPort).networkU16(encapsulation.dstPort); // encap_sport, _dport
    w.zeros(18); // padding, encap_oa: for transport mode checksums, which Linux recomputes
  });
}

export function parseEncapsulation(
  attributes: ReadonlyMap<number, Uint8Array>,
): XfrmState["encapsulation"] {
  const octets = attributes.get(XFRMA.ENCAP);
  if (octets === undefined) return undefined;
  const r = new Reader(octets, "XFRMA_ENCAP");
  r.skip(2); // encap_type
  return { srcPort: r.u16(), dstPort: r.u16() };
}

/** XFRMA_LASTUSED; until it is set, the time of the first packet, if there was one. */
function parseLastUsed(
  { counters }: StateInfo,
  attributes: Map<number, Uint8Array>,
): number | undefined {
  const octets = attributes.get(XFRMA.LASTUSED);
  if (octets !== undefined) return Number(hostU64(new Reader(octets, "XFRMA_LASTUSED")));
  return counters.useTime === 0n ? undefined : Number(counters.useTime);
}
