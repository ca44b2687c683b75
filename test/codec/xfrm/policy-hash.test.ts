/** Hash lengths against what `ip xfrm policy set` sends, and what the kernel answers. */

import { expect, test } from "bun:test";
import { parseNetlink } from "../../../src/xfrm/netlink.ts";
import {
  emitHashLengths,
  emitHashLengthsQuery,
  parseHashLengths,
} from "../../../src/xfrm/policy-hash.ts";

test("local and remote length of one family, as iproute2 sends them", () => {
  // XFRM_MSG_NEWSPDINFO, flags; XFRMA_SPD_IPV4_HTHRESH of 6 octets: 0, 24, padding.
  const [message] = messagesOf(emitHashLengths(4, { local: 0, remote: 24 }, 7));
  expect(message).toMatchObject({ type: 0x24, flags: 5, sequence: 7 });
  expect(message?.payload.toHex()).toBe(`00000000${"0600030000180000"}`);
  const [six] = messagesOf(emitHashLengths(6, { local: 48, remote: 64 }, 8));
  expect(six?.payload.toHex()).toBe(`00000000${"0600040030400000"}`);
  const [query] = messagesOf(emitHashLengthsQuery(9));
  expect(query).toMatchObject({ type: 0x25, flags: 1, sequence: 9 });
});

test("an answer has both families, beside what is not read", () => {
  const counts = `1c000100${"00".repeat(24)}`;
  const answer = Uint8Array.fromHex(`00000000${counts}06000300001800000600040080800000`);
  expect(parseHashLengths(answer, 4)).toEqual({ ok: true, value: { local: 0, remote: 24 } });
  expect(parseHashLengths(answer, 6)).toEqual({ ok: true, value: { local: 128, remote: 128 } });
});

test("an older kernel does not say; an answer that is cut off is malformed", () => {
  expect(parseHashLengths(new Uint8Array(4), 4)).toEqual({ ok: true, value: undefined });
  for (const hex of ["0000", "000000000500030000", "00000000060003"]) {
    expect(parseHashLengths(Uint8Array.fromHex(hex), 4).ok).toBe(false);
  }
});

function messagesOf(octets: Uint8Array) {
  const parsed = parseNetlink(octets);
  if (!parsed.ok) throw new Error(parsed.error.detail);
  return parsed.value;
}
