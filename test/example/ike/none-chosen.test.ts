/** A refusal of all proposals: everything that was offered, and which transform decided. */

import { expect, test } from "bun:test";
import { DEFAULT_ESP_SUITES, DEFAULT_IKE_SUITES } from "../../../src/crypto/default-suites.ts";
import type { Suite } from "../../../src/crypto/suite.ts";
import { Encr, Integ, Ke, PrfId, TransformType } from "../../../src/crypto/transform.ts";
import { chooseEsp, chooseIke } from "../../../src/ike/v2/proposal.ts";
import { type Proposal, Protocol, type Transform } from "../../../src/wire/v2/message.ts";
import { patient } from "../../patience.ts";
import { transformOf } from "../../simulation/site-messages.ts";

const GCM: Suite = {
  encr: [{ id: Encr.AES_GCM_16, keyBits: 256 }],
  ...{ prf: [PrfId.HMAC_SHA2_256], integ: [], ke: [Ke.X25519, Ke.ECP_256], esn: [] },
};
const CIPHER = transformOf(TransformType.ENCR, Encr.AES_GCM_16, 256);
const PRF = transformOf(TransformType.PRF, PrfId.HMAC_SHA2_256);
const ke = (id: number) => transformOf(TransformType.KE, id);
const ML_KEM_768 = 36;

test("the transform that decides is named, with both sides", () => {
  const { decided, offered } = refusedIke([[CIPHER, PRF, ke(ML_KEM_768), ke(Ke.MODP_2048)]]);
  expect(decided).toBe(
    "no common key exchange: the site offers ML_KEM_768, MODP_2048, configured: X25519, ECP_256",
  );
  expect(offered).toEqual(["AES_GCM_16_256/PRF_HMAC_SHA2_256/ML_KEM_768/MODP_2048"]);
});

test("numbers without a name decide as well, and are shown by type and number", () => {
  const odd = refusedIke([[CIPHER, PRF, ke(999), transformOf(13, 4)]]);
  expect(odd.decided).toBe(
    "no common key exchange: the site offers KE_999, configured: X25519, ECP_256; " +
      "transform type 13: the site insists on TRANSFORM_13_4, none is configured",
  );
  expect(odd.offered).toEqual(["AES_GCM_16_256/PRF_HMAC_SHA2_256/KE_999/TRANSFORM_13_4"]);
});

test("an attribute or key length that rules out a transform is shown with it", () => {
  const unknownAttributes = { first: { type: 15, value: 7, octets: 2 }, count: 3 };
  const marked = { ...CIPHER, hasUnknownAttribute: true, unknownAttributes };
  expect(refusedIke([[marked, PRF, ke(Ke.X25519)]]).decided).toBe(
    "no common encryption: the site offers AES_GCM_16_256 with attribute 15=7 and 2 more, " +
      "configured: AES_GCM_16_256",
  );
  const long = { ...ke(Ke.X25519), keyBits: 256 };
  expect(refusedIke([[CIPHER, PRF, long]]).decided).toStartWith(
    "no common key exchange: the site offers X25519 with key length 256, configured: X25519",
  );
});

test("a protocol or SPI that decides is named", () => {
  const ah = refusedEsp({ protocol: Protocol.AH, spi: Uint8Array.of(1, 2, 3, 4) });
  expect([ah.decided, ah.offered]).toEqual([
    "the site offers AH, needed is ESP",
    ["AH: AES_GCM_16_256/ESN"],
  ]);
  const reserved = refusedEsp({ protocol: Protocol.ESP, spi: Uint8Array.of(0, 0, 0, 255) });
  expect(reserved.decided).toBe("the SPI 000000ff is reserved");
  const short = { ...proposal([CIPHER, PRF, ke(Ke.X25519)]), spi: new Uint8Array(8) };
  expect(refusalOf([short], [GCM]).decided).toBe("an SPI of 8 octets, needed are 0");
});

test("where no eroute allows IKEv2, that decides", () => {
  const { decided, wanted } = refusalOf([proposal([CIPHER, PRF, ke(Ke.X25519)])], []);
  expect([decided, wanted]).toEqual(['no eroute allows IKEv2: ike_version is "v1"', []]);
});

test("one method for two key exchanges decides, and is said to", () => {
  const twice = [CIPHER, PRF, ke(Ke.X25519), transformOf(6, Ke.X25519)];
  const suite = { ...GCM, ke: [Ke.X25519], additional: [[Ke.X25519]] };
  expect(refusalOf([proposal(twice)], [suite]).decided).toContain("one key exchange method twice");
});

test("integrity algorithms beside an AEAD, and key exchanges in IKE_AUTH, do not decide", () => {
  const sha1 = transformOf(TransformType.INTEG, Integ.HMAC_SHA1_96);
  expect(refusedIke([[CIPHER, PRF, sha1, ke(Ke.MODP_2048)]]).decided).toStartWith(
    "no common key exchange",
  );
  const chosen = chooseEsp(
    [{ ...proposal([transformOf(TransformType.ENCR, 99), ke(999)]), protocol: Protocol.ESP }],
    DEFAULT_ESP_SUITES,
    { withKe: false, sentKe: undefined },
  );
  expect(chosen.ok || chosen.error.kind !== "no-proposal-chosen" || chosen.error.decided).toBe(
    "no common encryption: the site offers ENCR_99, configured: AES_GCM_16_256, AES_GCM_16_128",
  );
});

test("of many proposals the nearest is shown first, and how many are left out", () => {
  const strange = Array.from({ length: 200 }, (_, i) => [transformOf(TransformType.ENCR, 500 + i)]);
  const { decided, offered } = refusedIke([...strange, [CIPHER, PRF, ke(ML_KEM_768)]]);
  expect(offered.length).toBe(16);
  expect([offered[0], offered[1], offered[15]]).toEqual([
    "AES_GCM_16_256/PRF_HMAC_SHA2_256/ML_KEM_768",
    "ENCR_500",
    "and 186 more",
  ]);
  expect(decided).toStartWith("no common key exchange: the site offers ML_KEM_768, configured");
});

test("of many transforms those that decide are shown, and how many are left out", () => {
  const ciphers = Array.from({ length: 80 }, (_, i) => transformOf(TransformType.ENCR, 500 + i));
  const { offered } = refusedIke([[...ciphers, CIPHER, PRF, ke(ML_KEM_768)]]);
  expect(offered[0]).toStartWith("ML_KEM_768/ENCR_500/");
  expect(offered[0]).toEndWith("/and 35 more");
  const groups = Array.from({ length: 80 }, (_, i) => ke(500 + i));
  const { decided } = refusedIke([[CIPHER, PRF, ...groups]]);
  expect(decided).toContain("KE_507 and 72 more, configured: X25519, ECP_256");
});

test("the most that a message can offer, beside many suites, costs less than 5 ms", () => {
  const many = Array.from({ length: 255 }, (_, i) => [
    ...[CIPHER, PRF, transformOf(TransformType.INTEG, 900 + i), ke(500 + i), ke(501 + i)],
  ]);
  const proposals = many.map(proposal);
  const suites = Array.from({ length: 4 }, () => DEFAULT_IKE_SUITES).flat();
  const run = () => {
    const start = performance.now();
    const { decided, offered, wanted } = refusalOf(proposals, suites);
    expect([decided, ...offered, ...wanted].join("").length).toBeLessThan(8_000);
    return performance.now() - start;
  };
  for (let i = 0; i < 10; i++) run();
  const best = Math.min(...Array.from({ length: 10 }, run));
  expect(best).toBeLessThan(patient(5));
});

function proposal(transforms: readonly Transform[]): Proposal {
  return { number: 1, protocol: Protocol.IKE, spi: new Uint8Array(0), transforms };
}

function refusedIke(offers: readonly (readonly Transform[])[]) {
  return refusalOf(offers.map(proposal), [GCM]);
}

function refusalOf(proposals: readonly Proposal[], suites: readonly Suite[]) {
  const chosen = chooseIke(proposals, suites, { spiOctets: 0, sentKe: undefined });
  if (chosen.ok || chosen.error.kind !== "no-proposal-chosen") throw new Error("was chosen");
  return chosen.error;
}

function refusedEsp(head: Pick<Proposal, "protocol" | "spi">) {
  const transforms = [CIPHER, transformOf(TransformType.ESN, 1)];
  const suite = { ...GCM, prf: [], ke: [], esn: [true] };
  const want = { withKe: true, sentKe: undefined };
  const chosen = chooseEsp([{ ...head, number: 1, transforms }], [suite], want);
  if (chosen.ok || chosen.error.kind !== "no-proposal-chosen") throw new Error("was chosen");
  return chosen.error;
}
