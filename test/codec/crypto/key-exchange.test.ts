/** X25519 and the ECP groups: known answers, agreement, and public values that are refused. */

import { expect, test } from "bun:test";
import fc from "fast-check";
import { ECP_256, ECP_384, ECP_521 } from "../../../src/crypto/ecp.ts";
import {
  isSlowKeyExchange,
  keyExchangeFor,
  performKeyExchange,
  privateOctets,
} from "../../../src/crypto/key-exchange.ts";
import { Ke } from "../../../src/crypto/transform.ts";
import { derive, expectAgreement, offer, refusal } from "./exchange.ts";

const hex = (text: string) => Uint8Array.fromHex(text);

/** Its private values are the random octets themselves. */
test("X25519 is that of RFC 7748 §6.1", () => {
  const a = hex("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a");
  const b = hex("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb");
  const A = "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a";
  const B = "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f";
  const shared = "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742";
  expect(offer(Ke.X25519, a).toHex()).toBe(A);
  expect(offer(Ke.X25519, b).toHex()).toBe(B);
  expect(derive(Ke.X25519, a, hex(B)).toHex()).toBe(shared);
  expect(derive(Ke.X25519, b, hex(A)).toHex()).toBe(shared);
});

/** RFC 5903 §8: private values, X | Y of the public values, and X of the shared point. */
const ECP = [
  {
    method: Ke.ECP_256,
    i: "C88F01F510D9AC3F70A292DAA2316DE544E9AAB8AFE84049C62A9C57862D1433",
    gi:
      "DAD0B65394221CF9B051E1FECA5787D098DFE637FC90B9EF945D0C3772581180" +
      "5271A0461CDB8252D61F1C456FA3E59AB1F45B33ACCF5F58389E0577B8990BB3",
    r: "C6EF9C5D78AE012A011164ACB397CE2088685D8F06BF9BE0B283AB46476BEE53",
    gr:
      "D12DFB5289C8D4F81208B70270398C342296970A0BCCB74C736FC7554494BF63" +
      "56FBF3CA366CC23E8157854C13C58D6AAC23F046ADA30F8353E74F33039872AB",
    gir: "D6840F6B42F6EDAFD13116E0E12565202FEF8E9ECE7DCE03812464D04B9442DE",
  },
  {
    method: Ke.ECP_384,
    i:
      "099F3C7034D4A2C699884D73A375A67F7624EF7C6B3C0F16" +
      "0647B67414DCE655E35B538041E649EE3FAEF896783AB194",
    gi:
      "667842D7D180AC2CDE6F74F37551F55755C7645C20EF73E3" +
      "1634FE72B4C55EE6DE3AC808ACB4BDB4C88732AEE95F41AA" +
      "9482ED1FC0EEB9CAFC4984625CCFC23F65032149E0E144AD" +
      "A024181535A0F38EEB9FCFF3C2C947DAE69B4C634573A81C",
    r:
      "41CB0779B4BDB85D47846725FBEC3C9430FAB46CC8DC5060" +
      "855CC9BDA0AA2942E0308312916B8ED2960E4BD55A7448FC",
    gr:
      "E558DBEF53EECDE3D3FCCFC1AEA08A89A987475D12FD950D" +
      "83CFA41732BC509D0D1AC43A0336DEF96FDA41D0774A3571" +
      "DCFBEC7AACF3196472169E838430367F66EEBE3C6E70C416" +
      "DD5F0C68759DD1FFF83FA40142209DFF5EAAD96DB9E6386C",
    gir:
      "11187331C279962D93D604243FD592CB9D0A926F422E4718" +
      "7521287E7156C5C4D603135569B9E9D09CF5D4A270F59746",
  },
  {
    method: Ke.ECP_521,
    i:
      "0037ADE9319A89F4DABDB3EF411AACCCA5123C61ACAB57B5393DCE47608172A095AA" +
      "85A30FE1C2952C6771D937BA9777F5957B2639BAB072462F68C27A57382D4A52",
    gi:
      "0015417E84DBF28C0AD3C278713349DC7DF153C897A1891BD98BAB4357C9ECBEE1E3" +
      "BF42E00B8E380AEAE57C2D107564941885942AF5A7F4601723C4195D176CED3E" +
      "017CAE20B6641D2EEB695786D8C946146239D099E18E1D5A514C739D7CB4A10AD8A7" +
      "88015AC405D7799DC75E7B7D5B6CF2261A6A7F1507438BF01BEB6CA3926F9582",
    r:
      "0145BA99A847AF43793FDD0E872E7CDFA16BE30FDC780F97BCCC3F078380201E9C67" +
      "7D600B343757A3BDBF2A3163E4C2F869CCA7458AA4A4EFFC311F5CB151685EB9",
    gr:
      "00D0B3975AC4B799F5BEA16D5E13E9AF971D5E9B984C9F39728B5E5739735A219B97" +
      "C356436ADC6E95BB0352F6BE64A6C2912D4EF2D0433CED2B6171640012D9460F" +
      "015C68226383956E3BD066E797B623C27CE0EAC2F551A10C2C724D9852077B87220B" +
      "6536C5C408A1D2AEBB8E86D678AE49CB57091F4732296579AB44FCD17F0FC56A",
    gir:
      "01144C7D79AE6956BC8EDB8E7C787C4521CB086FA64407F97894E5E6B2D79B04D142" +
      "7E73CA4BAA240A34786859810C06B3C715A3A8CC3151F2BEE417996D19F3DDEA",
  },
].map((answer) => ({ name: keyExchangeFor(answer.method)?.name, ...answer }));

test.each(ECP)("$name is that of RFC 5903 §8", ({ method, i, gi, r, gr, gir }) => {
  const [randomI, randomR] = [randomFor(i), randomFor(r)];
  expect(offer(method, randomI)).toEqual(hex(gi));
  expect(offer(method, randomR)).toEqual(hex(gr));
  expect(derive(method, randomI, hex(gr))).toEqual(hex(gir));
  expect(derive(method, randomR, hex(gi))).toEqual(hex(gir));
});

test.each([
  { name: "ECP_256", method: Ke.ECP_256, group: ECP_256 },
  { name: "ECP_384", method: Ke.ECP_384, group: ECP_384 },
  { name: "ECP_521", method: Ke.ECP_521, group: ECP_521 },
])("$name: private values go from 1 to order - 1", ({ method, group }) => {
  const { order } = group;
  const pointOf = (random: bigint) => {
    const octets = hex(random.toString(16).padStart(2 * group.privateOctets, "0"));
    const point = offer(method, octets);
    return { X: point.slice(0, point.length / 2), Y: point.slice(point.length / 2) };
  };
  const [one, largest, again] = [pointOf(0n), pointOf(order - 2n), pointOf(order - 1n)];
  // (order - 1) G = -G: the same X, the other Y.
  expect(largest.X).toEqual(one.X);
  expect(largest.Y).not.toEqual(one.Y);
  expect(again).toEqual(one);
});

/** The private value is (random mod (order - 1)) + 1, random being 8 octets longer. */
function randomFor(privateValue: string): Uint8Array {
  const less = (BigInt(`0x${privateValue}`) - 1n).toString(16);
  return hex(less.padStart(privateValue.length + 16, "0"));
}

const CURVES = [Ke.X25519, Ke.ECP_256, Ke.ECP_384, Ke.ECP_521].map((method) => ({
  method,
  name: keyExchangeFor(method)?.name ?? "?",
}));

test.each(CURVES)("$name: both ends agree, whatever their random octets", ({ method }) => {
  const octets = privateOctets(method);
  const random = fc.uint8Array({ minLength: octets, maxLength: octets });
  fc.assert(
    fc.property(random, random, (first, second) => expectAgreement(method, first, second)),
    { numRuns: isSlowKeyExchange(method) ? 4 : 25 },
  );
});

test.each(CURVES)("$name: the extremes among random octets work", ({ method }) => {
  const [zeros, ones] = [0, 255].map((octet) => new Uint8Array(privateOctets(method)).fill(octet));
  if (zeros !== undefined && ones !== undefined) expectAgreement(method, zeros, ones);
});

test.each(CURVES)("$name: a public value of a wrong length is refused", ({ method }) => {
  const right = keyExchangeFor(method)?.publicOctets ?? 0;
  for (const octets of [0, 1, right - 1, right + 1, 2 * right]) {
    const said = refusal(method, new Uint8Array(octets).fill(9));
    expect(said).toContain(`has ${octets} octets, needs ${right}`);
  }
});

/** All points of X25519 whose multiples by a private value are zero (RFC 7748 §7). */
const LOW_ORDER = [
  "00".repeat(32),
  `01${"00".repeat(31)}`,
  "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
  "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
  `ec${"ff".repeat(30)}7f`,
  `ed${"ff".repeat(30)}7f`,
  `ee${"ff".repeat(30)}7f`,
];

test.each(LOW_ORDER)("X25519: a shared secret of zeros is refused, RFC 8031: %s", (point) => {
  expect(refusal(Ke.X25519, hex(point))).toContain("all-zero");
  const highBit = hex(point);
  highBit[31] = (highBit[31] ?? 0) | 0x80; // masked, so the same point
  expect(refusal(Ke.X25519, highBit)).toContain("all-zero");
});

test.each(ECP)("$name: a value that is not a point of the curve is refused", ({ method, gi }) => {
  const offCurve = hex(gi);
  offCurve[offCurve.length - 1] = (offCurve[offCurve.length - 1] ?? 0) ^ 1;
  expect(refusal(method, offCurve)).toContain("not a point");
  expect(refusal(method, new Uint8Array(offCurve.length))).toContain("not a point");
  expect(refusal(method, new Uint8Array(offCurve.length).fill(255))).toContain("not a point");
});

test("a stranger's octets never throw and seldom are a point", () => {
  const octets = fc.uint8Array({ minLength: 64, maxLength: 64 });
  fc.assert(
    fc.property(octets, (peerPublic) => {
      expect(refusal(Ke.ECP_256, peerPublic)).toContain("not a point");
    }),
    { numRuns: 50 },
  );
});

test("a method that is not built in is an answer, not an exception", () => {
  for (const method of [0, 1, 17, 22, 27, 32, 34, 38, 65535]) {
    const result = performKeyExchange({ op: "offer", method, random: new Uint8Array(32) });
    expect(result.ok ? "" : result.error.kind).toBe("unsupported");
    expect(keyExchangeFor(method)).toBeUndefined();
  }
});

test("a wrong number of random octets is our own mistake", () => {
  const random = new Uint8Array(31);
  expect(() => performKeyExchange({ op: "offer", method: Ke.X25519, random })).toThrow("31 random");
  expect(() => privateOctets(99)).toThrow("not built in");
});

test("only work of microseconds is done on the thread that answers all sites", () => {
  const fast = Object.values(Ke).filter((id) => keyExchangeFor(id) && !isSlowKeyExchange(id));
  expect(fast).toEqual([Ke.ECP_256, Ke.X25519]);
});
