/** Mode Config of IKEv1: a site asks for its address and our subnets. */

import { expect, test } from "bun:test";
import { parseAddress } from "../../src/inet/address.ts";
import { ok } from "../../src/octets/result.ts";
import { CfgAttribute, CfgType } from "../../src/wire/v1/cfg-attribute.ts";
import type { Attribute, AttributePayload, Received } from "../../src/wire/v1/message.ts";
import { CALLER_PATH, calledAndUp, effectsOf, reasonsOf } from "./ikev1-end.ts";
import { find } from "./ikev1-payloads.ts";
import { endpointOf, selectorOf } from "./plan.ts";

const { INTERNAL_IP4_ADDRESS, INTERNAL_IP4_DNS, INTERNAL_IP4_SUBNET } = CfgAttribute;

test("a site that asks gets its address, name servers and our subnets", () => {
  const { caller, end } = upWith("192.168.1.7/32");
  const asked = caller.transact(request(INTERNAL_IP4_ADDRESS, INTERNAL_IP4_DNS, 7));
  end.hear(asked.octets);
  const { header, payloads } = caller.open(end.said(), asked.iv);
  expect(header.exchangeType).toBe(6);
  expect(reasonsOf(end).at(-1)).toBe("inner-address");
  expect(find(payloads, "ATTRIBUTE")).toMatchObject({
    cfgType: CfgType.REPLY,
    identifier: 0x1234,
    attributes: [
      { type: INTERNAL_IP4_ADDRESS, octets: Uint8Array.of(192, 168, 1, 7) },
      { type: INTERNAL_IP4_DNS, octets: Uint8Array.of(10, 0, 0, 53) },
    ],
  });
});

test("a repeat gets the same octets, and does not move the peer", () => {
  const { caller, end } = upWith("192.168.1.7/32");
  const asked = caller.transact(request(INTERNAL_IP4_SUBNET));
  end.hear(asked.octets);
  const first = end.said();
  end.hear(asked.octets, { ...CALLER_PATH, remote: endpointOf("203.0.113.9", 500) });
  expect(end.said()).toEqual(first);
  expect(end.facts().path).toEqual(CALLER_PATH);
});

test("a site without an address of its own gets an empty answer; the journal says why", () => {
  const { caller, end } = upWith("192.168.1.0/24");
  const asked = caller.transact(request(INTERNAL_IP4_ADDRESS));
  end.hear(asked.octets);
  const { payloads } = caller.open(end.said(), asked.iv);
  expect(find(payloads, "ATTRIBUTE").attributes).toEqual([]);
  expect(reasonsOf(end).at(-1)).toBe("internal-address-failure");
});

test("what a site sets is acknowledged and means nothing", () => {
  const { caller, end } = upWith("192.168.1.7/32");
  const set = { ...request(INTERNAL_IP4_ADDRESS), cfgType: CfgType.SET };
  const asked = caller.transact(set);
  end.hear(asked.octets);
  const ack: Received<AttributePayload> = find(
    caller.open(end.said(), asked.iv).payloads,
    "ATTRIBUTE",
  );
  expect(ack).toMatchObject({ cfgType: CfgType.ACK, identifier: 0x1234 });
  expect(ack.attributes.map(({ type }) => type)).toEqual([INTERNAL_IP4_ADDRESS]);
});

test("an answer to nothing, and a wrong HASH, get no answer", () => {
  const { caller, end } = upWith("192.168.1.7/32");
  const reply = { ...request(INTERNAL_IP4_ADDRESS), cfgType: CfgType.REPLY };
  end.hear(caller.transact(reply).octets);
  const { octets } = caller.transact(request(INTERNAL_IP4_ADDRESS));
  end.hear(octets.with(40, (octets[40] ?? 0) ^ 1));
  expect(end.sent).toEqual([]);
  expect(effectsOf(end, "count").map(({ counter }) => counter)).toEqual(["messages_bad_icv"]);
});

function request(...types: readonly number[]): AttributePayload {
  const octets = new Uint8Array(0);
  const attributes = types.map((type): Attribute => ({ type, form: "TLV", octets }));
  return { kind: "ATTRIBUTE", cfgType: CfgType.REQUEST, identifier: 0x1234, attributes };
}

/** Phase 1 is over with a site that has this remote subnet. */
function upWith(remote: string) {
  const server = parseAddress("10.0.0.53");
  if (server === undefined) throw new Error("an address");
  return calledAndUp(
    {},
    {
      credentials: (own) => {
        const policy = { ...own.policy, remote: [selectorOf(remote)], dns: [server] };
        return ok({ ...own, policy });
      },
    },
  );
}
