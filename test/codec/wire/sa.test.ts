/** The SA payload: proposals, transforms, attributes. */

import { expect, test } from "bun:test";
import { concat } from "../../../src/octets/concat.ts";
import type { SaPayload } from "../../../src/wire/v2/message.ts";
import { emitSa, PROPOSALS_MAX, parseSa } from "../../../src/wire/v2/payload/sa.ts";
import { emitted, expectCutsFault, expectSame, faultOf, parsed } from "./body.ts";
import { hex } from "./hex.ts";

const IKE_THEN_REKEY = hex(
  "02", // Last Substruc: more proposals
  "00", // RESERVED
  "00 2c", // Proposal Length: 44
  "01", // Proposal Num
  "01", // Protocol ID: IKE
  "00", // SPI Size
  "04", // Num Transforms
  "03 00 00 0c", // more transforms, RESERVED, Transform Length 12
  "01 00 00 0c", // Transform Type ENCR, RESERVED, Transform ID AES_CBC
  "80 0e 01 00", // attribute: TV, Key Length, 256
  "03 00 00 08",
  "02 00 00 05", // PRF HMAC_SHA2_256
  "03 00 00 08",
  "03 00 00 0c", // INTEG HMAC_SHA2_256_128
  "00 00 00 08", // last transform
  "04 00 00 1f", // KE X25519
  "00", // Last Substruc: last proposal
  "00",
  "00 18", // Proposal Length: 24
  "02", // Proposal Num
  "01", // Protocol ID: IKE
  "08", // SPI Size
  "01", // Num Transforms
  "11 22 33 44 55 66 77 88", // SPI
  "00 00 00 08",
  "01 00 00 1c", // ENCR CHACHA20_POLY1305
);

const KNOWN = { keyBits: undefined, hasUnknownAttribute: false };

const PARSED: SaPayload = {
  kind: "SA",
  proposals: [
    {
      number: 1,
      protocol: 1,
      spi: new Uint8Array(0),
      transforms: [
        { type: 1, id: 12, keyBits: 256, hasUnknownAttribute: false },
        { type: 2, id: 5, ...KNOWN },
        { type: 3, id: 12, ...KNOWN },
        { type: 4, id: 31, ...KNOWN },
      ],
    },
    {
      number: 2,
      protocol: 1,
      spi: hex("11 22 33 44 55 66 77 88"),
      transforms: [{ type: 1, id: 28, ...KNOWN }],
    },
  ],
};

/** An ESP proposal with one transform, whose attributes are given. */
function espWith(...attributes: readonly string[]): Uint8Array {
  const octets = hex(...attributes);
  return concat(
    hex("00 00 00", (20 + octets.length).toString(16)), // last, RESERVED, Proposal Length
    hex("01 03 04 01"), // number 1, ESP, SPI Size 4, one transform
    hex("c0 ff ee 01"), // SPI
    hex("00 00 00", (8 + octets.length).toString(16).padStart(2, "0")), // Transform Length
    hex("01 00 00 14"), // ENCR AES_GCM_16
    octets,
  );
}

function onlyTransform(octets: Uint8Array) {
  const sa = parsed(octets, parseSa);
  return sa.ok ? sa.value.proposals[0]?.transforms[0] : sa.error;
}

test("two proposals, with and without SPI, are read and written", () => {
  expectSame(IKE_THEN_REKEY, PARSED, { parse: parseSa, emit: emitSa });
});

test("an SA payload cut anywhere is malformed", () => {
  expectCutsFault(IKE_THEN_REKEY, parseSa);
  expectCutsFault(espWith("80 0e 00 80"), parseSa);
});

test("RESERVED octets are ignored", () => {
  const odd = IKE_THEN_REKEY.with(1, 0xff).with(9, 0xff).with(13, 0xff);
  expect(parsed(odd, parseSa)).toEqual({ ok: true, value: PARSED });
});

test("a fault names the proposal and the transform, and both numbers", () => {
  const at = (offset: number, octet: number) =>
    faultOf(IKE_THEN_REKEY.with(offset, octet), parseSa);
  expect(at(0, 1)).toBe("payload: proposal 1: Last Substruc 1, needs 0 or 2");
  expect(at(3, 7)).toBe("payload: proposal 1: length 7, needs at least 8");
  expect(at(2, 1)).toBe("payload: proposal 1: length 300, but 68 octets are left");
  expect(at(7, 5)).toBe("payload, proposal 1: transform 4 of 5: Last Substruc 0");
  expect(at(7, 3)).toBe("payload, proposal 1: transform 3 of 3: Last Substruc 3");
  expect(at(36, 3)).toBe("payload, proposal 1: transform 4 of 4: Last Substruc 3");
  expect(at(8, 2)).toBe("payload, proposal 1: transform 1: Last Substruc 2, needs 0 or 3");
  expect(at(11, 4)).toBe("payload, proposal 1: transform 1: length 4, needs at least 8");
  expect(at(11, 10)).toBe("payload, proposal 1, transform 1: needs 2 octets at 6, has 0");
  expect(at(44, 2)).toBe("payload: proposal 3: needs a header of 4 octets, has 0");
  expect(at(51, 0)).toBe("payload, proposal 2: 8 octets too many");
});

test("the last proposal is the last: octets after it are malformed", () => {
  const longer = concat(IKE_THEN_REKEY, hex("00"));
  expect(faultOf(longer, parseSa)).toBe("payload: 1 octets too many");
  expect(faultOf(IKE_THEN_REKEY.with(0, 0), parseSa)).toBe("payload: 24 octets too many");
});

test("V2-38: an SPI has 0 or 8 octets for IKE, 4 for ESP and AH", () => {
  const sized = (protocol: number, octets: number) =>
    concat(Uint8Array.of(0, 0, 0, 8 + octets, 1, protocol, octets, 0), new Uint8Array(octets));
  for (const [protocol, octets] of [
    [1, 0],
    [1, 8],
    [2, 4],
    [3, 4],
    [9, 5],
  ] as const) {
    expect(parsed(sized(protocol, octets), parseSa).ok).toBe(true);
  }
  expect(faultOf(sized(1, 4), parseSa)).toBe(
    "payload, proposal 1: SPI Size 4 for protocol 1, needs 0 or 8",
  );
  expect(faultOf(sized(3, 0), parseSa)).toBe(
    "payload, proposal 1: SPI Size 0 for protocol 3, needs 4",
  );
  expect(faultOf(sized(2, 8), parseSa)).toBe(
    "payload, proposal 1: SPI Size 8 for protocol 2, needs 4",
  );
});

test("V2-35: a transform with an unknown attribute is marked, whatever its form", () => {
  const expected = { type: 1, id: 20, keyBits: 256, hasUnknownAttribute: true };
  expect(onlyTransform(espWith("80 0e 01 00", "80 0f 00 01"))).toEqual({
    ...expected,
    unknownAttributes: { first: { type: 15, value: 1, octets: 2 }, count: 1 },
  });
  expect(onlyTransform(espWith("00 10 00 03 aa bb cc", "80 0e 01 00", "80 11 00 01"))).toEqual({
    ...expected,
    unknownAttributes: { first: { type: 16, value: undefined, octets: 3 }, count: 2 },
  });
});

test("V2-36: a Key Length in the long form, or given twice, is not a key length", () => {
  const long = onlyTransform(espWith("00 0e 00 02 01 00"));
  expect(long).toEqual({
    ...{ type: 1, id: 20, keyBits: undefined, hasUnknownAttribute: true },
    unknownAttributes: { first: { type: 14, value: undefined, octets: 2 }, count: 1 },
  });
  const twice = onlyTransform(espWith("80 0e 00 80", "80 0e 01 00"));
  expect(twice).toEqual({
    ...{ type: 1, id: 20, keyBits: 128, hasUnknownAttribute: true },
    unknownAttributes: { first: { type: 14, value: 256, octets: 2 }, count: 1 },
  });
});

test("an attribute longer than its transform is malformed", () => {
  expect(faultOf(espWith("00 10 00 04 aa bb cc"), parseSa)).toBe(
    "payload, proposal 1, transform 1: attribute type 16: Attribute Length 4, " +
      "but 3 octets are left",
  );
});

test("transforms of unknown type are kept, for the choice needs them", () => {
  const octets = espWith().with(16, 99);
  expect(onlyTransform(octets)).toEqual({ type: 99, id: 20, ...KNOWN });
});

test("an SA payload without a proposal is malformed; proposals above a limit are skipped", () => {
  expect(faultOf(new Uint8Array(0), parseSa)).toBe(
    "payload: proposal 1: needs a header of 4 octets, has 0",
  );
  const proposal = { number: 1, protocol: 3, spi: hex("00 00 01 00"), transforms: [] };
  const many = (count: number) =>
    emitted({ kind: "SA", proposals: new Array(count).fill(proposal) } as const, emitSa);
  expect(countOf(many(PROPOSALS_MAX)).proposals).toBe(255);
  expect(countOf(many(1_000)).proposals).toBe(255);
});

test("transforms are read up to a limit for the whole payload", () => {
  const transform = { type: 1, id: 20, keyBits: 256, hasUnknownAttribute: false };
  const transforms = new Array(200).fill(transform);
  const proposal = { number: 1, protocol: 3, spi: hex("00 00 01 00"), transforms };
  const proposals = new Array(20).fill(proposal);
  expect(countOf(emitted({ kind: "SA", proposals } as const, emitSa))).toEqual({
    proposals: 6,
    transforms: 1_200,
  });
});

function countOf(octets: Uint8Array) {
  const read = parsed(octets, parseSa);
  const proposals = read.ok ? read.value.proposals : [];
  const transforms = proposals.reduce((sum, one) => sum + one.transforms.length, 0);
  return { proposals: proposals.length, transforms };
}
