/** Netlink messages: several in a datagram, errors with and without explanation, ends of dumps. */

import { expect, test } from "bun:test";
import fc from "fast-check";
import { concat } from "../../../src/octets/concat.ts";
import { emitAttribute } from "../../../src/xfrm/attribute.ts";
import { errnoName } from "../../../src/xfrm/errno.ts";
import { HostWriter } from "../../../src/xfrm/host-order.ts";
import {
  emitNetlink,
  NLM_F_ACK_TLVS,
  NLM_F_CAPPED,
  NLMSG_DONE,
  NLMSG_ERROR,
  parseNetlink,
  parseNetlinkDone,
  parseNetlinkError,
} from "../../../src/xfrm/netlink.ts";

const TEXT = new TextEncoder().encode("Requested type not found\0");

test("several messages in one datagram are taken apart, padding left out", () => {
  const parts = [3, 4, 5].map((octets, sequence) =>
    padded(emitNetlink({ type: 0x10, flags: 2, sequence }, (w) => w.zeros(octets))),
  );
  const parsed = parseNetlink(concat(...parts));
  if (!parsed.ok) throw new Error(parsed.error.detail);
  expect(parsed.value.map(({ sequence, payload }) => [sequence, payload.length])).toEqual([
    [0, 3],
    [1, 4],
    [2, 5],
  ]);
});

test("a datagram cut short anywhere is malformed", () => {
  const whole = emitNetlink({ type: 0x10, flags: 0, sequence: 1 }, (w) => w.zeros(8));
  for (let length = 1; length < whole.length; length++) {
    expect(parseNetlink(whole.subarray(0, length)).ok).toBe(false);
  }
  expect(parseNetlink(whole.subarray(0, 0))).toEqual({ ok: true, value: [] });
});

test("a message that says it is shorter than its header is malformed", () => {
  const octets = new HostWriter().u32(15).zeros(12).done();
  expect(parseNetlink(octets)).toMatchObject({ ok: false, error: { kind: "malformed" } });
});

test("an error quotes its request's header only, then explains itself (NLM_F_CAPPED)", () => {
  expect(errorOf({ flags: NLM_F_CAPPED | NLM_F_ACK_TLVS, errno: 93, quoted: 16 })).toEqual({
    ok: true,
    value: { errno: 93, text: "Requested type not found" },
  });
});

test("an error that quotes the whole request explains itself after it", () => {
  expect(errorOf({ flags: NLM_F_ACK_TLVS, errno: 93, quoted: 41 })).toEqual({
    ok: true,
    value: { errno: 93, text: "Requested type not found" },
  });
});

test("an error without explanation is a number, 0 an acknowledgement", () => {
  expect(errorOf({ flags: 0, errno: 3, quoted: 20 })).toEqual({
    ok: true,
    value: { errno: 3, text: undefined },
  });
  expect(errorOf({ flags: NLM_F_CAPPED, errno: 0, quoted: 16 })).toEqual({
    ok: true,
    value: { errno: 0, text: undefined },
  });
});

test("the end of a dump may carry an error", () => {
  const done = (payload: Uint8Array) => ({
    ...{ type: NLMSG_DONE, flags: 2, sequence: 1, portId: 0 },
    payload,
  });
  expect(parseNetlinkDone(done(new Uint8Array()))).toEqual({ ok: true, value: 0 });
  expect(parseNetlinkDone(done(new HostWriter().u32(-1 >>> 0).done()))).toEqual({
    ok: true,
    value: 1,
  });
});

test("no octets make the parser throw", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (octets) => {
      const parsed = parseNetlink(octets);
      if (parsed.ok) for (const message of parsed.value) parseNetlinkError(message);
    }),
  );
});

test("errors have the names of errno.h", () => {
  expect([1, 3, 17, 93, 105, 4711].map(errnoName)).toEqual([
    "EPERM",
    "ESRCH",
    "EEXIST",
    "EPROTONOSUPPORT",
    "ENOBUFS",
    "errno 4711",
  ]);
});

/** An NLMSG_ERROR about a request of `quoted` octets, quoted in full unless capped. */
function errorOf(error: { flags: number; errno: number; quoted: number }) {
  const capped = (error.flags & NLM_F_CAPPED) !== 0;
  const octets = emitNetlink({ type: NLMSG_ERROR, flags: error.flags, sequence: 1 }, (w) => {
    w.u32(-error.errno >>> 0);
    w.u32(error.quoted).zeros(12);
    if (!capped) w.zeros(Math.ceil((error.quoted - 16) / 4) * 4);
    if ((error.flags & NLM_F_ACK_TLVS) !== 0) emitAttribute(w, 1, () => w.octets(TEXT));
  });
  const messages = parseNetlink(octets);
  const message = messages.ok ? messages.value[0] : undefined;
  if (message === undefined) throw new Error("no message");
  return parseNetlinkError(message);
}

function padded(octets: Uint8Array): Uint8Array {
  return concat(octets, new Uint8Array((4 - (octets.length % 4)) % 4));
}
