/** rtnetlink messages against what `ip` of iproute2 6.1 sends, and octets that mean nothing. */

import { expect, test } from "bun:test";
import fc from "fast-check";
import { parseInterfaceAddress, parseLink } from "../../../src/xfrm/link.ts";
import {
  emitDeleteRoute,
  emitNewRoute,
  emitRouteQuery,
  parseRoute,
} from "../../../src/xfrm/route.ts";
import { addressOf, prefixOf } from "../../contract/xfrm-samples.ts";

/** ip route replace 192.168.1.0/24 dev lo scope link proto 69 src 127.0.0.1 metric 4500 */
const REPLACE = octets(`
  3c 00 00 00 18 00 05 05 6f 60 04 6b 00 00 00 00
  02 18 00 00 fe 45 fd 01 00 00 00 00 08 00 01 00
  c0 a8 01 00 08 00 07 00 7f 00 00 01 08 00 06 00
  94 11 00 00 08 00 04 00 01 00 00 00
`);

/** ip route get 192.0.2.7, without RTA_TABLE and its flags */
const QUERY = octets(`
  24 00 00 00 1a 00 01 00 01 00 00 00 00 00 00 00
  02 20 00 00 00 00 00 00 00 00 00 00 08 00 01 00
  c0 00 02 07
`);

test("RTM_NEWROUTE says what ip route replace says", () => {
  const route = {
    destination: prefixOf("192.168.1.0/24"),
    device: 1,
    source: addressOf("127.0.0.1"),
  };
  const emitted = emitNewRoute(route, 1);
  expect(emitted.length).toBe(REPLACE.length);
  expect(emitted.subarray(0, 8)).toEqual(REPLACE.subarray(0, 8));
  expect(emitted.subarray(16, 28)).toEqual(REPLACE.subarray(16, 28));
  expect(attributesIn(emitted)).toEqual(attributesIn(REPLACE));
  expect(parseRoute(REPLACE.subarray(16))).toEqual({
    ok: true,
    value: { ...route, protocol: 69 },
  });
});

test("RTM_GETROUTE asks for one address", () => {
  expect(emitRouteQuery(addressOf("192.0.2.7"), 1)).toEqual(QUERY);
});

test("RTM_DELROUTE names subnet, metric and protocol, so that it hits no other route", () => {
  const emitted = emitDeleteRoute(prefixOf("192.168.1.0/24"), 1);
  expect(parseRoute(emitted.subarray(16))).toMatchObject({
    value: { destination: prefixOf("192.168.1.0/24"), protocol: 69, device: undefined },
  });
  expect(emitted[20]).toBe(254); // rtm_table: main
});

test("no octets make a parser throw", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (payload) => {
      for (const parse of [parseRoute, parseLink, parseInterfaceAddress]) {
        expect(typeof parse(payload).ok).toBe("boolean");
      }
    }),
  );
});

/** Attributes in any order, each as text. */
function attributesIn(message: Uint8Array): string[] {
  const found: string[] = [];
  const view = new DataView(message.buffer, message.byteOffset, message.length);
  for (let at = 28; at < message.length; ) {
    const length = view.getUint16(at, true);
    found.push(message.subarray(at, at + length).toHex());
    at += (length + 3) & ~3;
  }
  return found.sort();
}

function octets(hex: string): Uint8Array {
  return Uint8Array.fromHex(hex.replace(/\s/g, ""));
}
