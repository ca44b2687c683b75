/**
 * States made again at other addresses: what stays, what changes, and where sequence numbers go on.
 */

import { expect, test } from "bun:test";
import { Reader } from "../../../src/octets/reader.ts";
import { emitAttribute, parseAttributes, XFRMA } from "../../../src/xfrm/attribute.ts";
import { HostWriter, hostU32 } from "../../../src/xfrm/host-order.ts";
import {
  emitMovedState,
  type FoundState,
  hasHiddenKeys,
  parseFoundState,
} from "../../../src/xfrm/moved-state.ts";
import { parseNetlink } from "../../../src/xfrm/netlink.ts";
import type { XfrmState } from "../../../src/xfrm/state.ts";
import { emitState, parseState, parseStateUse } from "../../../src/xfrm/state-message.ts";
import { AES_CBC_SHA256, addressOf, stateLike } from "../../contract/xfrm-samples.ts";

const TO = {
  id: { ...stateLike().id, src: addressOf("2001:db8::1"), dst: addressOf("2001:db8::2") },
  encapsulation: { srcPort: 4500, dstPort: 1024 },
};

test("a moved state is the same in another place, also of another family", () => {
  const { direction: _, ...state } = stateLike({
    protection: AES_CBC_SHA256,
    encapsulation: { srcPort: 4500, dstPort: 61_000 },
    lifetime: { ...stateLike().lifetime, softOctets: 5n, hardSeconds: 7 },
    mark: { value: 7, mask: 0xff },
    ifId: 42,
  });
  const moved = movedPayload(found({ direction: "out", ...state }, shortReplay(4)), 100);
  expect(parseState(moved)).toEqual({ ok: true, value: { ...state, ...TO } });
});

test("counters go on", () => {
  const before = found(stateLike(), shortReplay(4));
  before.info.set([9, 1], 160); // curlft: bytes
  before.info.set([3], 168); // curlft: packets
  before.info.set([1, 2, 3, 4], 176); // curlft: add_time
  const moved = movedPayload(before, 0);
  expect(parseStateUse(moved)).toMatchObject({ value: { octets: 265n, packets: 3n } });
  const counters = attributesOf(moved).get(XFRMA.LTIME_VAL);
  expect(counters).toEqual(before.info.slice(160, 192));
});

test.each([
  [4, 100, 104],
  [0xffff_fff0, 100, 0xffff_ffff],
])("sequence number %p goes on %p later, at %p", (oseq, ahead, expected) => {
  const moved = attributesOf(movedPayload(found(stateLike(), shortReplay(oseq)), ahead));
  const replay = moved.get(XFRMA.REPLAY_VAL) ?? new Uint8Array();
  expect(words(replay)).toEqual([expected, 55, 0b1011]); // oseq, seq, bitmap
});

test.each([
  [true, [0xffff_fff0, 7], [0x0000_0054, 8]],
  [true, [0xffff_fff0, 0xffff_ffff], [0xffff_ffff, 0xffff_ffff]],
  [false, [0xffff_fff0, 0], [0xffff_ffff, 0]],
] as const)("a long window (ESN %p): %p goes on at %p", (esn, [low, high], [toLow, toHigh]) => {
  const state = stateLike({ esn, replayWindow: 64 });
  const before = found(state, (w) => {
    // bmp_len, oseq, seq, oseq_hi, seq_hi, replay_window, bmp
    emitAttribute(w, XFRMA.REPLAY_ESN_VAL, () => {
      for (const word of [2, low, 55, high, 6, 64, 0xa5a5, 0x5a5a]) w.u32(word);
    });
  });
  const moved = attributesOf(movedPayload(before, 100)).get(XFRMA.REPLAY_ESN_VAL);
  expect(words(moved ?? new Uint8Array())).toEqual([2, toLow, 55, toHigh, 6, 64, 0xa5a5, 0x5a5a]);
});

test("keys that the kernel withholds are noticed", () => {
  const hidden = new Uint8Array(20);
  const aead = { name: "rfc4106(gcm(aes))", key: hidden, icvBits: 128 };
  const state = stateLike({ protection: { kind: "aead", aead } });
  expect(hasHiddenKeys(found(state, shortReplay(0)))).toBe(true);
  expect(hasHiddenKeys(found(stateLike(), shortReplay(0)))).toBe(false);
  const other = stateLike({ protection: AES_CBC_SHA256 });
  expect(hasHiddenKeys(found(other, shortReplay(0)))).toBe(false);
});

/** What the kernel says of a state; of two attributes of one type the last one counts. */
function found(state: XfrmState, more: (w: HostWriter) => void): FoundState {
  const w = new HostWriter();
  emitState(w, state);
  more(w);
  const parsed = parseFoundState(w.done());
  if (!parsed.ok) throw new Error(parsed.error.detail);
  return parsed.value;
}

function shortReplay(oseq: number): (w: HostWriter) => void {
  return (w) => emitAttribute(w, XFRMA.REPLAY_VAL, () => w.u32(oseq).u32(55).u32(0b1011));
}

function movedPayload(before: FoundState, ahead: number): Uint8Array {
  const messages = parseNetlink(emitMovedState(before, TO, ahead, 1));
  if (!messages.ok) throw new Error(messages.error.detail);
  return messages.value[0]?.payload ?? new Uint8Array();
}

function attributesOf(payload: Uint8Array): Map<number, Uint8Array> {
  return parseAttributes(new Reader(payload.subarray(224), "attributes"));
}

function words(octets: Uint8Array): number[] {
  const r = new Reader(octets, "words");
  return Array.from({ length: octets.length / 4 }, () => hostU32(r));
}
