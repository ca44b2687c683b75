/** The answer to a CFG_REQUEST, octet for octet (RFC 7296 §2.19, §3.15). */

import { expect, test } from "bun:test";
import { configurationRequestOf, configure } from "../../../src/ike/v2/configuration.ts";
import { parseAddress } from "../../../src/inet/address.ts";
import { Writer } from "../../../src/octets/writer.ts";
import type { CpPayload } from "../../../src/wire/v2/message.ts";
import { CfgAttribute, CfgType, cpLength, emitCp } from "../../../src/wire/v2/payload/cp.ts";
import { selectorOf } from "../../simulation/plan.ts";
import { hex } from "../wire/hex.ts";

const BOTH = {
  local: [selectorOf("10.0.0.0/16"), selectorOf("fd00:10::/64")],
  remote: [selectorOf("192.168.1.1/32"), selectorOf("fd00::1/128")],
  dns: ["10.0.0.53", "fd00::53"].map(addressOf),
};

test("V2-62: addresses, name servers and subnets of both families, and a mask", () => {
  const asked = [
    CfgAttribute.INTERNAL_IP4_ADDRESS,
    CfgAttribute.INTERNAL_IP4_NETMASK,
    CfgAttribute.INTERNAL_IP6_ADDRESS,
  ];
  expect(octetsOf(asked)).toEqual(
    hex(
      "02 000000", // CFG_REPLY
      "0001 0004 c0a80101", // INTERNAL_IP4_ADDRESS
      "0002 0004 ffffffff", // INTERNAL_IP4_NETMASK
      "0008 0011 fd000000000000000000000000000001 80", // INTERNAL_IP6_ADDRESS, prefix length 128
      "0003 0004 0a000035", // INTERNAL_IP4_DNS
      "000a 0010 fd000000000000000000000000000053", // INTERNAL_IP6_DNS
      "000d 0008 0a000000 ffff0000", // INTERNAL_IP4_SUBNET
      "000f 0011 fd000010000000000000000000000000 40", // INTERNAL_IP6_SUBNET
    ),
  );
});

test("V2-62: one address for each that was requested, and only the site's own", () => {
  const two = { ...BOTH, remote: [...BOTH.remote, selectorOf("192.168.1.9/32")] };
  const types = (count: number) => new Array<number>(count).fill(CfgAttribute.INTERNAL_IP4_ADDRESS);
  for (const [asked, given] of [
    [1, ["c0a80101"]],
    [2, ["c0a80101", "c0a80109"]],
    [3, ["c0a80101", "c0a80109"]],
  ] as const) {
    const reply = replyOf(types(asked), two);
    const addresses = reply?.attributes.filter(({ type }) => type === 1);
    expect(addresses?.map(({ value }) => value.toHex())).toEqual([...given]);
  }
});

test("V2-62: no address of the requested family, but one of the other: that one", () => {
  const only6 = { ...BOTH, remote: [selectorOf("192.168.1.0/24"), selectorOf("fd00::1/128")] };
  const reply = replyOf([1, 2, 8], only6);
  expect(reply?.attributes.map(({ type }) => type)).toEqual([8, 3, 10, 13, 15]);
});

test("V2-62: no address of any requested family: a refusal that names both sides", () => {
  const remote = [selectorOf("192.168.1.0/24")];
  expect(configure([8, 1], { ...BOTH, remote })).toEqual({
    ok: false,
    error: { kind: "no-internal-address", asked: ["IPv4", "IPv6"], own: ["192.168.1.0/24"] },
  });
});

test("V2-62: no address without a request; unknown attributes are skipped", () => {
  const reply = replyOf([CfgAttribute.INTERNAL_IP4_DNS, 0x7000, 6], { ...BOTH, remote: [] });
  expect(reply?.attributes.map(({ type }) => type)).toEqual([3, 10, 13, 15]);
});

test("V2-62: SUPPORTED_ATTRIBUTES names what may be requested", () => {
  const reply = replyOf([CfgAttribute.SUPPORTED_ATTRIBUTES], BOTH);
  const last = reply?.attributes.at(-1);
  expect(last).toEqual({ type: 14, value: hex("0001 0002 0003 0008 000a 000d 000e 000f") });
});

test("V2-62: only CFG_REQUEST is answered; CFG_SET, CFG_ACK and CFG_REPLY are not", () => {
  const cp = (cfgType: number): CpPayload => ({ kind: "CP", cfgType, attributes: [] });
  expect(configurationRequestOf([cp(CfgType.REQUEST)])).toEqual([]);
  for (const cfgType of [CfgType.REPLY, CfgType.SET, CfgType.ACK, 0, 200]) {
    expect(configurationRequestOf([cp(cfgType)])).toBeUndefined();
  }
  expect(configure(undefined, BOTH)).toEqual({
    ok: true,
    value: { reply: undefined, addresses: [] },
  });
});

function replyOf(types: readonly number[], giving: typeof BOTH): CpPayload | undefined {
  const configured = configure(types, giving);
  return configured.ok ? configured.value.reply : undefined;
}

function octetsOf(types: readonly number[]): Uint8Array {
  const reply = replyOf(types, BOTH);
  if (reply === undefined) throw new Error("it is answered");
  const w = new Writer(cpLength(reply));
  emitCp(w, reply);
  return w.done();
}

function addressOf(text: string) {
  const address = parseAddress(text);
  if (address === undefined) throw new Error(text);
  return address;
}
