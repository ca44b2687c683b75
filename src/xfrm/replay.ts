/** Replay windows in their extended form (struct xfrm_replay_state_esn). */

import { assert } from "../octets/assert.ts";
import type { Reader } from "../octets/reader.ts";
import { emitAttribute, XFRMA } from "./attribute.ts";
import { type HostWriter, hostU32 } from "./host-order.ts";
import type { XfrmState } from "./state.ts";

/** XFRMA_REPLAY_ESN_MAX is in octets: the kernel takes up to this many packets. */
const REPLAY_WINDOW_MAX = 4096;
/** The limit of struct xfrm_usersa_info. */
const SHORT_WINDOW_MAX = 32;
const WORD_BITS = 32;

/**
 * XFRMA_REPLAY_ESN_VAL, for extended sequence numbers and for windows above 32; returns the value
 * for `replay_window` of struct xfrm_usersa_info. Extended sequence numbers do not work without a
 * window (RFC 4303 §3.3.3), and the kernel refuses 0: it becomes 32.
 */
export function emitReplayWindow(w: HostWriter, state: XfrmState): void {
  if (shortReplayWindow(state) !== undefined) return;
  const window = state.replayWindow === 0 ? WORD_BITS : state.replayWindow;
  assert(window <= REPLAY_WINDOW_MAX, "packets of a replay window", window);
  const words = Math.ceil(window / WORD_BITS);
  emitAttribute(w, XFRMA.REPLAY_ESN_VAL, () => {
    w.u32(words); // bmp_len
    w.zeros(16); // oseq, seq, oseq_hi, seq_hi
    w.u32(window); // replay_window
    w.zeros(words * 4); // bmp
  });
}

/** The window if it fits the short form; the extended form must not carry a short one. */
export function shortReplayWindow(state: XfrmState): number | undefined {
  return !state.esn && state.replayWindow <= SHORT_WINDOW_MAX ? state.replayWindow : undefined;
}

/** `replay_window` of struct xfrm_replay_state_esn. */
export function parseReplayWindow(r: Reader): number {
  r.skip(20); // bmp_len, oseq, seq, oseq_hi, seq_hi
  return hostU32(r);
}
