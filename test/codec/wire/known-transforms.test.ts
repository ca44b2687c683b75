/** Transforms that were read before: the same octets give the same list, and others never do. */

import { expect, test } from "bun:test";
import { createKnownTransforms } from "../../../src/wire/known-transforms.ts";
import { parseSa as parseIkev1Sa } from "../../../src/wire/v1/payload/sa.ts";
import { parseSa } from "../../../src/wire/v2/payload/sa.ts";
import { faultOf, parsed } from "./body.ts";
import { hex } from "./hex.ts";

const ENCR = "03 00 00 0c 01 00 00 14 80 0e 01 00";
const sa = (number: string, count: string, ...transforms: readonly string[]) => {
  const octets = hex(...transforms);
  const length = (8 + octets.length).toString(16).padStart(4, "0");
  return hex("00 00", length, number, "01 00", count, ...transforms);
};
const PRF = "00 00 00 08 02 00 00 05";

const listOf = (octets: Uint8Array) => {
  const read = parsed(octets, parseSa);
  if (!read.ok) throw new Error(read.error.detail);
  return read.value.proposals[0];
};

test("two proposals with the same transforms have one list, each its own number", () => {
  const [one, two] = [listOf(sa("01", "02", ENCR, PRF)), listOf(sa("02", "02", ENCR, PRF))];
  expect(two?.transforms).toBe(one?.transforms ?? []);
  expect([one?.number, two?.number]).toEqual([1, 2]);
  const other = listOf(sa("01", "02", ENCR, "00 00 00 08 02 00 00 06"));
  expect(other?.transforms).not.toEqual(one?.transforms ?? []);
});

test("a wrong count is a fault, whatever was read before", () => {
  listOf(sa("01", "02", ENCR, PRF));
  for (let times = 0; times < 2; times++) {
    expect(faultOf(sa("01", "01", ENCR, PRF), parseSa)).toContain("transform 1 of 1");
    expect(faultOf(sa("01", "03", ENCR, PRF), parseSa)).toContain("transform 2 of 3");
  }
});

test("the same in IKEv1: one list, each proposal with its own SPI", () => {
  // Transform 1, AES-CBC, reserved; encapsulation mode: tunnel.
  const transform = "00 00 00 0c 01 0c 00 00 80 04 00 01";
  const offer = (spi: string) =>
    hex("00 00 00 01 00 00 00 01", "00 00 00 18 01 03 04 01", spi, transform);
  const listOfV1 = (octets: Uint8Array) => {
    const read = parsed(octets, parseIkev1Sa);
    if (!read.ok) throw new Error(read.error.detail);
    return read.value.proposals[0];
  };
  const [one, two] = [listOfV1(offer("c0 00 00 01")), listOfV1(offer("c0 00 00 02"))];
  expect(two?.transforms).toBe(one?.transforms ?? []);
  expect([one?.spi[3], two?.spi[3]]).toEqual([1, 2]);
  const wrong = hex("00 00 00 01 00 00 00 01", "00 00 00 18 01 03 04 02", "c0 00 00 01", transform);
  expect(faultOf(wrong, parseIkev1Sa)).toContain("transform 1 of 2");
});

test("only so many lists are kept, and no long one", () => {
  const transformsOf = createKnownTransforms();
  let times = 0;
  const ask = (octets: Uint8Array) =>
    transformsOf(octets, 0, () => {
      times++;
      return [];
    });
  const own = hex("ee ee");
  ask(own);
  ask(own);
  expect(times).toBe(1);
  for (let n = 0; n < 64; n++) ask(Uint8Array.of(0xee, 0xee, n));
  ask(own);
  expect(times).toBe(66);
  const long = new Uint8Array(513);
  ask(long);
  ask(long);
  expect(times).toBe(68);
});
