/** The Traffic Selector payloads. */

import { expect, test } from "bun:test";
import type { Reader } from "../../../src/octets/reader.ts";
import type { TrafficSelector } from "../../../src/wire/traffic-selector.ts";
import type { TsPayload } from "../../../src/wire/v2/message.ts";
import { emitTs, parseTs } from "../../../src/wire/v2/payload/ts.ts";
import { expectCutsFault, expectSame, faultOf, parsed } from "./body.ts";
import { hex } from "./hex.ts";

const parseTsi = (r: Reader): TsPayload => parseTs(r, "TSi");
const CODEC = { parse: parseTsi, emit: emitTs };

const BOTH_FAMILIES = hex(
  "02", // Number of TSs
  "00 00 00", // RESERVED
  "07", // TS Type: TS_IPV4_ADDR_RANGE
  "06", // IP Protocol ID: TCP
  "00 10", // Selector Length: 16
  "00 50 00 51", // Start Port 80, End Port 81
  "c0 a8 01 00", // Starting Address: 192.168.1.0
  "c0 a8 01 ff", // Ending Address: 192.168.1.255
  "08", // TS Type: TS_IPV6_ADDR_RANGE
  "00", // IP Protocol ID: any
  "00 28", // Selector Length: 40
  "00 00 ff ff", // any port
  "20 01 0d b8 00 00 00 00 00 00 00 00 00 00 00 00", // Starting Address: 2001:db8::
  "20 01 0d b8 00 00 00 00 ff ff ff ff ff ff ff ff", // Ending Address
);

const IPV4: TrafficSelector = {
  protocol: 6,
  startPort: 80,
  endPort: 81,
  range: { family: 4, first: 0xc0a80100n, last: 0xc0a801ffn },
};
const IPV6: TrafficSelector = {
  protocol: 0,
  startPort: 0,
  endPort: 65535,
  range: {
    family: 6,
    first: 0x20010db8_00000000_00000000_00000000n,
    last: 0x20010db8_00000000_ffffffff_ffffffffn,
  },
};

/** A payload of one IPv4 selector with these ports and addresses. */
function ipv4(ports: string, addresses: string): Uint8Array {
  return hex("01 00 00 00", "07 00 00 10", ports, addresses);
}

/** A selector of unknown type: TS_SECLABEL has no ports and no addresses. */
const LABEL = "0a 00 00 07 61 62 63";

test("V2-60: selectors of both families are read and written", () => {
  const payload: TsPayload = { kind: "TSi", selectors: [IPV4, IPV6], unknown: 0 };
  expectSame(BOTH_FAMILIES, payload, CODEC);
});

test("TSr is read like TSi", () => {
  const tsr = parsed(BOTH_FAMILIES, (r) => parseTs(r, "TSr"));
  expect(tsr).toEqual({ ok: true, value: { kind: "TSr", selectors: [IPV4, IPV6], unknown: 0 } });
});

test("a TS payload cut anywhere is malformed", () => {
  expectCutsFault(BOTH_FAMILIES, parseTsi);
});

test("RESERVED octets are ignored", () => {
  const odd = BOTH_FAMILIES.with(1, 0xff).with(3, 0xff);
  expect(parsed(odd, parseTsi).ok).toBe(true);
});

test("V2-60: selectors of unknown type are counted and skipped", () => {
  const mixed = hex("02 00 00 00", LABEL, "07 06 00 10 00 50 00 51 c0 a8 01 00 c0 a8 01 ff");
  const some = { kind: "TSi", selectors: [IPV4], unknown: 1 } as const;
  expect(parsed(mixed, parseTsi)).toEqual({ ok: true, value: some });
  const none = { kind: "TSi", selectors: [], unknown: 2 } as const;
  expect(parsed(hex("02 00 00 00", LABEL, LABEL), parseTsi)).toEqual({ ok: true, value: none });
});

test("V2-60: OPAQUE ports are 65535 to 0; any other range that runs backwards is malformed", () => {
  const addresses = "0a 00 00 01 0a 00 00 01";
  const opaque = parsed(ipv4("ff ff 00 00", addresses), parseTsi);
  expect(opaque.ok && opaque.value.selectors[0]).toMatchObject({ startPort: 65535, endPort: 0 });
  const place = "payload, traffic selector 1: ";
  expect(faultOf(ipv4("00 51 00 50", addresses), parseTsi)).toBe(
    `${place}Start Port 81, End Port 80`,
  );
  expect(faultOf(ipv4("ff ff 00 01", addresses), parseTsi)).toBe(
    `${place}Start Port 65535, End Port 1`,
  );
});

test("a range of addresses that runs backwards is malformed", () => {
  expect(faultOf(ipv4("00 00 ff ff", "0a 00 00 02 0a 00 00 01"), parseTsi)).toBe(
    "payload, traffic selector 1: Starting Address 10.0.0.2, Ending Address 10.0.0.1",
  );
});

test("a selector is as long as its type says", () => {
  expect(faultOf(BOTH_FAMILIES.with(7, 17), parseTsi)).toBe(
    "payload: traffic selector 1: Selector Length 17, needs 16",
  );
  expect(faultOf(BOTH_FAMILIES.with(23, 16), parseTsi)).toBe(
    "payload: traffic selector 2: Selector Length 16, needs 40",
  );
  expect(faultOf(hex("01 00 00 00", "0a 00 00 03 00"), parseTsi)).toBe(
    "payload: traffic selector 1: Selector Length 3, needs at least 4",
  );
});

test("Number of TSs is the number of selectors", () => {
  expect(faultOf(BOTH_FAMILIES.with(0, 3), parseTsi)).toBe("payload: Number of TSs 3, has 2");
  expect(faultOf(BOTH_FAMILIES.with(0, 1), parseTsi)).toBe("payload: 40 octets too many");
  const none = { kind: "TSi", selectors: [], unknown: 0 } as const;
  expect(parsed(hex("00 00 00 00"), parseTsi)).toEqual({ ok: true, value: none });
});
