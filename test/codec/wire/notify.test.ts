/** The Notify payload and the names of its types. */

import { expect, test } from "bun:test";
import type { NotifyPayload } from "../../../src/wire/v2/message.ts";
import { isErrorNotify, NotifyType, notifyName } from "../../../src/wire/v2/notify-type.ts";
import { emitNotify, parseNotify } from "../../../src/wire/v2/payload/notify.ts";
import { expectSame, faultOf, parsed } from "./body.ts";
import { hex } from "./hex.ts";

const CODEC = { parse: parseNotify, emit: emitNotify };

const REKEY = hex(
  "03", // Protocol ID: ESP
  "04", // SPI Size
  "40 09", // Notify Message Type: REKEY_SA
  "c1 c2 c3 c4", // SPI
);

test("a notify about a Child SA carries its SPI", () => {
  const notify: NotifyPayload = {
    kind: "NOTIFY",
    protocol: 3,
    spi: hex("c1 c2 c3 c4"),
    type: NotifyType.REKEY_SA,
    data: new Uint8Array(0),
  };
  expectSame(REKEY, notify, CODEC);
});

test("a notify about the IKE SA has no SPI, and data of its own", () => {
  const octets = hex(
    "00", // Protocol ID: none
    "00", // SPI Size
    "00 11", // Notify Message Type: INVALID_KE_PAYLOAD
    "00 1f", // Notification Data: X25519
  );
  const notify: NotifyPayload = {
    kind: "NOTIFY",
    protocol: 0,
    spi: new Uint8Array(0),
    type: NotifyType.INVALID_KE_PAYLOAD,
    data: hex("00 1f"),
  };
  expectSame(octets, notify, CODEC);
});

test("a notify cut in its head or its SPI is malformed", () => {
  expect(faultOf(REKEY.subarray(0, 3), parseNotify)).toBe("payload: needs 2 octets at 2, has 1");
  expect(faultOf(REKEY.subarray(0, 6), parseNotify)).toBe(
    "payload: SPI Size 4, but 2 octets are left",
  );
  expect(faultOf(REKEY.with(1, 255), parseNotify)).toBe(
    "payload: SPI Size 255, but 4 octets are left",
  );
});

test("notifies of unknown types and protocols are read like any other", () => {
  expect(parsed(hex("07 02 ff ff aa bb cc"), parseNotify)).toEqual({
    ok: true,
    value: { kind: "NOTIFY", protocol: 7, spi: hex("aa bb"), type: 65535, data: hex("cc") },
  });
});

test("V2-77: types below 16384 are errors, known or not", () => {
  expect(isErrorNotify(NotifyType.NO_PROPOSAL_CHOSEN)).toBe(true);
  expect(isErrorNotify(16383)).toBe(true);
  expect(isErrorNotify(NotifyType.INITIAL_CONTACT)).toBe(false);
  expect(isErrorNotify(65535)).toBe(false);
});

test("types are called by their name, or by their number", () => {
  expect(notifyName(14)).toBe("NO_PROPOSAL_CHOSEN");
  expect(notifyName(16390)).toBe("COOKIE");
  expect(notifyName(16430)).toBe("IKEV2_FRAGMENTATION_SUPPORTED");
  expect(notifyName(40960)).toBe("notify type 40960");
});

test("no two names have one number", () => {
  const numbers = Object.values(NotifyType);
  expect(new Set(numbers).size).toBe(numbers.length);
});
