/** Events, from octets written field by field after linux/xfrm.h. */

import { expect, test } from "bun:test";
import { addressOctets } from "../../../src/inet/address.ts";
import { asEspSpi } from "../../../src/inet/esp-spi.ts";
import { onePort } from "../../../src/inet/port-block.ts";
import { emitAttribute, XFRMA } from "../../../src/xfrm/attribute.ts";
import { parseXfrmEvent, type XfrmEvent } from "../../../src/xfrm/event.ts";
import { HostWriter } from "../../../src/xfrm/host-order.ts";
import { isShared, parseLarval } from "../../../src/xfrm/larval.ts";
import { XFRM_MSG } from "../../../src/xfrm/message-type.ts";
import { emitPolicy, emitPolicyInfo } from "../../../src/xfrm/policy-message.ts";
import { emitSelector } from "../../../src/xfrm/selector.ts";
import { emitState } from "../../../src/xfrm/state-message.ts";
import {
  addressOf,
  OUR_REQID,
  policyLike,
  selectorOf,
  stateLike,
} from "../../contract/xfrm-samples.ts";

const POLICY = policyLike({ src: "10.0.0.0/16", dst: "192.168.0.0/16" });
const PACKET = {
  ...selectorOf("10.0.0.9", "192.168.1.5"),
  protocol: 6,
  srcPort: onePort(4000),
  dstPort: onePort(80),
};

test("XFRM_MSG_ACQUIRE tells the template's reqid, its ends, the packet and the policy", () => {
  expect(eventOf(XFRM_MSG.ACQUIRE, acquire())).toEqual({
    kind: "acquire",
    acquire: {
      src: addressOf("192.0.2.2"),
      dst: addressOf("192.0.2.1"),
      reqid: OUR_REQID,
      packet: PACKET,
      policy: POLICY.id,
    },
  });
});

test("the larval state of an acquire is known by number and template", () => {
  const larval = parseLarval(acquire());
  if (!larval.ok || larval.value === undefined) throw new Error("no larval state");
  expect(larval.value).toMatchObject({ acquireSequence: 99, template: POLICY.template });
  expect(isShared(larval.value)).toBe(false);
});

test("XFRM_MSG_EXPIRE tells state, reqid and which limit", () => {
  const { id } = stateLike();
  for (const hard of [false, true]) {
    const payload = expire(stateLike(), hard);
    expect(eventOf(XFRM_MSG.EXPIRE, payload)).toEqual({
      kind: "expire",
      expire: { id, reqid: OUR_REQID, hard },
    });
  }
});

test("the end of a larval state is no event", () => {
  const larval = stateLike({ id: { ...stateLike().id, spi: asEspSpi(0) } });
  expect(eventOf(XFRM_MSG.EXPIRE, expire(larval, true))).toBeUndefined();
});

test("XFRM_MSG_MAPPING tells the state and where its packets come from now", () => {
  const w = new HostWriter();
  w.octets(addressOctets(addressOf("192.0.2.2"))).zeros(12); // id: daddr
  w.networkU32(0xc0ffee01).u16(2).u8(50).u8(0); // id: spi, family, proto
  w.u32(OUR_REQID); // reqid
  w.octets(addressOctets(addressOf("192.0.2.1"))).zeros(12); // old_saddr
  w.octets(addressOctets(addressOf("198.51.100.7"))).zeros(12); // new_saddr
  w.networkU16(4500).networkU16(40_123); // old_sport, new_sport
  expect(eventOf(XFRM_MSG.MAPPING, w.done())).toEqual({
    kind: "mapping",
    mapping: {
      id: stateLike().id,
      reqid: OUR_REQID,
      from: { address: addressOf("198.51.100.7"), port: 40_123 },
    },
  });
});

test("events cut short are malformed", () => {
  const payload = acquire();
  for (let length = 0; length < 280; length++) {
    const message = messageOf(XFRM_MSG.ACQUIRE, payload.subarray(0, length));
    expect(parseXfrmEvent(message).ok).toBe(false);
  }
});

/** struct xfrm_user_acquire, then XFRMA_TMPL. */
function acquire(): Uint8Array {
  const w = new HostWriter();
  w.octets(addressOctets(addressOf("192.0.2.1"))).zeros(12); // id: daddr
  w.u32(0).u8(50).zeros(3); // id: spi, proto
  w.octets(addressOctets(addressOf("192.0.2.2"))).zeros(12); // saddr
  emitSelector(w, PACKET); // sel
  emitPolicyInfo(w, POLICY); // policy
  w.u32(0).u32(0).u32(0).u32(99); // aalgos, ealgos, calgos, seq
  const whole = new HostWriter();
  emitPolicy(whole, POLICY);
  const template = whole.done().subarray(168 + 4);
  emitAttribute(w, XFRMA.TMPL, () => w.octets(template));
  return w.done();
}

/** struct xfrm_user_expire. */
function expire(state: ReturnType<typeof stateLike>, hard: boolean): Uint8Array {
  const info = new HostWriter();
  emitState(info, state);
  const w = new HostWriter();
  w.octets(info.done().subarray(0, 224)); // state
  return w
    .u8(hard ? 1 : 0)
    .zeros(7)
    .done(); // hard
}

function eventOf(type: number, payload: Uint8Array): XfrmEvent | undefined {
  const event = parseXfrmEvent(messageOf(type, payload));
  if (!event.ok) throw new Error(`${event.error.where}: ${event.error.detail}`);
  return event.value;
}

function messageOf(type: number, payload: Uint8Array) {
  return { type, flags: 0, sequence: 0, portId: 0, payload };
}
