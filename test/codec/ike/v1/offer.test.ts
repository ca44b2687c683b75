/** Our offers in IKEv1, and what answers to them may say (RFC 2409 §5). */

import { describe, expect, test } from "bun:test";
import type { Suite } from "../../../../src/crypto/suite.ts";
import { Encr, Integ, PrfId } from "../../../../src/crypto/transform.ts";
import {
  answerOf,
  chooseEsp,
  chooseIsakmp,
  espOffer,
  isAnswerTo,
  isakmpOffer,
} from "../../../../src/ike/v1/proposal.ts";
import {
  espOfferOf,
  espTransformOf,
  isakmpOfferOf,
  isakmpTransform,
  lifetimeAttributes,
  lifetimeOf,
} from "../../../../src/ike/v1/transform.ts";
import { authMethodName } from "../../../../src/ike/v1/transform-numbers.ts";
import { asEspSpi } from "../../../../src/inet/esp-spi.ts";
import { numberAttribute } from "../../../../src/wire/v1/attribute.ts";
import type { Attribute, Transform } from "../../../../src/wire/v1/message.ts";
import { clearAt, GOLDEN, the } from "./golden.ts";
import {
  ANY,
  EIGHT_HOURS,
  SPI,
  saOf,
  saOfProposals,
  suiteOf,
  TUNNEL,
  want,
  wantEsp,
} from "./proposals.ts";

describe("our offers", () => {
  const lifetime = { seconds: 3_600, kilobytes: 4_608_000 };

  test("each combination is a transform, best first, and our own choice accepts it", () => {
    const suites = [suiteOf("aes256-aes128-sha256-sha384-modp2048-ecp256", "ike")];
    const offer = isakmpOffer(suites, { authMethod: 1, lifetime: EIGHT_HOURS, group: undefined });
    expect(offer.proposals[0]?.transforms).toHaveLength(8);
    const [first] = (offer.proposals[0]?.transforms ?? []).map(isakmpOfferOf);
    expect(first).toEqual({
      odd: undefined,
      encr: { id: Encr.AES_CBC, keyBits: 256 },
      prf: PrfId.HMAC_SHA2_256,
      ke: 14,
      authMethod: 1,
      lifetime: EIGHT_HOURS,
    });
    const chosen = chooseIsakmp(offer, { ...want(ANY), suites });
    if (!chosen.ok) throw new Error("refused");
    expect(isAnswerTo(offer, answerOf(chosen.value))).toBe(true);
    const one = isakmpOffer(suites, { authMethod: 1, lifetime: EIGHT_HOURS, group: 19 });
    expect(one.proposals[0]?.transforms.map((t) => isakmpOfferOf(t).ke)).toEqual([19, 19, 19, 19]);
  });

  test("an offer fits a datagram", () => {
    const all = "aes256-aes192-aes128-sha512-sha384-sha256-modp2048-modp3072-modp4096-ecp256";
    const suites = [suiteOf(all, "ike")];
    const offer = isakmpOffer(suites, { authMethod: 1, lifetime: EIGHT_HOURS, group: undefined });
    expect(offer.proposals[0]?.transforms).toHaveLength(24);
  });

  test("ESP: one group in all transforms, and suites that do not allow it are left out", () => {
    const suites = [
      suiteOf("aes256gcm16-aes128gcm16-modp2048-none", "esp"),
      suiteOf("aes256-sha256-sha1-modp2048", "esp"),
      suiteOf("aes128-sha256-ecp256", "esp"),
    ];
    const pfs = espOffer(suites, { spi: SPI, group: 14, encapsulation: TUNNEL, lifetime });
    const offers = (pfs.proposals[0]?.transforms ?? []).map(espOfferOf);
    expect(offers.map(({ ke }) => ke)).toEqual([14, 14, 14, 14]);
    expect(offers[0]).toEqual({
      odd: undefined,
      encr: { id: Encr.AES_GCM_16, keyBits: 256 },
      integ: 0,
      ke: 14,
      encapsulation: TUNNEL,
      lifetime,
    });
    const without = espOffer(suites, { spi: SPI, group: 0, encapsulation: TUNNEL, lifetime });
    expect(without.proposals[0]?.transforms).toHaveLength(2);
    const chosen = chooseEsp(pfs, { ...wantEsp(), suites, keOctets: 256 });
    if (!chosen.ok) throw new Error("refused");
    expect(isAnswerTo(pfs, answerOf(chosen.value, asEspSpi(9_999)))).toBe(true);
  });

  test("what IKEv1 has no number for is not offered", () => {
    const lifetime = EIGHT_HOURS;
    const chacha = { id: Encr.CHACHA20_POLY1305, keyBits: undefined };
    expect(isakmpTransform(1, { encr: chacha, prf: 5, ke: 14, authMethod: 1, lifetime })).toBe(
      undefined,
    );
    const cbc = { id: Encr.AES_CBC, keyBits: 128 };
    const cmac = { encr: cbc, integ: Integ.AES_CMAC_96, ke: 0, encapsulation: 1, lifetime };
    expect(espTransformOf(1, cmac)).toBeUndefined();
  });
});

describe("an answer to our offer", () => {
  const suites = [suiteOf("aes256-aes128-sha256-modp2048", "ike")];
  const offer = isakmpOffer(suites, { authMethod: 1, lifetime: EIGHT_HOURS, group: undefined });
  const [first, second] = offer.proposals[0]?.transforms ?? [];
  if (first === undefined || second === undefined) throw new Error("two transforms");
  const answer = (...transforms: readonly Transform[]) => isAnswerTo(offer, saOf(transforms));

  test("is one of the transforms, in any order and form, and under any number", () => {
    expect(answer(first)).toBe(true);
    expect(answer(second)).toBe(true);
    expect(answer({ ...second, number: 9, attributes: lifeLast(second) })).toBe(true);
    const long = first.attributes.map((one) =>
      one.form === "TV" && one.type === 1
        ? ({ type: 1, form: "TLV", octets: Uint8Array.of(0, 7) } as const)
        : one,
    );
    expect(answer({ ...first, attributes: long })).toBe(true);
  });

  test("is refused with a changed, added or missing attribute, or with two transforms", () => {
    const changed = first.attributes.map((one) =>
      one.type === 14 ? numberAttribute(14, 192) : one,
    );
    expect(answer({ ...first, attributes: changed })).toBe(false);
    const [, ...fewer] = first.attributes;
    expect(answer({ ...first, attributes: fewer })).toBe(false);
    expect(answer({ ...first, attributes: [...first.attributes, numberAttribute(13, 1)] })).toBe(
      false,
    );
    const longer = first.attributes.map((one) => (one.type === 12 ? numberAttribute(12, 1) : one));
    expect(answer({ ...first, attributes: longer })).toBe(false);
    expect(answer(first, second)).toBe(false);
    expect(answer()).toBe(false);
    expect(isAnswerTo(offer, saOfProposals([]))).toBe(false);
  });

  /** The two attributes of the lifetime last, the others backwards. */
  function lifeLast({ attributes: all }: Transform): readonly Attribute[] {
    const isLife = ({ type }: Attribute) => type === 11 || type === 12;
    return [...all.filter((one) => !isLife(one)).toReversed(), ...all.filter(isLife)];
  }
});

test("the offers and answers of recorded handshakes are understood", () => {
  for (const [golden, algorithms] of GOLDEN) {
    const offer = the("SA", clearAt(golden, 0));
    const answer = the("SA", clearAt(golden, 1));
    const { id, keyBits } = algorithms.encr;
    const suite: Suite = {
      ...{ encr: [{ id, keyBits }], prf: [algorithms.prf.id], ke: [algorithms.ke], esn: [] },
      integ: [Integ.HMAC_SHA2_256_128, Integ.HMAC_SHA1_96, Integ.HMAC_MD5_96],
    };
    const chosen = chooseIsakmp(offer, { ...want(ANY), suites: [suite] });
    if (!chosen.ok) throw new Error(JSON.stringify(chosen.error));
    expect(chosen.value.algorithms).toEqual(algorithms);
    expect(isAnswerTo(offer, answer)).toBe(true);
    expect(answerOf(chosen.value).proposals[0]?.transforms).toEqual(
      answer.proposals[0]?.transforms ?? [],
    );
  }
});

test("a lifetime as RESPONDER-LIFETIME has it", () => {
  const lifetime = { seconds: 3_600, kilobytes: 32_768 };
  expect(lifetimeOf(lifetimeAttributes(lifetime))).toEqual(lifetime);
  expect(lifetimeAttributes(lifetime).map(({ type }) => type)).toEqual([1, 2, 1, 2]);
});

test("methods have names for people", () => {
  expect(authMethodName(65001)).toBe("pre-shared key with XAUTH");
  expect(authMethodName(99)).toBe("authentication method 99");
});
