/** The place of the Encrypted payload, and frames to be filled in. */

import { expect, test } from "bun:test";
import { AssertionError } from "../../../src/octets/assert.ts";
import { concat } from "../../../src/octets/concat.ts";
import { parseHeader } from "../../../src/wire/header.ts";
import { ExchangeType } from "../../../src/wire/v2/exchange-type.ts";
import { PayloadType } from "../../../src/wire/v2/message.ts";
import { emitProtectedFrame, findSk } from "../../../src/wire/v2/protected.ts";
import { hex } from "./hex.ts";
import { withTrueLength } from "./read-message.ts";
import { headerOf } from "./samples.ts";

const HEAD = hex(
  "11 22 33 44 55 66 77 88", // IKE SA Initiator's SPI
  "99 aa bb cc dd ee ff 00", // IKE SA Responder's SPI
);

const SK = withTrueLength(
  concat(
    HEAD,
    hex(
      "2e 20 23 08", // Next Payload: SK, version 2.0, IKE_AUTH, I
      "00 00 00 07", // Message ID
      "00 00 00 00", // Length
      "23 00 00 0c", // first inside: IDi, Payload Length 12
      "01 02 03 04 05 06 07 08", // IV, ciphertext, ICV
    ),
  ),
);

const SKF = withTrueLength(
  concat(
    HEAD,
    hex(
      "35 20 23 08", // Next Payload: SKF, version 2.0, IKE_AUTH, I
      "00 00 00 07", // Message ID
      "00 00 00 00", // Length
      "00 00 00 0c", // none: not the first fragment; Payload Length 12
      "00 02 00 03", // Fragment Number 2, Total Fragments 3
      "01 02 03 04", // IV, ciphertext, ICV
    ),
  ),
);

function find(octets: Uint8Array) {
  const header = parseHeader(octets);
  if (!header.ok) throw new Error(header.error.detail);
  return findSk(octets, header.value);
}

function fault(octets: Uint8Array): string {
  const place = find(withTrueLength(octets));
  if (place.ok) return "no fault";
  if (place.error.kind !== "malformed") return place.error.kind;
  return `${place.error.where}: ${place.error.detail}`;
}

test("an SK payload is found: its body reaches from bodyAt to the end of the message", () => {
  expect(find(SK)).toEqual({
    ok: true,
    value: { kind: "SK", firstInner: PayloadType.IDi, bodyAt: 32, outer: [] },
  });
  expect(SK.subarray(32)).toEqual(hex("01 02 03 04 05 06 07 08"));
});

test("X-01: an SKF payload is found: its numbers belong to the associated data", () => {
  expect(find(SKF)).toEqual({
    ok: true,
    value: {
      kind: "SKF",
      firstInner: PayloadType.NONE,
      bodyAt: 36,
      outer: [],
      fragment: { number: 2, total: 3 },
    },
  });
});

test("X-01: a fragment's number lies between 1 and the total", () => {
  const numbers = (number: number, total: number) => fault(SKF.with(33, number).with(35, total));
  expect(numbers(0, 3)).toBe("IKE_AUTH: Fragment Number 0 of 3");
  expect(numbers(4, 3)).toBe("IKE_AUTH: Fragment Number 4 of 3");
  expect(numbers(1, 0)).toBe("IKE_AUTH: Fragment Number 1 of 0");
  expect(numbers(3, 3)).toBe("no fault");
});

test("payloads before the Encrypted one are returned; unknown critical ones refuse", () => {
  const notify = hex("2e 00 00 08", "00 00 40 00");
  const before = concat(SK.subarray(0, 28).with(16, 41), notify, SK.subarray(28));
  expect(find(withTrueLength(before))).toMatchObject({
    ok: true,
    value: { kind: "SK", firstInner: 35, bodyAt: 40, outer: [{ kind: "NOTIFY", type: 16384 }] },
  });
  const critical = concat(SK.subarray(0, 28).with(16, 200), notify.with(1, 0x80), SK.subarray(28));
  expect(fault(critical)).toBe("unsupported-critical");
});

test("V2-55: the Encrypted payload is the last, and reaches the end of the message", () => {
  expect(fault(concat(SK, hex("00 00")))).toBe("IKE_AUTH: 2 octets after the Encrypted payload");
  expect(fault(SK.slice(0, -1))).toBe(
    "IKE_AUTH: Encrypted payload: Payload Length 12, but 11 octets are left",
  );
});

test("a message without an Encrypted payload is malformed", () => {
  expect(fault(SK.slice(0, 28).with(16, 0))).toBe(
    "IKE_AUTH: no Encrypted payload among 0 payloads",
  );
  expect(fault(concat(SK.slice(0, 28).with(16, 43), hex("00 00 00 04")))).toBe(
    "IKE_AUTH: no Encrypted payload among 1 payloads",
  );
});

test("a frame has its lengths set, and zeros for IV, ciphertext and ICV", () => {
  const frame = emitProtectedFrame(headerOf(ExchangeType.IKE_AUTH), PayloadType.IDi, 8);
  expect(frame).toEqual({ octets: concat(SK.subarray(0, 32), new Uint8Array(8)), bodyAt: 32 });
});

test("X-01: a frame for a fragment carries its numbers", () => {
  const header = headerOf(ExchangeType.IKE_AUTH);
  const frame = emitProtectedFrame(header, PayloadType.NONE, 4, { number: 2, total: 3 });
  expect(frame).toEqual({ octets: concat(SKF.subarray(0, 36), new Uint8Array(4)), bodyAt: 36 });
  const wrong = { number: 4, total: 3 };
  expect(() => emitProtectedFrame(header, PayloadType.NONE, 4, wrong)).toThrow(AssertionError);
});

test("the frame of an empty message says that nothing is inside", () => {
  const { octets } = emitProtectedFrame(headerOf(ExchangeType.INFORMATIONAL), 0, 40);
  expect(find(octets)).toMatchObject({ ok: true, value: { kind: "SK", firstInner: 0 } });
});
