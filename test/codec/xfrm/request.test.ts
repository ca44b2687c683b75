/** Requests against what `ip xfrm` sends for the same. */

import { expect, test } from "bun:test";
import { asEspSpi } from "../../../src/inet/esp-spi.ts";
import { onePort } from "../../../src/inet/port-block.ts";
import { parseNetlink } from "../../../src/xfrm/netlink.ts";
import { parsePolicy } from "../../../src/xfrm/policy-message.ts";
import { emitXfrmRequest, type XfrmMessage, xfrmRefusal } from "../../../src/xfrm/request.ts";
import { parseState, parseStateUse } from "../../../src/xfrm/state-message.ts";
import {
  AES_CBC_SHA256,
  addressOf,
  policyLike,
  prefixOf,
  stateLike,
  WITHOUT_LIMITS,
} from "../../contract/xfrm-samples.ts";
import {
  POLICY,
  POLICY_DELETE,
  STATE_AEAD,
  STATE_CBC_ESN,
  STATE_DELETE,
  STATE_OWN_HEADER,
} from "./iproute.ts";

const MARK = { value: 7, mask: 0xff };

const STATE = stateLike({
  encapsulation: { srcPort: 40_123, dstPort: 4500 },
  lifetime: {
    ...WITHOUT_LIMITS,
    ...{ softOctets: 1000n, hardOctets: 2000n, softSeconds: 3000, hardSeconds: 3600 },
  },
  mark: MARK,
  ifId: 42,
});

const OWN_HEADER_STATE = stateLike({
  outerHeader: { copyDscp: false, ecn: false, pathMtuDiscovery: false },
  lifetime: { ...WITHOUT_LIMITS, softPackets: 1000n, hardPackets: 1100n },
  mark: MARK,
  ifId: 42,
});

const V6_ESN_STATE = stateLike({
  id: {
    src: addressOf("2001:db8::1"),
    dst: addressOf("2001:db8::2"),
    spi: asEspSpi(0xc0ffee02),
  },
  mode: "transport",
  protection: AES_CBC_SHA256,
  replayWindow: 128,
  esn: true,
  selector: {
    src: prefixOf("2001:db8::1"),
    dst: prefixOf("2001:db8::2"),
    protocol: 6,
    srcPort: onePort(1000),
    dstPort: onePort(2000),
  },
});

const subnets = policyLike({ src: "10.0.0.0/16", dst: "192.168.1.0/24" });
const OUR_POLICY = policyLike(
  { src: "10.0.0.0/16", dst: "192.168.1.0/24" },
  {
    priority: 1_157_654_000,
    id: {
      ...subnets.id,
      selector: { ...subnets.id.selector, protocol: 17, dstPort: onePort(53) },
      mark: MARK,
      ifId: 42,
    },
  },
);

test("XFRM_MSG_NEWSA is octet for octet what ip xfrm sends", () => {
  expect(emitLike(STATE_AEAD, { op: "new-state", state: STATE })).toEqual(STATE_AEAD);
});

test("XFRM_MSG_NEWSA with an outer header of its own is what ip xfrm sends", () => {
  const emitted = emitLike(STATE_OWN_HEADER, { op: "new-state", state: OWN_HEADER_STATE });
  expect(emitted).toEqual(STATE_OWN_HEADER);
});

test("XFRM_MSG_NEWSA with ESN differs from that of ip xfrm by its replay bitmap only", () => {
  const emitted = emitLike(STATE_CBC_ESN, { op: "new-state", state: V6_ESN_STATE });
  expect(emitted.length).toBe(STATE_CBC_ESN.length + 16);
  // Lengths: of the message, and of the attribute whose bitmap is at the end.
  emitted.set(STATE_CBC_ESN.subarray(0, 4));
  emitted[STATE_CBC_ESN.length - 28] = 28;
  expect(emitted.subarray(0, STATE_CBC_ESN.length)).toEqual(STATE_CBC_ESN);
  expect(emitted.subarray(STATE_CBC_ESN.length)).toEqual(new Uint8Array(16));
});

test("XFRM_MSG_UPDPOLICY is octet for octet what ip xfrm sends", () => {
  expect(emitLike(POLICY, { op: "put-policy", policy: OUR_POLICY })).toEqual(POLICY);
});

test("XFRM_MSG_DELPOLICY is octet for octet what ip xfrm sends", () => {
  expect(emitLike(POLICY_DELETE, { op: "delete-policy", id: OUR_POLICY.id })).toEqual(
    POLICY_DELETE,
  );
});

test("XFRM_MSG_DELSA is what ip xfrm sends, without the source that ESP does not need", () => {
  const emitted = emitLike(STATE_DELETE, { op: "delete-state", id: STATE.id, mark: MARK });
  const withoutSource = [...STATE_DELETE.subarray(0, 40), ...STATE_DELETE.subarray(60)];
  withoutSource[0] = 72 - 20;
  expect([...emitted]).toEqual(withoutSource);
});

test("states and policies of ip xfrm are read correctly", () => {
  for (const [octets, { direction: _, ...state }] of [
    [STATE_AEAD, STATE],
    [STATE_CBC_ESN, V6_ESN_STATE],
    [STATE_OWN_HEADER, OWN_HEADER_STATE],
  ] as const) {
    expect(parseState(octets.subarray(16))).toEqual({ ok: true, value: state });
  }
  expect(parsePolicy(POLICY.subarray(16))).toEqual({ ok: true, value: OUR_POLICY });
});

test("the counters of a state come without its keys", () => {
  const use = parseStateUse(STATE_AEAD.subarray(16));
  expect(use).toMatchObject({ ok: true, value: { id: STATE.id, packets: 0n, mark: MARK } });
  expect(Bun.inspect(use)).not.toMatch(/key/i);
});

test("a refusal names operation, object, errno and the kernel's own words", () => {
  const request: XfrmMessage = { op: "put-policy", policy: OUR_POLICY };
  expect(xfrmRefusal(request, 22, "Invalid template")).toEqual({
    kind: "kernel",
    operation: "XFRM_MSG_UPDPOLICY",
    object:
      "policy out 10.0.0.0/16 -> 192.168.1.0/24 protocol 17 ports any -> 53 " +
      "mark 0x7/0xff if_id 0x2a",
    errno: "EINVAL",
    detail: "Invalid template",
  });
  expect(xfrmRefusal({ op: "new-state", state: STATE }, 17, undefined).detail).toBe(
    "there is one already",
  );
});

test("a refusal of a state never holds its keys", () => {
  const refusal = xfrmRefusal({ op: "new-state", state: STATE }, 22, undefined);
  expect(JSON.stringify(refusal)).not.toMatch(/1011|16,17/);
});

/** A request with the sequence number of a captured message. */
function emitLike(seen: Uint8Array, request: XfrmMessage): Uint8Array {
  const messages = parseNetlink(seen);
  if (!messages.ok) throw new Error(messages.error.detail);
  return emitXfrmRequest(request, messages.value[0]?.sequence ?? 0);
}
