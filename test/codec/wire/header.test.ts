/** The IKE header: hand-written octets, and what is refused. */

import { expect, test } from "bun:test";
import { Writer } from "../../../src/octets/writer.ts";
import {
  asIkeSpi,
  emitHeader,
  IKE_VERSION,
  type IkeHeader,
  parseHeader,
  patchHeaderLength,
} from "../../../src/wire/header.ts";
import { hex } from "./hex.ts";

const REQUEST = hex(
  "01 23 45 67 89 ab cd ef", // IKE SA Initiator's SPI
  "00 00 00 00 00 00 00 00", // IKE SA Responder's SPI
  "00", // Next Payload: none
  "20", // version 2.0
  "22", // Exchange Type: IKE_SA_INIT
  "08", // Flags: I
  "00 00 00 00", // Message ID
  "00 00 00 1c", // Length: 28
);

const HEADER: IkeHeader = {
  spiI: asIkeSpi(0x0123456789abcdefn),
  spiR: asIkeSpi(0n),
  nextPayload: 0,
  version: { major: 2, minor: 0 },
  exchangeType: 34,
  flags: { initiator: true, version: false, response: false },
  messageId: 0,
  length: 28,
};

test("the header of a request is read and written", () => {
  expect(parseHeader(REQUEST)).toEqual({ ok: true, value: HEADER });
  const w = new Writer();
  emitHeader(w, { ...HEADER, version: IKE_VERSION }, HEADER.nextPayload);
  patchHeaderLength(w);
  expect(w.done()).toEqual(REQUEST);
});

test("a response sets R, the original initiator sets I, V announces a higher version", () => {
  const flags = (octet: number) => {
    const header = parseHeader(REQUEST.with(19, octet));
    return header.ok ? header.value.flags : undefined;
  };
  expect(flags(0x20)).toEqual({ initiator: false, version: false, response: true });
  expect(flags(0x28)).toEqual({ initiator: true, version: false, response: true });
  expect(flags(0x10)).toEqual({ initiator: false, version: true, response: false });
});

test("reserved flag bits are ignored", () => {
  const header = parseHeader(REQUEST.with(19, 0x08 | 0xc7));
  expect(header).toEqual({ ok: true, value: HEADER });
});

test("any version is read: others judge what it means", () => {
  const header = parseHeader(REQUEST.with(17, 0x10));
  expect(header.ok && header.value.version).toEqual({ major: 1, minor: 0 });
  const later = parseHeader(REQUEST.with(17, 0x3f));
  expect(later.ok && later.value.version).toEqual({ major: 3, minor: 15 });
});

test("a message ID and SPIs keep all their bits", () => {
  const header: IkeHeader = {
    ...HEADER,
    spiI: asIkeSpi(0xffff_ffff_ffff_ffffn),
    spiR: asIkeSpi(0x8000_0000_0000_0001n),
    messageId: 0xffff_fffe,
  };
  const w = new Writer();
  emitHeader(w, header, header.nextPayload);
  patchHeaderLength(w);
  expect(parseHeader(w.done())).toEqual({ ok: true, value: header });
});

test("fewer than 28 octets are malformed", () => {
  for (let length = 0; length < REQUEST.length; length++) {
    expect(parseHeader(REQUEST.subarray(0, length))).toEqual({
      ok: false,
      error: {
        kind: "malformed",
        where: "IKE header",
        detail: `needs 28 octets, has ${length}`,
      },
    });
  }
});

test("a Length other than the datagram's is malformed, and both are named", () => {
  for (const said of [0, 27, 29, 255]) {
    expect(parseHeader(REQUEST.with(27, said))).toEqual({
      ok: false,
      error: {
        kind: "malformed",
        where: "IKE header",
        detail: `Length ${said}, but the datagram has 28 octets`,
      },
    });
  }
});
