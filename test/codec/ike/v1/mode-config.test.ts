/** Mode Config: what a site gets, asked for or told. */

import { expect, test } from "bun:test";
import {
  modeConfigAck,
  modeConfigReply,
  modeConfigSet,
  modeConfigText,
} from "../../../../src/ike/v1/mode-config.ts";
import { parseAddress } from "../../../../src/inet/address.ts";
import { parsePrefix, prefixRange } from "../../../../src/inet/prefix.ts";
import { CfgAttribute as A, CfgType } from "../../../../src/wire/v1/cfg-attribute.ts";
import type { AttributePayload } from "../../../../src/wire/v1/message.ts";

const GIVING = {
  local: [selector("10.0.0.0/16"), selector("2001:db8::/32")],
  remote: [selector("192.168.1.7/32"), selector("fd00::7/128")],
  dns: [address("10.0.0.53"), address("2001:db8::53")],
  isUnity: false,
};

test("a site gets what it asks for, and nothing else; unknown attributes are left out", () => {
  const asked = [
    ...[A.INTERNAL_IP4_ADDRESS, A.INTERNAL_IP4_NETMASK, A.INTERNAL_IP4_DNS, 7, 28_672],
    A.INTERNAL_IP4_SUBNET,
  ];
  const reply = modeConfigReply(request(asked), GIVING);
  if (!reply.ok) throw new Error("refused");
  expect(reply.value.payload).toMatchObject({ cfgType: CfgType.REPLY, identifier: 0x1234 });
  expect(hexOf(reply.value.payload)).toEqual([
    [A.INTERNAL_IP4_ADDRESS, "c0a80107"],
    [A.INTERNAL_IP4_NETMASK, "ffffffff"],
    [A.INTERNAL_IP4_DNS, "0a000035"],
    [A.INTERNAL_IP4_SUBNET, "0a000000ffff0000"],
  ]);
  expect(modeConfigText(reply.value)).toBe("192.168.1.7");
});

test("IPv6 as well", () => {
  const asked = [A.INTERNAL_IP6_ADDRESS, A.INTERNAL_IP6_DNS, A.INTERNAL_IP6_SUBNET];
  const reply = modeConfigReply(request(asked), GIVING);
  expect(reply.ok && hexOf(reply.value.payload)).toEqual([
    [A.INTERNAL_IP6_ADDRESS, `fd00${"00".repeat(13)}07`],
    [A.INTERNAL_IP6_DNS, `20010db8${"00".repeat(11)}53`],
    [A.INTERNAL_IP6_SUBNET, `20010db8${"00".repeat(12)}20`],
  ]);
});

test("a site that asks for nothing that is known gets an empty reply", () => {
  const reply = modeConfigReply(request([7, 28_672]), GIVING);
  expect(reply.ok && reply.value.payload.attributes).toEqual([]);
});

test("without a single address of its own a site that asks for one is refused", () => {
  const giving = { ...GIVING, remote: [selector("192.168.1.0/24")] };
  const reply = modeConfigReply(request([A.INTERNAL_IP4_ADDRESS]), giving);
  expect(reply.ok || reply.error).toEqual({
    kind: "no-internal-address",
    asked: ["IPv4"],
    own: ["192.168.1.0/24"],
  });
  expect(modeConfigReply(request([A.INTERNAL_IP4_DNS]), giving).ok).toBe(true);
});

test("Cisco's client gets all networks in one attribute, unless it is to send everything", () => {
  const local = [selector("10.0.0.0/16"), selector("172.16.0.0/12")];
  const asked = request([A.UNITY_SPLIT_INCLUDE]);
  const reply = modeConfigReply(asked, { ...GIVING, local, isUnity: true });
  const zeros = "00".repeat(6);
  expect(reply.ok && hexOf(reply.value.payload)).toEqual([
    [A.UNITY_SPLIT_INCLUDE, `0a000000ffff0000${zeros}ac100000fff00000${zeros}`],
  ]);
  const other = modeConfigReply(asked, { ...GIVING, local });
  expect(other.ok && other.value.payload.attributes).toEqual([]);
  const all = { ...GIVING, local: [selector("0.0.0.0/0")], isUnity: true };
  const everything = modeConfigReply(asked, all);
  expect(everything.ok && everything.value.payload.attributes).toEqual([]);
});

test("a SET has everything; an ACK names what was set", () => {
  const { payload, addresses } = modeConfigSet(9, GIVING);
  expect(payload).toMatchObject({ cfgType: CfgType.SET, identifier: 9 });
  expect(hexOf(payload).map(([type]) => type)).toEqual([1, 8, 3, 10, 13, 15].toSpliced(1, 0, 2));
  expect(addresses).toHaveLength(2);
  const ack = modeConfigAck(payload);
  expect(ack).toMatchObject({ cfgType: CfgType.ACK, identifier: 9 });
  expect(hexOf(ack)).toEqual(hexOf(payload).map(([type]) => [type, ""]));
});

function request(types: readonly number[]): AttributePayload {
  const octets = new Uint8Array(0);
  const attributes = types.map((type) => ({ type, form: "TLV", octets }) as const);
  return { kind: "ATTRIBUTE", cfgType: CfgType.REQUEST, identifier: 0x1234, attributes };
}

function hexOf({ attributes }: AttributePayload): readonly (readonly [number, string])[] {
  return attributes.map((one) => [one.type, one.form === "TLV" ? one.octets.toHex() : "short"]);
}

function selector(text: string) {
  const prefix = parsePrefix(text);
  if (prefix === undefined) throw new Error(text);
  return { protocol: 0, startPort: 0, endPort: 65_535, range: prefixRange(prefix) };
}

function address(text: string) {
  const found = parseAddress(text);
  if (found === undefined) throw new Error(text);
  return found;
}
