/** A Child SA as states and policies, with the eroute's options. */

import { expect, test } from "bun:test";
import {
  childPolicies,
  childPolicy,
  inboundState,
  outboundState,
} from "../../../src/concentrator/dataplane/xfrm-of-child.ts";
import type { ChildOptions } from "../../../src/eroute/eroute.ts";
import { addressOf, prefixOf } from "../../contract/xfrm-samples.ts";
import { childPlace, KEYS, selectorOf } from "./child-place.ts";

test("limits in seconds, octets and packets: the hard limits are a tenth higher", () => {
  const place = withOptions({
    lifetimeSeconds: 100,
    lifetimeOctets: 1_000n,
    lifetimePackets: 500n,
  });
  for (const state of [inboundState(place, KEYS), outboundState(place, KEYS)]) {
    expect(state.lifetime).toEqual({
      ...{ softSeconds: 100, hardSeconds: 120 },
      ...{ softOctets: 1_000n, hardOctets: 1_100n, softPackets: 500n, hardPackets: 550n },
    });
  }
});

test("without limits of octets and packets there are none", () => {
  const { lifetime } = outboundState(childPlace(), KEYS);
  expect([lifetime.softOctets, lifetime.hardOctets]).toEqual([undefined, undefined]);
  expect([lifetime.softPackets, lifetime.hardPackets]).toEqual([undefined, undefined]);
});

test("a mark is on all policies and on what is sent, not on what arrives unmarked", () => {
  const mark = { value: 7, mask: 0xff };
  const place = withOptions({ mark });
  expect(outboundState(place, KEYS).mark).toEqual(mark);
  expect(inboundState(place, KEYS).mark).toBeUndefined();
  expect(childPolicies(place).map(({ id }) => id.mark)).toEqual([mark, mark, mark]);
});

test("an interface ID is on both states and all policies", () => {
  const place = withOptions({ ifId: 42 });
  expect(outboundState(place, KEYS).ifId).toBe(42);
  expect(inboundState(place, KEYS).ifId).toBe(42);
  expect(childPolicies(place).map(({ id }) => id.ifId)).toEqual([42, 42, 42]);
});

test("the eroute decides what the outer header takes over", () => {
  const outerHeader = { copyDscp: false, ecn: false, pathMtuDiscovery: true };
  const place = withOptions(outerHeader);
  expect(outboundState(place, KEYS).outerHeader).toEqual(outerHeader);
  expect(inboundState(place, KEYS).outerHeader).toEqual(outerHeader);
});

test("transport mode is the mode of states and templates", () => {
  const place = childPlace();
  const transport = { ...place, child: { ...place.child, mode: "transport" as const } };
  expect(outboundState(transport, KEYS).mode).toBe("transport");
  for (const { template } of childPolicies(transport)) expect(template?.mode).toBe("transport");
});

test("policies are in and fwd towards us, out towards the site", () => {
  const [inward, forward, outward] = childPolicies(childPlace());
  const [here, there] = [addressOf("192.0.2.1"), addressOf("192.0.2.11")];
  const [local, remote] = [prefixOf("10.0.0.0/16"), prefixOf("192.168.1.0/24")];
  expect(inward).toMatchObject({
    id: { direction: "in", selector: { src: remote, dst: local } },
    template: { src: there, dst: here },
  });
  expect(forward).toMatchObject({ id: { direction: "fwd" }, template: inward?.template });
  expect(outward).toMatchObject({
    id: { direction: "out", selector: { src: local, dst: remote } },
    template: { src: here, dst: there },
  });
});

function withOptions(changes: Partial<ChildOptions>): ReturnType<typeof childPlace> {
  const place = childPlace();
  return { ...place, options: { ...place.options, ...changes } };
}

test("a policy that is made alone is the one that is made with all others", () => {
  const plain = withOptions({ mark: { value: 7, mask: 0xff }, ifId: 9 });
  const remote = [selectorOf("192.168.1.0/25"), selectorOf("192.168.1.192/26")];
  const place = { ...plain, child: { ...plain.child, remote } };
  const policies = childPolicies(place);
  expect(policies.length).toBe(6);
  expect(policies.map(({ id }) => childPolicy(place, id))).toEqual(policies);
});
