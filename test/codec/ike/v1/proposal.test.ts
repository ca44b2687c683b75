/** Choosing algorithms in IKEv1 (RFC 2409 §5, RFC 2407 §4.5). */

import { describe, expect, test } from "bun:test";
import { answerOf, chooseEsp, chooseIsakmp, groupsOf } from "../../../../src/ike/v1/proposal.ts";
import { AuthMethod, encapsulationMode } from "../../../../src/ike/v1/transform-numbers.ts";
import { asEspSpi } from "../../../../src/inet/esp-spi.ts";
import { numberAttribute } from "../../../../src/wire/v1/attribute.ts";
import { type Attribute, Protocol, type SaPayload } from "../../../../src/wire/v1/message.ts";
import {
  ANY,
  attributes,
  decidedOf,
  EIGHT_HOURS,
  esp,
  isakmp,
  numberOf,
  refusalOf,
  SPI,
  saOf,
  saOfProposals,
  suiteOf,
  transformOf,
  WEAK,
  WEAK_ESP,
  want,
  wantEsp,
} from "./proposals.ts";

describe("choosing for an ISAKMP SA", () => {
  test("the order of the suites decides, whatever the order of the offer", () => {
    const offer = isakmp([
      [7, 2, 1, 14, 256],
      [7, 4, 1, 14, 128],
      [7, 4, 1, 14, 256],
    ]);
    expect(numberOf(chooseIsakmp(offer, want("aes256-sha256-modp2048")))).toBe(3);
    expect(numberOf(chooseIsakmp(offer, want("aes128-aes256-sha256-modp2048")))).toBe(2);
    const both = want("aes256-sha1-modp2048", "aes256-sha256-modp2048");
    expect(numberOf(chooseIsakmp(offer, both))).toBe(1);
  });

  test("exactly one proposal with one transform comes back, its attributes unchanged", () => {
    const odd: Attribute[] = [
      numberAttribute(14, 256),
      { type: 11, form: "TLV", octets: Uint8Array.of(0, 1) },
      { type: 12, form: "TLV", octets: Uint8Array.of(0, 0, 0x70, 0x80) },
      numberAttribute(4, 14),
      { type: 2, form: "TLV", octets: Uint8Array.of(4) },
      numberAttribute(3, 1),
      numberAttribute(1, 7),
    ];
    const own = { number: 7, id: 1, attributes: odd };
    const chosen = chooseIsakmp(saOf([transformOf([5, 2, 1, 2]), own]), want(ANY));
    if (!chosen.ok) throw new Error("refused");
    expect(chosen.value.lifetime).toEqual(EIGHT_HOURS);
    const answer = answerOf(chosen.value);
    expect(answer.proposals).toHaveLength(1);
    expect(answer.proposals[0]?.transforms).toEqual([own]);
    expect(answer.proposals[0]?.number).toBe(1);
  });

  test("AES without a key length has 128 bits", () => {
    const chosen = chooseIsakmp(isakmp([[7, 4, 1, 14]]), want("aes128-sha256-modp2048"));
    expect(chosen.ok && chosen.value.algorithms.encr.name).toBe("AES_CBC_128");
    expect(chooseIsakmp(isakmp([[7, 4, 1, 14]]), want(ANY)).ok).toBe(false);
  });

  test("attributes in any order, as KEY_LENGTH before the cipher, come back in that order", () => {
    const own = attributes([14, 256], [4, 14], [1, 7], [3, 1], [2, 4]);
    const chosen = chooseIsakmp(saOf([{ number: 1, id: 1, attributes: own }]), want(ANY));
    if (!chosen.ok) throw new Error(chosen.error.kind);
    expect(chosen.value.algorithms.encr.name).toBe("AES_CBC_256");
    expect(answerOf(chosen.value).proposals[0]?.transforms[0]?.attributes).toEqual(own);
  });

  test("in Aggressive Mode only the group of the KE payload counts", () => {
    const offer = isakmp([
      [7, 4, 1, 14, 256],
      [7, 4, 1, 19, 256],
      [7, 4, 1, 15, 256],
    ]);
    const all = "aes256-sha256-modp2048-ecp256-modp3072";
    expect(numberOf(chooseIsakmp(offer, want(all)))).toBe(1);
    const group = (octets: number) => chooseIsakmp(offer, { ...want(all), keOctets: octets });
    expect(numberOf(group(256))).toBe(1);
    expect(numberOf(group(64))).toBe(2);
    expect(numberOf(group(384))).toBe(3);
    expect(decidedOf(group(128))).toContain("a group with 128 octets, which is what it sent");
  });

  test("our order of authentication methods goes first", () => {
    const offer = isakmp([
      [7, 4, 1, 14, 256],
      [7, 4, 65001, 14, 256],
    ]);
    const methods = [AuthMethod.XAUTH_INIT_PRE_SHARED, AuthMethod.PRE_SHARED_KEY];
    const chosen = chooseIsakmp(offer, { ...want(ANY), authMethods: methods });
    expect(chosen.ok && chosen.value.authMethod).toBe(65001);
    expect(numberOf(chooseIsakmp(offer, want(ANY)))).toBe(1);
    const rsa = { ...want(ANY), authMethods: [AuthMethod.RSA_SIGNATURES] };
    expect(decidedOf(chooseIsakmp(offer, rsa))).toBe(
      "no common authentication: the site offers pre-shared key, configured: RSA signatures",
    );
  });

  test("3DES, MD5 and SHA-1 with small groups, where the suites have them", () => {
    const chosen = chooseIsakmp(isakmp([[5, 1, 1, 2]]), { ...want(ANY), suites: [WEAK] });
    if (!chosen.ok) throw new Error("refused");
    const { encr, prf, ke } = chosen.value.algorithms;
    expect([encr.name, prf.name, ke]).toEqual(["3DES", "PRF_HMAC_MD5", 2]);
  });

  test("AEADs, X25519 and ML-KEM are left out of what IKEv1 can have", () => {
    const offer = isakmp([[7, 4, 1, 31, 256]]);
    expect(chooseIsakmp(offer, want("aes256-sha256-x25519")).ok).toBe(false);
    expect(decidedOf(chooseIsakmp(offer, want("aes256gcm16-prfsha256-modp2048")))).toContain(
      "no configured proposal can be used with IKEv1",
    );
    expect(groupsOf([suiteOf("aes256-sha256-x25519-ecp256-modp2048", "ike")])).toEqual([19, 14]);
  });
});

describe("what rejects a transform", () => {
  const good = attributes([1, 7], [14, 256], [2, 4], [3, 1], [4, 14]);
  const chosen = (...more: readonly Attribute[]) =>
    chooseIsakmp(saOf([{ number: 1, id: 1, attributes: [...good, ...more] }]), want(ANY));

  test("nothing: it is chosen", () => {
    expect(chosen().ok).toBe(true);
    expect(chosen(...attributes([11, 1], [12, 3600], [11, 2], [12, 4096])).ok).toBe(true);
  });

  test("an attribute that is not known", () => {
    expect(decidedOf(chosen(numberAttribute(13, 1)))).toContain("with attribute 13=1");
    const long = { type: 6, form: "TLV", octets: new Uint8Array(96).fill(7) } as const;
    expect(decidedOf(chosen(long))).toContain("with attribute 6 of 96 octets");
  });

  test("an attribute that is there twice", () => {
    expect(decidedOf(chosen(numberAttribute(2, 4)))).toContain("with attribute 2 twice");
  });

  test("a life duration before its type, two of one type, and an unknown type", () => {
    expect(decidedOf(chosen(numberAttribute(12, 9)))).toContain("a life duration before its type");
    const twice = attributes([11, 1], [12, 3600], [11, 1], [12, 7200]);
    expect(decidedOf(chosen(...twice))).toContain("two durations of life type 1");
    expect(decidedOf(chosen(...attributes([11, 9])))).toContain("with life type 9");
  });

  test("an attribute that is missing, and another transform than KEY_IKE", () => {
    const without = good.filter(({ type }) => type !== 3);
    const sa = saOf([{ number: 1, id: 1, attributes: without }]);
    expect(decidedOf(chooseIsakmp(sa, want(ANY)))).toContain("one lacks attribute 3");
    const other = saOf([{ number: 1, id: 2, attributes: good }]);
    expect(decidedOf(chooseIsakmp(other, want(ANY)))).toContain("one transform 2");
  });
});

describe("the words of a refusal", () => {
  test("both sides, what decided, and that old algorithms need permission", () => {
    const refusal = refusalOf(chooseIsakmp(isakmp([[5, 2, 1, 2]]), want(ANY)));
    expect(refusal).toEqual({
      kind: "no-proposal-chosen",
      decided:
        "no common encryption: the site offers 3DES, configured: AES_CBC_256; " +
        "no common PRF: the site offers PRF_HMAC_SHA1, configured: PRF_HMAC_SHA2_256; " +
        "no common key exchange: the site offers MODP_1024, configured: MODP_2048; " +
        "3DES, PRF_HMAC_SHA1, MODP_1024: weak, " +
        'accepted only where "legacy" of the eroute allows it',
      offered: ["3DES/PRF_HMAC_SHA1/MODP_1024 with pre-shared key"],
      wanted: ["AES_CBC_256/PRF_HMAC_SHA2_256/MODP_2048"],
    });
  });

  test("the nearest transform leads, and long lists are cut", () => {
    const many = Array.from({ length: 40 }, () => [1, 1, 1, 1] as const);
    const refusal = refusalOf(chooseIsakmp(isakmp([...many, [7, 5, 1, 14, 256]]), want(ANY)));
    expect(refusal.decided).toBe(
      "no common PRF: the site offers PRF_HMAC_SHA2_384, configured: PRF_HMAC_SHA2_256",
    );
    expect(refusal.offered).toEqual([
      "AES_CBC_256/PRF_HMAC_SHA2_384/MODP_2048 with pre-shared key",
      "DES/PRF_HMAC_MD5/MODP_768 with pre-shared key",
      "and 26 more",
    ]);
  });

  test("another DOI, another situation, another protocol, and nothing", () => {
    const sa = isakmp([[7, 4, 1, 14, 256]]);
    const decided = (one: SaPayload) => decidedOf(chooseIsakmp(one, want(ANY)));
    expect(decided({ ...sa, doi: 2, proposals: [] })).toBe(
      "the site's DOI is 2, needed is 1 (IPsec)",
    );
    expect(decided({ ...sa, situation: 3, proposals: [] })).toContain("situation is 3");
    expect(decided(esp([[12, attributes([4, 1])]]))).toBe("the site offers ESP, needed is ISAKMP");
    expect(decided({ ...sa, proposals: [] })).toBe("the site offers nothing, needed is ISAKMP");
  });

  test("the longest offer with many suites is refused within milliseconds", () => {
    const transforms = Array.from({ length: 1_024 }, () => [6, 3, 9, 1, 40] as const);
    const suites = Array.from({ length: 32 }, () => suiteOf(ANY, "ike"));
    const [offer, wanted] = [isakmp(transforms), { ...want(ANY), suites }];
    const times = Array.from({ length: 20 }, () => {
      const before = performance.now();
      expect(chooseIsakmp(offer, wanted).ok).toBe(false);
      return performance.now() - before;
    });
    // The machine may be busy, but not each time.
    expect(Math.min(...times)).toBeLessThan(5);
  });
});

describe("choosing for an IPsec SA", () => {
  const sha256 = attributes([4, 1], [5, 5], [6, 256]);

  test("AES-CBC with SHA2-256, and the peer's SPI", () => {
    const chosen = chooseEsp(esp([[12, sha256]]), wantEsp("aes256-sha256"));
    if (!chosen.ok) throw new Error("refused");
    const { algorithms, spi, encapsulation } = chosen.value;
    expect(algorithms.encr.name).toBe("AES_CBC_256");
    expect(algorithms.integ).toMatchObject({ name: "HMAC_SHA2_256_128", icvOctets: 16 });
    expect([spi, encapsulation, algorithms.ke, algorithms.esn]).toEqual([SPI, 1, 0, false]);
    const own = asEspSpi(0x12345678);
    const [answer] = answerOf(chosen.value, own).proposals;
    expect(answer?.spi).toEqual(Uint8Array.of(0x12, 0x34, 0x56, 0x78));
    expect(answer?.transforms[0]?.attributes).toEqual(sha256);
  });

  test("AES-GCM without authentication algorithm; 3DES and MD5 where the suites have them", () => {
    const gcm = chooseEsp(esp([[20, attributes([4, 1], [6, 256])]]), wantEsp("aes256gcm16"));
    expect(gcm.ok && gcm.value.algorithms.integ).toBeUndefined();
    expect(gcm.ok && gcm.value.algorithms.encr.name).toBe("AES_GCM_16_256");
    const old = esp([[3, attributes([4, 1], [5, 1])]]);
    const weak = chooseEsp(old, { ...wantEsp("aes256gcm16"), suites: [WEAK_ESP] });
    expect(weak.ok && weak.value.algorithms.encr.name).toBe("3DES");
    expect(weak.ok && weak.value.algorithms.integ?.name).toBe("HMAC_MD5_96");
    expect(decidedOf(chooseEsp(old, wantEsp("aes256-sha256")))).toContain(
      "3DES, HMAC_MD5_96: weak",
    );
  });

  test("SHA2-256 with 96 bits only where it is asked for", () => {
    const short = { ...wantEsp("aes256-sha256"), isSha256Short: true };
    const chosen = chooseEsp(esp([[12, sha256]]), short);
    expect(chosen.ok && chosen.value.algorithms.integ).toMatchObject({
      name: "HMAC_SHA2_256_96",
      keyOctets: 32,
      icvOctets: 12,
    });
  });

  test("the encapsulation mode has to fit the NAT, and RFC and draft never mix", () => {
    const natT = (mode: number, udp: "none" | "rfc" | "draft") =>
      chooseEsp(esp([[12, attributes([4, mode], [5, 5], [6, 256])]]), {
        ...wantEsp("aes256-sha256"),
        encapsulations: [encapsulationMode("tunnel", udp), encapsulationMode("transport", udp)],
      });
    expect(natT(3, "rfc").ok).toBe(true);
    expect(natT(61443, "draft").ok).toBe(true);
    expect(natT(61444, "draft").ok && natT(2, "none").ok && natT(4, "rfc").ok).toBe(true);
    expect(decidedOf(natT(1, "rfc"))).toBe(
      "no common mode: the site offers tunnel mode, configured: tunnel mode in UDP, " +
        "transport mode in UDP",
    );
    expect(natT(3, "draft").ok).toBe(false);
    expect(natT(61443, "rfc").ok).toBe(false);
    const without = esp([[12, attributes([5, 5], [6, 256])]]);
    expect(decidedOf(chooseEsp(without, wantEsp("aes256-sha256")))).toContain(
      "no encapsulation mode",
    );
  });

  test("perfect forward secrecy: the group has to be that of the KE payload", () => {
    const withGroup = esp([[12, [...sha256, numberAttribute(3, 14)]]]);
    const [pfs, optional] = [
      wantEsp("aes256-sha256-modp2048"),
      wantEsp("aes256-sha256-modp2048-none"),
    ];
    const chosen = chooseEsp(withGroup, { ...pfs, keOctets: 256 });
    expect(chosen.ok && chosen.value.algorithms.ke).toBe(14);
    expect(chooseEsp(withGroup, pfs).ok).toBe(false);
    expect(chooseEsp(withGroup, { ...pfs, keOctets: 128 }).ok).toBe(false);
    expect(chooseEsp(withGroup, { ...wantEsp("aes256-sha256"), keOctets: 256 }).ok).toBe(false);
    const without = esp([[12, sha256]]);
    expect(chooseEsp(without, pfs).ok).toBe(false);
    expect(chooseEsp(without, optional).ok).toBe(true);
    expect(chooseEsp(without, { ...optional, keOctets: 256 }).ok).toBe(false);
  });

  test("proposals of several protocols together, or with a reserved SPI, are left out", () => {
    const [alone] = esp([[12, sha256]]).proposals;
    if (alone === undefined) throw new Error("none");
    const compression = { ...alone, protocol: Protocol.IPCOMP, spi: new Uint8Array(2) };
    const both = saOfProposals([alone, compression, { ...alone, number: 2 }]);
    const chosen = chooseEsp(both, wantEsp("aes256-sha256"));
    expect(chosen.ok && chosen.value.proposal.number).toBe(2);
    const reserved = saOfProposals([{ ...alone, spi: Uint8Array.of(0, 0, 0, 255) }]);
    expect(decidedOf(chooseEsp(reserved, wantEsp("aes256-sha256")))).toContain("SPI is not valid");
  });

  test("suites that insist on extended sequence numbers are left out", () => {
    expect(chooseEsp(esp([[12, sha256]]), wantEsp("aes256-sha256-esn")).ok).toBe(false);
  });
});
