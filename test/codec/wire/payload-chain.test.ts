/** Chains of payloads: order, critical bit, unknown payloads, bounds. */

import { expect, test } from "bun:test";
import { AssertionError } from "../../../src/octets/assert.ts";
import { concat } from "../../../src/octets/concat.ts";
import { emitPayloadOctets } from "../../../src/wire/v2/emit-message.ts";
import { PAYLOADS_MAX, type Payload, PayloadType } from "../../../src/wire/v2/message.ts";
import { NotifyType } from "../../../src/wire/v2/notify-type.ts";
import {
  firstPayloadType,
  parsePayloads,
  payloadTypeOf,
} from "../../../src/wire/v2/payload-chain.ts";
import { hex } from "./hex.ts";
import { notify, TYPICAL_AUTH } from "./samples.ts";

const VENDOR_THEN_NOTIFY = hex(
  "29 00 00 07", // Next Payload: Notify, not critical, Payload Length 7
  "61 62 63", // Vendor ID
  "00 00 00 08", // Next Payload: none, Payload Length 8
  "00 00 40 00", // INITIAL_CONTACT
);
const PAYLOADS: readonly Payload[] = [
  { kind: "VENDOR", data: hex("61 62 63") },
  notify(NotifyType.INITIAL_CONTACT),
];

function parse(first: number, octets: Uint8Array) {
  return parsePayloads(first, octets, "IKE_AUTH");
}

function fault(first: number, octets: Uint8Array): string {
  const chain = parse(first, octets);
  if (chain.ok) return "no fault";
  if (chain.error.kind !== "malformed") return chain.error.kind;
  return `${chain.error.where}: ${chain.error.detail}`;
}

test("a chain is read and written; the header before it names its first payload", () => {
  expect(parse(43, VENDOR_THEN_NOTIFY)).toEqual({ ok: true, value: { payloads: PAYLOADS } });
  expect(emitPayloadOctets(PAYLOADS)).toEqual(VENDOR_THEN_NOTIFY);
  expect(firstPayloadType(PAYLOADS)).toBe(43);
});

test("an empty chain is an empty message", () => {
  expect(parse(0, new Uint8Array(0))).toEqual({ ok: true, value: { payloads: [] } });
  expect(emitPayloadOctets([])).toEqual(new Uint8Array(0));
  expect(firstPayloadType([])).toBe(0);
});

test("V2-11: payloads are accepted in any order", () => {
  const reversed = [...TYPICAL_AUTH].reverse();
  const chain = parse(firstPayloadType(reversed), emitPayloadOctets(reversed));
  expect(chain).toEqual({ ok: true, value: { payloads: reversed } });
});

test("V2-10: a message with an unknown critical payload is refused; the fault names it", () => {
  expect(parse(200, hex("00 80 00 06 aa bb"))).toEqual({
    ok: false,
    error: { kind: "unsupported-critical", payloadType: 200 },
  });
  const inIkev1Range = parse(1, hex("00 ff 00 04"));
  expect(inIkev1Range).toEqual({
    ok: false,
    error: { kind: "unsupported-critical", payloadType: 1 },
  });
});

test("V2-10: an unknown payload that is not critical is skipped", () => {
  expect(parse(200, hex("2b 7f 00 06 aa bb", "00 00 00 05 63"))).toEqual({
    ok: true,
    value: {
      payloads: [
        { kind: "OPAQUE", payloadType: 200, data: hex("aa bb") },
        { kind: "VENDOR", data: hex("63") },
      ],
    },
  });
});

test("V2-12: the critical bit is ignored in known payloads, also in CERT and EAP", () => {
  expect(parse(43, VENDOR_THEN_NOTIFY.with(1, 0x80))).toEqual({
    ok: true,
    value: { payloads: PAYLOADS },
  });
  const none = new Uint8Array(0);
  const known = [
    [PayloadType.CERT, { kind: "CERT", encoding: 4, data: none }],
    [PayloadType.CERTREQ, { kind: "CERTREQ", encoding: 4, authorities: none }],
    [PayloadType.EAP, { kind: "OPAQUE", payloadType: PayloadType.EAP, data: hex("04") }],
  ] as const;
  for (const [payloadType, payload] of known) {
    expect(parse(payloadType, hex("00 80 00 05 04"))).toEqual({
      ok: true,
      value: { payloads: [payload] },
    });
  }
});

test("V2-13: a Payload Length below 4 or past the end is malformed", () => {
  for (const length of [0, 3]) {
    expect(fault(43, VENDOR_THEN_NOTIFY.with(3, length))).toBe(
      `IKE_AUTH: Vendor ID payload: Payload Length ${length}, needs at least 4`,
    );
  }
  expect(fault(43, VENDOR_THEN_NOTIFY.with(3, 16))).toBe(
    "IKE_AUTH: Vendor ID payload: Payload Length 16, but 15 octets are left",
  );
});

test("a chain that promises more payloads than there are is malformed", () => {
  expect(fault(43, VENDOR_THEN_NOTIFY.with(7, 43))).toBe(
    "IKE_AUTH: Vendor ID payload: needs a header of 4 octets, has 0",
  );
});

test("octets after the last payload are malformed", () => {
  expect(fault(43, concat(VENDOR_THEN_NOTIFY, hex("00")))).toBe("IKE_AUTH: 1 octets too many");
  expect(fault(0, hex("00 00"))).toBe("IKE_AUTH: 2 octets too many");
});

test("a fault inside a payload affects only that payload, and names the place in it", () => {
  const sa = hex("00 00 00 08 01 03 00 00");
  const chain = parse(PayloadType.SA, concat(hex("2b 00 00 0c"), sa, hex("00 00 00 05 61")));
  const payloads: readonly Payload[] = [
    {
      ...{ kind: "UNREADABLE", payloadType: PayloadType.SA, data: sa },
      fault: { where: "SA payload, proposal 1", detail: "SPI Size 0 for protocol 3, needs 4" },
    },
    { kind: "VENDOR", data: hex("61") },
  ];
  expect(chain).toEqual({ ok: true, value: { payloads } });
  expect([...emitPayloadOctets(payloads).subarray(4, 12)]).toEqual([...sa]);
});

test("V2-55: an Encrypted payload is refused in an unprotected chain, and in another one", () => {
  expect(fault(PayloadType.SK, hex("00 00 00 06 aa bb"))).toBe(
    "IKE_AUTH: payload 1 is an Encrypted payload (type 46), which may not stand here",
  );
  expect(fault(43, hex("35 00 00 05 61", "00 00 00 08 00 01 00 01"))).toBe(
    "IKE_AUTH: payload 2 is an Encrypted payload (type 53), which may not stand here",
  );
});

test("only so many payloads of a chain are read, then the first of each type", () => {
  const vendors = new Array<Payload>(1_000).fill({ kind: "VENDOR", data: hex("") });
  const nonce: Payload = { kind: "NONCE", data: new Uint8Array(16) };
  const chain = parse(43, emitPayloadOctets([...vendors, nonce, nonce, ...vendors]));
  const kinds = chain.ok ? chain.value.payloads.map(({ kind }) => kind) : [];
  expect(kinds).toEqual([...new Array(PAYLOADS_MAX).fill("VENDOR"), "NONCE"]);
});

test("skipped payloads of a chain must be well-formed all the same", () => {
  const vendors = new Array<Payload>(PAYLOADS_MAX + 1).fill({ kind: "VENDOR", data: hex("") });
  const octets = emitPayloadOctets(vendors);
  octets[octets.length - 1] = 9;
  expect(fault(43, octets)).toStartWith("IKE_AUTH: Vendor ID payload: Payload Length 9, but");
});

test("each payload knows its number", () => {
  expect(TYPICAL_AUTH.map(payloadTypeOf)).toEqual([35, 41, 36, 37, 38, 39, 47, 33, 44, 45, 43]);
});

test("a payload longer than its length can say is a bug of ours, not a broken message", () => {
  const longest: Payload = { kind: "VENDOR", data: new Uint8Array(65531) };
  expect(emitPayloadOctets([longest]).length).toBe(65535);
  const tooLong: Payload = { kind: "VENDOR", data: new Uint8Array(65532) };
  expect(() => emitPayloadOctets([tooLong])).toThrow(AssertionError);
});
