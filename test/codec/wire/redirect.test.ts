/** REDIRECT and REDIRECTED_FROM (RFC 5685 §8.2, §8.3). */

import { expect, test } from "bun:test";
import fc from "fast-check";
import { parseAddress } from "../../../src/inet/address.ts";
import { emitRedirect, parseRedirect } from "../../../src/wire/v2/redirect.ts";
import { hex } from "./hex.ts";

const NONCE = hex("00112233 44556677 8899aabb ccddeeff");

test("X-04: an IPv4 gateway with the nonce that it answers", () => {
  const octets = hex("01 04 c0000202", "00112233 44556677 8899aabb ccddeeff");
  const value = { gateway: gatewayOf("192.0.2.2"), nonce: NONCE };
  expect(parseRedirect(octets)).toEqual({ ok: true, value });
  expect(emitRedirect(value)).toEqual(octets);
});

test("X-04: an IPv6 gateway, and one with a name; without a nonce", () => {
  const nonce = new Uint8Array(0);
  const six = hex("02 10 20010db8 00000000 00000000 00000002");
  expect(emitRedirect({ gateway: gatewayOf("2001:db8::2"), nonce })).toEqual(six);
  expect(parseRedirect(six)).toEqual({
    ok: true,
    value: { gateway: gatewayOf("2001:db8::2"), nonce },
  });
  const name = hex("03 0b", "76706e 2e 6578616d706c65");
  expect(emitRedirect({ gateway: gatewayOf("vpn.example"), nonce })).toEqual(name);
  expect(parseRedirect(name)).toEqual({
    ok: true,
    value: { gateway: gatewayOf("vpn.example"), nonce },
  });
});

test("X-04: data that names no gateway is malformed", () => {
  const faulty = [
    ["", "needs 1 octets at 0, has 0"],
    ["01", "needs 1 octets at 1, has 0"],
    ["01 04 c00002", "GW Ident Len 4, but 3 octets are left"],
    ["01 03 c00002", "GW Ident Type 1 with an identity of 3 octets"],
    ["01 10 20010db8 00000000 00000000 00000002", "GW Ident Type 1 with an identity of 16 octets"],
    ["02 04 c0000202", "GW Ident Type 2 with an identity of 4 octets"],
    ["04 04 c0000202", "GW Ident Type 4 with an identity of 4 octets"],
    ["03 00", "a gateway's name that is no host name"],
    ["03 03 61 0a 62", "a gateway's name that is no host name"],
  ] as const;
  for (const [octets, detail] of faulty) {
    expect(parseRedirect(hex(octets))).toMatchObject({ ok: false, error: { detail } });
  }
});

test("X-04: any octets give a value that is written as it was read, or a fault", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (octets) => {
      const parsed = parseRedirect(octets);
      if (parsed.ok) expect(emitRedirect(parsed.value)).toEqual(octets);
    }),
  );
});

function gatewayOf(host: string) {
  return { host, address: parseAddress(host) };
}
