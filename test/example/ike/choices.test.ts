/** Choices that are remembered: by offer, suite and wish; none that depends on tries left. */

import { expect, test } from "bun:test";
import type { Suite } from "../../../src/crypto/suite.ts";
import { Encr, Integ, Ke, PrfId, TransformType } from "../../../src/crypto/transform.ts";
import type { Want } from "../../../src/ike/v2/additional.ts";
import { type Choice, type Choices, choiceOf, offeredOf } from "../../../src/ike/v2/choices.ts";
import { chooseIke } from "../../../src/ike/v2/proposal.ts";
import { Protocol, type Transform } from "../../../src/wire/v2/message.ts";
import { transformOf } from "../../simulation/site-messages.ts";

const TRANSFORMS: readonly Transform[] = [
  transformOf(TransformType.ENCR, Encr.AES_GCM_16, 256),
  transformOf(TransformType.PRF, PrfId.HMAC_SHA2_256),
  transformOf(TransformType.KE, Ke.ECP_256),
  transformOf(TransformType.KE, Ke.X25519),
];
const SUITE: Suite = {
  encr: [{ id: Encr.AES_GCM_16, keyBits: 256 }],
  ...{ prf: [PrfId.HMAC_SHA2_256], integ: [], ke: [Ke.X25519, Ke.ECP_256], esn: [] },
};

const choose = (transforms: readonly Transform[], suite: Suite, sentKe: number | undefined) => {
  const spi = new Uint8Array(0);
  const offer = [{ number: 1, protocol: Protocol.IKE, spi, transforms }];
  const chosen = chooseIke(offer, [suite], { spiOctets: 0, sentKe });
  return chosen.ok ? chosen.value : undefined;
};

test("sites with the same offer share their algorithms", () => {
  const first = choose(TRANSFORMS, SUITE, Ke.X25519);
  expect(first?.choice.ke).toBe(Ke.X25519);
  expect(choose(TRANSFORMS, SUITE, Ke.X25519)?.algorithms).toBe(first?.algorithms);
});

test("another public value, another suite, another offer: another choice", () => {
  choose(TRANSFORMS, SUITE, Ke.X25519);
  expect(choose(TRANSFORMS, SUITE, Ke.ECP_256)?.choice.ke).toBe(Ke.ECP_256);
  expect(choose(TRANSFORMS, { ...SUITE, ke: [Ke.ECP_256] }, Ke.X25519)?.choice.ke).toBe(Ke.ECP_256);
  expect(choose(TRANSFORMS.slice(0, 3), SUITE, Ke.X25519)?.choice.ke).toBe(Ke.ECP_256);
  expect(choose(TRANSFORMS.slice(0, 2), SUITE, Ke.X25519)).toBeUndefined();
});

test("the same transforms are no offer for IKE if one of them belongs to ESP", () => {
  const esn = [...TRANSFORMS, transformOf(TransformType.ESN, 1)];
  expect(offeredOf(esn, true)).toBeUndefined();
  expect(offeredOf(esn, true)).toBeUndefined();
  expect(offeredOf(esn, false)).toBeUndefined(); // it has a PRF
  const esp = [TRANSFORMS[0], transformOf(TransformType.ESN, 1)].filter((t) => t !== undefined);
  expect(offeredOf(esp, false)?.size).toBe(2);
  expect(offeredOf(esp, true)).toBeUndefined();
});

/** Chooses through a table of its own, and says how often it had to. */
function counting() {
  const choices: Choices<string> = new WeakMap();
  const offered = offeredOf(TRANSFORMS, true) ?? new Map();
  let times = 0;
  const ask = (want: Want, takes: number, made: Choice<string> | undefined) => {
    const tries = { left: 10 };
    return choiceOf(choices, offered, SUITE, { want, tries }, () => {
      times++;
      tries.left -= takes;
      return made;
    });
  };
  return { ask, times: () => times };
}

const WANT: Want = { kind: "ike", sentKe: undefined, withAdditional: true };
const integ = Integ.NONE;
const MADE: Choice<string> = {
  choice: { encr: { id: 20, keyBits: 256 }, integ, prf: 5, ke: 31, esn: false },
  algorithms: "",
};

test("a choice is made once, also if there is none", () => {
  for (const made of [MADE, undefined]) {
    const { ask, times } = counting();
    expect([ask(WANT, 0, made), ask({ ...WANT }, 0, made)]).toEqual([made, made]);
    expect(times()).toBe(1);
    ask({ ...WANT, withAdditional: false }, 0, made);
    ask({ ...WANT, sentKe: Ke.X25519 }, 0, made);
    expect(times()).toBe(3);
  }
});

test("a choice that took tries is made again: with fewer left it may be another one", () => {
  const { ask, times } = counting();
  ask(WANT, 1, MADE);
  ask(WANT, 1, MADE);
  expect(times()).toBe(2);
});

test("strangers with many wishes are not remembered", () => {
  const { ask, times } = counting();
  for (let sentKe = 0; sentKe < 100; sentKe++) ask({ ...WANT, sentKe }, 0, MADE);
  ask({ ...WANT, sentKe: 99 }, 0, MADE);
  expect(times()).toBe(101);
});
