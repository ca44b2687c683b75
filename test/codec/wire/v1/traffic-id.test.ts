/** IDs of Quick Mode as traffic selectors. */

import { expect, test } from "bun:test";
import fc from "fast-check";
import { parseAddress } from "../../../../src/inet/address.ts";
import type { IdPayload } from "../../../../src/wire/v1/message.ts";
import { IdType } from "../../../../src/wire/v1/payload/id.ts";
import { idOfSelector, selectorOfId } from "../../../../src/wire/v1/traffic-id.ts";

const ALL_PORTS = { startPort: 0, endPort: 65535 };

test("an address, a subnet, a range; IPv4 and IPv6", () => {
  expect(selectorOfId(id(IdType.IPV4_ADDR, "c0a80105"))).toEqual({
    protocol: 0,
    ...ALL_PORTS,
    range: range("192.168.1.5", "192.168.1.5"),
  });
  expect(selectorOfId(id(IdType.IPV4_ADDR_SUBNET, "c0a80100ffffff00"))?.range).toEqual(
    range("192.168.1.0", "192.168.1.255"),
  );
  expect(selectorOfId(id(IdType.IPV4_ADDR_RANGE, "c0a80105c0a80109"))?.range).toEqual(
    range("192.168.1.5", "192.168.1.9"),
  );
  const net = `20010db8${"00".repeat(12)}`;
  expect(selectorOfId(id(IdType.IPV6_ADDR, net))?.range).toEqual(range("2001:db8::", "2001:db8::"));
  const mask = `ffffffff${"00".repeat(12)}`;
  expect(selectorOfId(id(IdType.IPV6_ADDR_SUBNET, net + mask))?.range).toEqual(
    range("2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"),
  );
});

test("everything, and one host, as a subnet", () => {
  expect(selectorOfId(id(IdType.IPV4_ADDR_SUBNET, "0000000000000000"))?.range).toEqual(
    range("0.0.0.0", "255.255.255.255"),
  );
  expect(selectorOfId(id(IdType.IPV4_ADDR_SUBNET, "c0a80105ffffffff"))?.range).toEqual(
    range("192.168.1.5", "192.168.1.5"),
  );
});

test("bits of the host in a subnet are cleared", () => {
  expect(selectorOfId(id(IdType.IPV4_ADDR_SUBNET, "c0a80105ffffff00"))?.range).toEqual(
    range("192.168.1.0", "192.168.1.255"),
  );
});

test("a protocol and a port; port 0 is every port", () => {
  const payload = { ...id(IdType.IPV4_ADDR, "c0a80105"), protocol: 17, port: 1701 };
  expect(selectorOfId(payload)).toMatchObject({ protocol: 17, startPort: 1701, endPort: 1701 });
  expect(selectorOfId({ ...payload, port: 0 })).toMatchObject(ALL_PORTS);
});

test("a mask with holes, a range backwards, and a name, are no selectors", () => {
  expect(selectorOfId(id(IdType.IPV4_ADDR_SUBNET, "c0a80100ff00ff00"))).toBeUndefined();
  expect(selectorOfId(id(IdType.IPV4_ADDR_SUBNET, "c0a801000000ffff"))).toBeUndefined();
  expect(selectorOfId(id(IdType.IPV4_ADDR_RANGE, "c0a80109c0a80105"))).toBeUndefined();
  expect(selectorOfId(id(IdType.FQDN, "c0a80109"))).toBeUndefined();
  expect(selectorOfId(id(IdType.IPV4_ADDR, "c0a801"))).toBeUndefined();
});

test("round trip: selectors with one port or all of them", () => {
  const family = fc.constantFrom(4 as const, 6 as const);
  const port = fc.integer({ min: 1, max: 65535 });
  const ports = fc.oneof(
    fc.constant(ALL_PORTS),
    port.map((one) => ({ startPort: one, endPort: one })),
  );
  fc.assert(
    fc.property(family.chain(anyRange), ports, fc.nat(255), (drawn, { startPort, endPort }, p) => {
      const selector = { protocol: p, startPort, endPort, range: drawn };
      expect(selectorOfId(idOfSelector(selector))).toEqual(selector);
    }),
    { numRuns: 500 },
  );
});

test("the narrowest type is written", () => {
  const typeOf = (first: string, last: string) =>
    idOfSelector({ protocol: 0, ...ALL_PORTS, range: range(first, last) }).identity.idType;
  expect(typeOf("10.0.0.1", "10.0.0.1")).toBe(IdType.IPV4_ADDR);
  expect(typeOf("10.0.0.0", "10.0.0.255")).toBe(IdType.IPV4_ADDR_SUBNET);
  expect(typeOf("0.0.0.0", "255.255.255.255")).toBe(IdType.IPV4_ADDR_SUBNET);
  expect(typeOf("10.0.0.1", "10.0.0.255")).toBe(IdType.IPV4_ADDR_RANGE);
  expect(typeOf("2001:db8::1", "2001:db8::1")).toBe(IdType.IPV6_ADDR);
  expect(typeOf("2001:db8::", "2001:db8::f")).toBe(IdType.IPV6_ADDR_SUBNET);
  expect(typeOf("2001:db8::1", "2001:db8::f")).toBe(IdType.IPV6_ADDR_RANGE);
});

function anyRange(family: 4 | 6) {
  const bits = family === 4 ? 32 : 128;
  const value = fc.bigInt({ min: 0n, max: (1n << BigInt(bits)) - 1n });
  const prefixed = fc.tuple(value, fc.integer({ min: 0, max: bits })).map(([a, length]) => {
    const host = (1n << BigInt(bits - length)) - 1n;
    return { family, first: a & ~host, last: a | host };
  });
  const between = fc.tuple(value, value).map(([a, b]) => {
    const [first = a, last = b] = [a, b].toSorted((x, y) => (x < y ? -1 : 1));
    return { family, first, last };
  });
  return fc.oneof(prefixed, between);
}

function id(idType: number, hex: string): IdPayload {
  return { kind: "ID", identity: { idType, data: Uint8Array.fromHex(hex) }, protocol: 0, port: 0 };
}

function range(first: string, last: string) {
  const [a, b] = [parseAddress(first), parseAddress(last)];
  if (a === undefined || b === undefined) throw new Error("no address");
  return { family: a.family, first: a.value, last: b.value };
}
