/** What is emitted is read as the same, and nothing that is cut short can be read. */

import { expect, test } from "bun:test";
import fc from "fast-check";
import type { Family } from "../../../src/inet/address.ts";
import { asEspSpi } from "../../../src/inet/esp-spi.ts";
import { prefixOf } from "../../../src/inet/prefix.ts";
import { parseXfrmEvent } from "../../../src/xfrm/event.ts";
import { HostWriter } from "../../../src/xfrm/host-order.ts";
import { XFRM_MSG } from "../../../src/xfrm/message-type.ts";
import type { XfrmPolicy } from "../../../src/xfrm/policy.ts";
import { emitPolicy, parsePolicy } from "../../../src/xfrm/policy-message.ts";
import type { XfrmSelector } from "../../../src/xfrm/selector.ts";
import type { XfrmLifetime, XfrmProtection, XfrmState } from "../../../src/xfrm/state.ts";
import { emitState, parseState } from "../../../src/xfrm/state-message.ts";
import { policyLike, stateLike } from "../../contract/xfrm-samples.ts";

const u16 = fc.integer({ min: 0, max: 0xffff });
const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
const maybe = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });
const family = fc.constantFrom<Family>(4, 6);

const addressIn = (of: Family) =>
  fc.bigInt({ min: 0n, max: of === 4 ? 0xffff_ffffn : (1n << 128n) - 1n }).map((value) => ({
    family: of,
    value,
  }));

const prefixIn = (of: Family) =>
  fc
    .tuple(addressIn(of), fc.integer({ min: 0, max: of === 4 ? 32 : 128 }))
    .map(([address, length]) => prefixOf(address, length));

const port = fc.record({ port: u16, mask: fc.integer({ min: 1, max: 0xffff }) });

const selector: fc.Arbitrary<XfrmSelector> = family.chain((of) =>
  fc.record({
    src: prefixIn(of),
    dst: prefixIn(of),
    protocol: fc.integer({ min: 0, max: 255 }),
    srcPort: maybe(port),
    dstPort: maybe(port),
  }),
);

const mark = maybe(fc.record({ value: u32, mask: u32 }));
const key = fc.uint8Array({ minLength: 1, maxLength: 64 });
const name = fc.constantFrom("cbc(aes)", "hmac(sha256)", "rfc4106(gcm(aes))", "x".repeat(63));

const protection: fc.Arbitrary<XfrmProtection> = fc.oneof(
  fc.record({
    kind: fc.constant("aead" as const),
    aead: fc.record({ name, key, icvBits: u32 }),
  }),
  fc.record({
    kind: fc.constant("crypt-auth" as const),
    crypt: fc.record({ name, key }),
    auth: fc.record({ name, key, truncBits: u32 }),
  }),
);

const limit = maybe(fc.bigInt({ min: 0n, max: (1n << 64n) - 2n }));
const seconds = maybe(fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }));

const lifetime: fc.Arbitrary<XfrmLifetime> = fc.record({
  softSeconds: seconds,
  hardSeconds: seconds,
  softOctets: limit,
  hardOctets: limit,
  softPackets: limit,
  hardPackets: limit,
});

const state: fc.Arbitrary<XfrmState> = family.chain((of) =>
  fc.record({
    id: fc.record({ src: addressIn(of), dst: addressIn(of), spi: u32.map(asEspSpi) }),
    direction: fc.constantFrom("in" as const, "out" as const),
    reqid: u32,
    mode: fc.constantFrom("tunnel" as const, "transport" as const),
    protection,
    encapsulation: maybe(fc.record({ srcPort: u16, dstPort: u16 })),
    // With ESN a window of 0 becomes 32, so it does not come back unchanged.
    replayWindow: fc.integer({ min: 1, max: 4096 }),
    esn: fc.boolean(),
    outerHeader: fc.record({
      copyDscp: fc.boolean(),
      ecn: fc.boolean(),
      pathMtuDiscovery: fc.boolean(),
    }),
    lifetime,
    selector: maybe(selector),
    mark,
    ifId: maybe(u32),
  }),
);

const policy: fc.Arbitrary<XfrmPolicy> = fc
  .tuple(
    fc.record({
      selector,
      direction: fc.constantFrom("in" as const, "fwd" as const, "out" as const),
      mark,
      ifId: maybe(u32),
    }),
    u32,
    fc.constantFrom("protect" as const, "block" as const, "pass" as const),
    family.chain((of) =>
      fc.record({
        src: addressIn(of),
        dst: addressIn(of),
        reqid: u32,
        mode: fc.constantFrom("tunnel" as const, "transport" as const),
      }),
    ),
  )
  .map(([id, priority, action, template]) => ({
    ...{ id, priority, action },
    template: action === "protect" ? template : undefined,
  }));

test("a state is read as it was emitted", () => {
  fc.assert(
    fc.property(state, ({ direction, ...rest }) => {
      const payload = emitted((w) => emitState(w, { direction, ...rest }));
      expect(parseState(payload)).toEqual({ ok: true, value: rest });
    }),
  );
});

test("a policy is read as it was emitted", () => {
  fc.assert(
    fc.property(policy, (value) => {
      const payload = emitted((w) => emitPolicy(w, value));
      expect(parsePolicy(payload)).toEqual({ ok: true, value });
    }),
  );
});

test("a state cut short anywhere is malformed, or lacks an attribute", () => {
  const sample = stateLike({ esn: true, replayWindow: 64, ifId: 1 });
  const payload = emitted((w) => emitState(w, sample));
  for (let length = 0; length < payload.length; length++) {
    const parsed = parseState(payload.subarray(0, length));
    if (parsed.ok) expect(parsed.value).not.toEqual(withoutDirection(sample));
    else expect(parsed.error.kind).toBe("malformed");
  }
});

test("a policy cut short anywhere is malformed, or lacks an attribute", () => {
  const sample = policyLike({ src: "10.0.0.0/16", dst: "192.168.1.0/24" });
  const payload = emitted((w) => emitPolicy(w, sample));
  for (let length = 0; length < payload.length; length++) {
    const parsed = parsePolicy(payload.subarray(0, length));
    if (parsed.ok) expect(parsed.value).not.toEqual(sample);
    else expect(parsed.error.kind).toBe("malformed");
  }
});

test("no octets make an event parser throw", () => {
  const type = fc.constantFrom(XFRM_MSG.ACQUIRE, XFRM_MSG.EXPIRE, XFRM_MSG.MAPPING);
  fc.assert(
    fc.property(type, fc.uint8Array({ maxLength: 500 }), (of, payload) => {
      const message = { type: of, flags: 0, sequence: 0, portId: 0, payload };
      expect(typeof parseXfrmEvent(message).ok).toBe("boolean");
    }),
  );
});

function emitted(emit: (w: HostWriter) => void): Uint8Array {
  const w = new HostWriter();
  emit(w);
  return w.done();
}

function withoutDirection({ direction: _, ...rest }: XfrmState): Omit<XfrmState, "direction"> {
  return rest;
}
