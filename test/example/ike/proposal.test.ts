/** Choosing from proposals, and checking what was chosen (RFC 7296 §2.7, §3.3; RFC 5282 §8). */

import { expect, test } from "bun:test";
import type { Suite } from "../../../src/crypto/suite.ts";
import { Encr, Integ, Ke, PrfId, TransformType } from "../../../src/crypto/transform.ts";
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
const SHA2 = { prf: [PrfId.HMAC_SHA2_256, PrfId.HMAC_SHA2_512], ke: [Ke.X25519, Ke.ECP_256] };

const CBC: Suite = {
  ...{ ...SHA2, integ: [Integ.HMAC_SHA2_256_128], esn: [] },
  encr: [
    { id: Encr.AES_CBC, keyBits: 256 },
    { id: Encr.AES_CBC, keyBits: 128 },
  ],
};
const GCM: Suite = {
  ...{ ...SHA2, integ: [], esn: [] },
  encr: [{ id: Encr.AES_GCM_16, keyBits: 256 }],
};

const encr = (id: number, keyBits?: number) => transformOf(TransformType.ENCR, id, keyBits);
const integ = (id: number, keyBits?: number) => transformOf(TransformType.INTEG, id, keyBits);
const prf = (id: number, keyBits?: number) => transformOf(TransformType.PRF, id, keyBits);
const ke = (id: number) => transformOf(TransformType.KE, id);

const GOOD: readonly Transform[] = [
  encr(Encr.AES_CBC, 128),
  integ(Integ.HMAC_SHA2_256_128),
  prf(PrfId.HMAC_SHA2_256),
  ke(Ke.X25519),
];
const GOOD_GCM: readonly Transform[] = [
  encr(Encr.AES_GCM_16, 256),
  prf(PrfId.HMAC_SHA2_256),
  ke(Ke.X25519),
];

test("V2-34: one of several proposals, one transform of each type, the number kept", () => {
  const many = [
    ...[encr(Encr.AES_CBC, 128), encr(Encr.AES_CBC, 256)],
    ...[integ(Integ.HMAC_SHA2_512_256), integ(Integ.HMAC_SHA2_256_128)],
    ...[prf(PrfId.HMAC_SHA2_512), prf(PrfId.HMAC_SHA2_256)],
    ...[ke(Ke.ECP_256), ke(Ke.X25519)],
  ];
  const unknown = [encr(9_999), ...GOOD.slice(1)];
  const chosen = chosenIn([proposal(1, unknown), proposal(2, many), proposal(3, GOOD)], [CBC]);
  expect(chosen).toEqual({
    ...{ number: 2, protocol: Protocol.IKE, spi: NO_SPI },
    transforms: [
      ...[encr(Encr.AES_CBC, 256), prf(PrfId.HMAC_SHA2_256)],
      ...[integ(Integ.HMAC_SHA2_256_128), ke(Ke.X25519)],
    ],
  });
});

test("V2-34: an answer with two proposals, another number, or two of a type is refused", () => {
  const offer = proposalsOf([CBC, GCM], { protocol: Protocol.IKE, spi: NO_SPI, withKe: true });
  const right = proposal(1, GOOD);
  expect(isAnswerTo(offer, [right])).toBe(true);
  expect(isAnswerTo(offer, [])).toBe(false);
  expect(isAnswerTo(offer, [right, proposal(2, GOOD_GCM)])).toBe(false);
  expect(isAnswerTo(offer, [{ ...right, number: 2 }])).toBe(false);
  expect(isAnswerTo(offer, [{ ...right, number: 3 }])).toBe(false);
  expect(isAnswerTo(offer, [proposal(1, [...GOOD, ke(Ke.ECP_256)])])).toBe(false);
  expect(isAnswerTo(offer, [proposal(1, [encr(Encr.AES_CBC, 192), ...GOOD.slice(1)])])).toBe(false);
});

test("V2-35: an unknown transform type rules out its proposal, and no other", () => {
  const strange = proposal(1, [...GOOD, transformOf(99, 1)]);
  expect(chosenIn([strange], [CBC])).toBeUndefined();
  expect(chosenIn([strange, proposal(2, GOOD)], [CBC])?.number).toBe(2);
  // ESN is for Child SAs, a PRF for IKE SAs.
  expect(chosenIn([proposal(1, [...GOOD, transformOf(TransformType.ESN, 0)])], [CBC])).toBe(
    undefined,
  );
});

test("V2-35: an unknown ID or attribute rules out its transform, and no other", () => {
  const marked = { ...encr(Encr.AES_CBC, 256), hasUnknownAttribute: true };
  const offered = [marked, encr(9_999), integ(9_999), prf(9_999), ke(9_999), ...GOOD];
  expect(chosenIn([proposal(1, offered)], [CBC])?.transforms).toEqual([
    ...[encr(Encr.AES_CBC, 128), prf(PrfId.HMAC_SHA2_256)],
    ...[integ(Integ.HMAC_SHA2_256_128), ke(Ke.X25519)],
  ]);
  for (const [i, transform] of GOOD.entries()) {
    const only = GOOD.with(i, { ...transform, hasUnknownAttribute: true });
    expect(chosenIn([proposal(1, only)], [CBC])).toBeUndefined();
  }
});

test("V2-36: AES without key length is not chosen; each length is a transform of its own", () => {
  const rest = GOOD.slice(1);
  for (const one of [encr(Encr.AES_CBC), encr(Encr.AES_CBC, 192), encr(Encr.AES_CBC, 0)]) {
    expect(chosenIn([proposal(1, [one, ...rest])], [CBC])).toBeUndefined();
  }
  const both = [encr(Encr.AES_CBC, 192), encr(Encr.AES_CBC, 128), ...rest];
  expect(chosenIn([proposal(1, both)], [CBC])?.transforms[0]).toEqual(encr(Encr.AES_CBC, 128));
});

test("V2-36: a key length for a key of fixed length rules out the transform", () => {
  const [cipher, hash, random, group] = GOOD;
  if (cipher === undefined || hash === undefined || random === undefined) throw new Error("four");
  if (group === undefined) throw new Error("four");
  const withLength = (transform: Transform) => ({ ...transform, keyBits: 256 });
  for (const offered of [
    [cipher, withLength(hash), random, group],
    [cipher, hash, withLength(random), group],
    [cipher, hash, random, withLength(group)],
  ]) {
    expect(chosenIn([proposal(1, offered)], [CBC])).toBeUndefined();
  }
});

test("V2-37: with AEAD no integrity algorithm is chosen, even if one is offered", () => {
  const chosen = chosenIn([proposal(1, GOOD_GCM)], [GCM]);
  expect(chosen?.transforms.map(({ type }) => type)).toEqual([1, 2, 4]);
  const sha2 = integ(Integ.HMAC_SHA2_256_128);
  const marked = { ...sha2, hasUnknownAttribute: true };
  for (const beside of [[integ(0)], [sha2], [sha2, integ(0)], [integ(9_999)], [marked]]) {
    expect(chosenIn([proposal(1, [...GOOD_GCM, ...beside])], [GCM])).toEqual(chosen);
  }
});

test("V2-37: from AEAD and other encryption in one proposal either can be chosen", () => {
  const mixed = [...GOOD_GCM, encr(Encr.AES_CBC, 256), integ(Integ.HMAC_SHA2_256_128)];
  const types = (suite: Suite) =>
    chosenIn([proposal(1, mixed)], [suite])?.transforms.map(({ type }) => type);
  expect(types(GCM)).toEqual([1, 2, 4]);
  expect(types(CBC)).toEqual([1, 2, 3, 4]);
  // Without an integrity algorithm, only AEAD can be chosen.
  const without = [...GOOD_GCM, encr(Encr.AES_CBC, 256)];
  expect(chosenIn([proposal(1, without)], [CBC])).toBeUndefined();
});

test("V2-37: we offer them in separate proposals, AEAD without an integrity algorithm", () => {
  const both: Suite = { ...CBC, encr: [...CBC.encr, ...GCM.encr] };
  const offer = proposalsOf([both], { protocol: Protocol.IKE, spi: NO_SPI, withKe: true });
  const kinds = offer.map(({ transforms }) => ({
    encr: transforms.filter(({ type }) => type === TransformType.ENCR).map(({ id }) => id),
    integ: transforms.filter(({ type }) => type === TransformType.INTEG).map(({ id }) => id),
  }));
  expect(kinds).toEqual([
    { encr: [Encr.AES_GCM_16], integ: [] },
    { encr: [Encr.AES_CBC, Encr.AES_CBC], integ: [Integ.HMAC_SHA2_256_128] },
  ]);
  expect(offer.map(({ number }) => number)).toEqual([1, 2]);
});

test("V2-38: the SPI has no octets in IKE_SA_INIT, 8 in a rekey, 4 for ESP above 255", () => {
  const spi = (count: number) => new Uint8Array(count).fill(7);
  const ike = (count: number, spiOctets: 0 | 8) =>
    chooseIke([{ ...proposal(1, GOOD), spi: spi(count) }], [CBC], { spiOctets, sentKe: 31 }).ok;
  expect([ike(0, 0), ike(8, 8), ike(8, 0), ike(0, 8), ike(4, 8)]).toEqual([
    ...[true, true, false, false, false],
  ]);
  const suite = { ...CBC, prf: [], ke: [], esn: [false] };
  const esp = (octets: Uint8Array, protocol: number = Protocol.ESP) =>
    chooseEsp([{ number: 1, protocol, spi: octets, transforms: GOOD.slice(0, 2) }], [suite], {
      ...{ withKe: true, sentKe: undefined },
    }).ok;
  expect([esp(spi(4)), esp(spi(8)), esp(spi(0)), esp(Uint8Array.of(0, 0, 0, 255))]).toEqual([
    ...[true, false, false, false],
  ]);
  expect(esp(spi(4), Protocol.AH)).toBe(false);
});

function proposal(number: number, transforms: readonly Transform[]): Proposal {
  return { number, protocol: Protocol.IKE, spi: NO_SPI, transforms };
}

/** The answer; undefined: NO_PROPOSAL_CHOSEN. */
function chosenIn(offered: readonly Proposal[], suites: readonly Suite[]): Proposal | undefined {
  const chosen = chooseIke(offered, suites, { spiOctets: 0, sentKe: undefined });
  return chosen.ok ? chosenProposal(Protocol.IKE, chosen.value, NO_SPI) : undefined;
}
