/** Additional key exchanges in proposals (RFC 9370 §2.2.1). */

import { expect, test } from "bun:test";
import type { Suite } from "../../../src/crypto/suite.ts";
import { Encr, Ke, PrfId, TransformType } from "../../../src/crypto/transform.ts";
import { acceptsIke } from "../../../src/ike/algorithms.ts";
import { additionalMethods } from "../../../src/ike/v2/additional.ts";
import {
  chooseEsp,
  chooseIke,
  chosenProposal,
  isAnswerTo,
  proposalsOf,
} from "../../../src/ike/v2/proposal.ts";
import { type Proposal, Protocol, type Transform } from "../../../src/wire/v2/message.ts";
import { transformOf } from "../../simulation/site-messages.ts";

const NO_SPI = new Uint8Array(0);
const ADDKE2 = TransformType.ADDKE1 + 1;
const CLASSICAL: Suite = {
  encr: [{ id: Encr.AES_GCM_16, keyBits: 256 }],
  ...{ prf: [PrfId.HMAC_SHA2_256], integ: [], ke: [Ke.X25519], esn: [] },
};
const HYBRID: Suite = { ...CLASSICAL, additional: [[Ke.ECP_256, Ke.ECP_384]] };
const EITHER: Suite = { ...CLASSICAL, additional: [[Ke.ECP_256, Ke.NONE]] };

const addke = (type: number, ...ids: number[]) => ids.map((id) => transformOf(type, id));
const offerOf = (...suites: Suite[]) =>
  proposalsOf(suites, { protocol: Protocol.IKE, spi: NO_SPI, withKe: true });

test("RFC 9370: one method of each type that is offered is chosen, by our order", () => {
  const offer = withAddke(addke(6, Ke.ECP_384, Ke.ECP_256), addke(7, Ke.MODP_2048, Ke.NONE));
  expect(chosenIn(offer, HYBRID)).toEqual({
    methods: [Ke.ECP_256],
    answer: [...addke(6, Ke.ECP_256), ...addke(7, Ke.NONE)],
  });
});

test("RFC 9370: NONE makes it optional, at either end; without NONE it is demanded", () => {
  const plain = offerOf(CLASSICAL);
  expect(chosenIn(plain, HYBRID)).toBeUndefined();
  expect(chosenIn(plain, EITHER)).toEqual({ methods: [], answer: [] });
  const hybrid = offerOf(HYBRID);
  expect(chosenIn(hybrid, CLASSICAL)).toBeUndefined();
  expect(chosenIn(hybrid, EITHER)?.methods).toEqual([Ke.ECP_256]);
  expect(chosenIn(offerOf(EITHER), CLASSICAL)).toEqual({
    ...{ methods: [], answer: addke(6, Ke.NONE) },
  });
});

test("RFC 9370: a peer that lacks IKE_INTERMEDIATE gets none, if that is allowed", () => {
  expect(chosenIn(offerOf(EITHER), EITHER, false)?.methods).toEqual([]);
  expect(chosenIn(offerOf(HYBRID), EITHER, false)).toBeUndefined();
  expect(chosenIn(offerOf(EITHER), HYBRID, false)).toBeUndefined();
  expect(chosenIn(offerOf(HYBRID, CLASSICAL), HYBRID, false)).toBeUndefined();
  expect(chosenIn(offerOf(HYBRID, CLASSICAL), EITHER, false)?.methods).toEqual([]);
});

test("RFC 9370: no method is chosen twice", () => {
  const twice: Suite = { ...CLASSICAL, additional: [[Ke.X25519, Ke.ECP_256], [Ke.ECP_256]] };
  expect(chosenIn(withAddke(addke(6, Ke.X25519, Ke.ECP_256)), HYBRID)?.methods).toEqual([
    Ke.ECP_256,
  ]);
  expect(chosenIn(offerOf(twice), twice)).toBeUndefined();
  const free: Suite = { ...twice, additional: [[Ke.ECP_256], [Ke.ECP_256, Ke.NONE]] };
  expect(chosenIn(offerOf(free), free)).toEqual({
    methods: [Ke.ECP_256],
    answer: [...addke(6, Ke.ECP_256), ...addke(ADDKE2, Ke.NONE)],
  });
});

test("RFC 9370: an answer may have one method of each type, and only what was offered", () => {
  const offer = offerOf(EITHER);
  const [first] = offer;
  const plain = first?.transforms.filter(({ type }) => type < 6) ?? [];
  const answer = (...more: Transform[]) =>
    isAnswerTo(offer, [{ number: 1, protocol: 1, spi: NO_SPI, transforms: [...plain, ...more] }]);
  expect(answer()).toBe(true);
  expect(answer(...addke(6, Ke.ECP_256))).toBe(true);
  expect(answer(...addke(6, Ke.NONE))).toBe(true);
  expect(answer(...addke(6, Ke.ECP_384))).toBe(false);
  expect(answer(...addke(6, Ke.ECP_256, Ke.NONE))).toBe(false);
  expect(answer(...addke(7, Ke.ECP_256))).toBe(false);
});

test("RFC 9370: a Child SA has them only with a key exchange of its own, never in IKE_AUTH", () => {
  const suite: Suite = { ...EITHER, prf: [], ke: [Ke.X25519, Ke.NONE], esn: [false] };
  const spi = Uint8Array.of(0, 0, 9, 9);
  const offer = proposalsOf([suite], { protocol: Protocol.ESP, spi, withKe: true });
  const methodsIn = (want: { withKe: boolean; sentKe: number | undefined }, wanted = suite) => {
    const chosen = chooseEsp(offer, [wanted], want);
    return chosen.ok ? additionalMethods(chosen.value.choice) : undefined;
  };
  expect(methodsIn({ withKe: true, sentKe: Ke.X25519 })).toEqual([Ke.ECP_256]);
  expect(methodsIn({ withKe: false, sentKe: undefined })).toEqual([]);
  expect(methodsIn({ withKe: true, sentKe: undefined }, { ...suite, ke: [Ke.NONE] })).toEqual([]);
  const inAuth = proposalsOf([suite], { protocol: Protocol.ESP, spi, withKe: false });
  expect(inAuth[0]?.transforms.some(({ type }) => type >= 6)).toBe(false);
});

test("RFC 9370: an eroute accepts an IKE SA only with the methods that it demands", () => {
  const algorithmsOf = (offered: Suite, suite: Suite) => {
    const chosen = chooseIke(offerOf(offered), [suite], { spiOctets: 0, sentKe: undefined });
    if (!chosen.ok) throw new Error("none is chosen");
    return chosen.value.algorithms;
  };
  const hybrid = algorithmsOf(HYBRID, HYBRID);
  const plain = algorithmsOf(CLASSICAL, CLASSICAL);
  const accepts = (suite: Suite) => [acceptsIke([suite], hybrid), acceptsIke([suite], plain)];
  expect([accepts(HYBRID), accepts(EITHER), accepts(CLASSICAL)]).toEqual([
    ...[
      [true, false],
      [true, true],
      [false, true],
    ],
  ]);
});

function withAddke(...lists: Transform[][]): readonly Proposal[] {
  const [first] = offerOf(CLASSICAL);
  if (first === undefined) throw new Error("no proposal");
  return [{ ...first, transforms: [...first.transforms, ...lists.flat()] }];
}

function chosenIn(offer: readonly Proposal[], suite: Suite, withAdditional = true) {
  const want = { spiOctets: 0, sentKe: undefined, withAdditional } as const;
  const chosen = chooseIke(offer, [suite], want);
  if (!chosen.ok) return undefined;
  const { transforms } = chosenProposal(Protocol.IKE, chosen.value, NO_SPI);
  const answer = transforms.filter(({ type }) => type >= 6);
  return { methods: additionalMethods(chosen.value.choice), answer };
}
