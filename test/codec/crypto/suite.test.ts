/** Names of transforms and the notation of suites: what is read, written, refused. */

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { DEFAULT_ESP_SUITES, DEFAULT_IKE_SUITES } from "../../../src/crypto/default-suites.ts";
import { encryptionFor } from "../../../src/crypto/encryption.ts";
import { integrityFor } from "../../../src/crypto/integrity.ts";
import { keyExchangeFor } from "../../../src/crypto/key-exchange.ts";
import {
  suiteText,
  transformName,
  transformNamed,
  transformsText,
} from "../../../src/crypto/names.ts";
import { prfFor } from "../../../src/crypto/prf.ts";
import type { Suite } from "../../../src/crypto/suite.ts";
import { formatSuite, parseSuite, usesSha1 } from "../../../src/crypto/suite-notation.ts";
import { TransformType } from "../../../src/crypto/transform.ts";

function read(text: string, kind: "ike" | "esp"): Suite {
  const result = parseSuite(text, kind);
  if (!result.ok) throw new Error(result.error);
  return result.value;
}

describe("reading", () => {
  test.each([
    ["aes256gcm16-prfsha384-ecp384", "AES_GCM_16_256/PRF_HMAC_SHA2_384/ECP_384"],
    ["aes128-sha256-modp2048", "AES_CBC_128/HMAC_SHA2_256_128/PRF_HMAC_SHA2_256/MODP_2048"],
    ["aes-sha1-modp4096", "AES_CBC_128/HMAC_SHA1_96/PRF_HMAC_SHA1/MODP_4096"],
    [
      "aes128gcm16-aes256gcm16-prfsha256-x25519-ecp256",
      "AES_GCM_16_128/AES_GCM_16_256/PRF_HMAC_SHA2_256/X25519/ECP_256",
    ],
    [
      "AES192-SHA2_512-PRFSHA384-CURVE25519",
      "AES_CBC_192/HMAC_SHA2_512_256/PRF_HMAC_SHA2_384/X25519",
    ],
    ["aes128gcm16-prfsha256-mlkem768", "AES_GCM_16_128/PRF_HMAC_SHA2_256/ML_KEM_768"],
    [
      "aes128gcm16-prfsha256-ke1_mlkem768-x25519-ke1_none-ke2_mlkem1024",
      "AES_GCM_16_128/PRF_HMAC_SHA2_256/X25519/ADDKE1_ML_KEM_768/ADDKE1_NONE/ADDKE2_ML_KEM_1024",
    ],
  ])("IKE %s", (text, names) => {
    expect(suiteText(read(text, "ike"))).toBe(names);
  });

  test.each([
    ["aes256gcm16", "AES_GCM_16_256/ESN/NO_ESN"],
    ["chacha20poly1305-aes256gcm16", "CHACHA20_POLY1305/AES_GCM_16_256/ESN/NO_ESN"],
    ["aes128gcm128-noesn", "AES_GCM_16_128/NO_ESN"],
    ["aes128-sha256-ecp256-esn-noesn", "AES_CBC_128/HMAC_SHA2_256_128/ECP_256/ESN/NO_ESN"],
    ["aes192gcm16-modp3072-none-esn", "AES_GCM_16_192/MODP_3072/NONE/ESN"],
    ["aes128gcm16-x25519-ke1_mlkem512-esn", "AES_GCM_16_128/X25519/ESN/ADDKE1_ML_KEM_512"],
  ])("ESP %s", (text, names) => {
    expect(suiteText(read(text, "esp"))).toBe(names);
  });
});

describe("refusing", () => {
  test.each([
    ["", "a keyword is missing"],
    ["aes256gcm16--x25519", "a keyword is missing"],
    ["aes265-sha256-x25519", '"aes265" is no known keyword, did you mean "aes256"?'],
    ["aes256-sah256-x25519", 'did you mean "sha256"?'],
    ["aes256-sha256-modp2084", 'did you mean "modp2048"?'],
    ["aes256-sha256-zzzzzzzzzzzzzzzz", '"zzzzzzzzzzzzzzzz" is no known keyword'],
    ["aes256-sha256-modp1024", '"modp1024" is too weak'],
    ["aes256ctr-sha256-x25519", '"aes256ctr" is not built in'],
    ["chacha20poly1305-x25519", "ChaCha20-Poly1305 needs a PRF"],
    ["chacha20poly1305-sha256-x25519", "ChaCha20-Poly1305 needs no integrity algorithm"],
    ["aes256-chacha20poly1305-sha256-x25519", "cannot be in one proposal"],
    ["sha256-x25519", "no encryption algorithm"],
    ["aes256-x25519", "AES-CBC needs an integrity algorithm"],
    ["aes256gcm16-x25519", "AES-GCM needs a PRF"],
    ["aes256gcm16-sha256-x25519", 'as PRF: "prfsha256"'],
    ["aes256-aes256gcm16-sha256-x25519", "cannot be in one proposal"],
    ["aes256-sha256", "IKE needs a key exchange"],
    ["aes256-sha256-none", "IKE always needs a key exchange"],
    ["aes256-sha256-x25519-esn", "only ESP"],
    ["aes256-aes256-sha256-x25519", '"aes256" is there twice'],
    ["aes-aes128-sha256-x25519", '"aes128" is there twice'],
    ["aes256-sha256-x25519-ke8_mlkem768", 'numbered from "ke1_" to "ke7_"'],
    ["aes256-sha256-x25519-ke0_mlkem768", 'numbered from "ke1_" to "ke7_"'],
    [
      "aes256-sha256-x25519-ke1_mlkem786",
      '"mlkem786" is no known keyword, did you mean "mlkem768"?',
    ],
    ["aes256-sha256-x25519-ke1_modp1024", '"modp1024" is too weak'],
    ["aes256-sha256-x25519-ke1_sha512", '"sha512" is no key exchange, for example "ke1_mlkem768"'],
    ["aes256-sha256-x25519-ke2_mlkem768", '"ke2_" needs "ke1_"'],
    ["aes256-sha256-x25519-ke1_none", '"ke1_none" makes another method optional'],
    ["aes256-sha256-x25519-ke1_x25519", "needs a method of its own"],
    ["aes256-sha256-x25519-ke1_mlkem768-ke2_mlkem768", "needs a method of its own"],
    ["aes256-sha256-x25519-ke1_mlkem768-ke1_mlkem768", '"ke1_mlkem768" is there twice'],
    ["aes256-sha256-ke1_mlkem768", "IKE needs a key exchange"],
    ["aes256-sha256-x25519,aes128-sha256-x25519", "one proposal only"],
  ])("IKE %p", (text, why) => {
    const result = parseSuite(text, "ike");
    expect(result.ok ? "accepted" : result.error).toContain(why);
  });

  test.each([
    ["x25519", "no encryption algorithm"],
    ["aes256gcm16-prfsha256", '"prfsha256": ESP has no PRF'],
    ["aes256gcm16-sha256", "AES-GCM needs no integrity algorithm"],
    ["aes256gcm16-none-ke1_mlkem768", '"ke1_" follows a first key exchange'],
    ["aes256gcm16-ke1_mlkem768", '"ke1_" follows a first key exchange'],
    ["aes256-noesn", "AES-CBC needs an integrity algorithm"],
  ])("ESP %p", (text, why) => {
    const result = parseSuite(text, "esp");
    expect(result.ok ? "accepted" : result.error).toContain(why);
  });

  test("any text is read or refused, never thrown at", () => {
    fc.assert(fc.property(fc.string(), (text) => void parseSuite(text, "ike")));
  });
});

const some = <T>(...from: T[]) => fc.shuffledSubarray(from, { minLength: 1 });
const keyBits = some(128, 192, 256);
const ike = fc.record({
  encr: fc.tuple(fc.constantFrom(12, 20), keyBits).map(([id, all]) => encr(id, all)),
  prf: some(2, 5, 6, 7),
  integ: some(2, 12, 13, 14),
  ke: some(14, 15, 16, 19, 20, 21, 31),
  // Each has methods of its own, and may be optional.
  additional: fc.constantFrom([[36]], [[36, 35, 0]], [[0, 37], [36], [35]]),
});
const withoutAdditional = (suite: Suite): Suite => {
  const { encr, prf, integ, ke, esn } = suite;
  return ke.some((id) => id !== 0) ? suite : { encr, prf, integ, ke, esn };
};
const pfs = fc.shuffledSubarray([0, 14, 15, 16, 19, 20, 21, 31]);

test("notation that was written is read back to the same IKE suite", () => {
  const suites = ike.map((s): Suite => ({ ...s, integ: isAead(s) ? [] : s.integ, esn: [] }));
  fc.assert(
    fc.property(suites, (suite) => {
      expect(read(formatSuite(suite, "ike"), "ike")).toEqual(suite);
    }),
  );
});

test("notation that was written is read back to the same ESP suite", () => {
  const suites = fc
    .tuple(ike, pfs, some(true, false))
    .map(([s, ke, esn]): Suite => ({ ...s, prf: [], integ: isAead(s) ? [] : s.integ, ke, esn }))
    .map(withoutAdditional);
  fc.assert(
    fc.property(suites, (suite) => {
      expect(read(formatSuite(suite, "esp"), "esp")).toEqual(suite);
    }),
  );
});

test("a PRF that follows from the integrity algorithm is not written out", () => {
  const text = "aes256-aes128-sha256-sha384-x25519";
  expect(formatSuite(read(text, "ike"), "ike")).toBe(text);
  expect(formatSuite(read("aes256-sha256-prfsha256-ecp256", "ike"), "ike")).toBe(
    "aes256-sha256-ecp256",
  );
});

test("SHA-1 is noticed, so that a warning can be given", () => {
  expect(usesSha1(read("aes128-sha1-modp2048", "ike"))).toBe(true);
  expect(usesSha1(read("aes128gcm16-prfsha1-x25519", "ike"))).toBe(true);
  expect(usesSha1(read("aes128-sha1", "esp"))).toBe(true);
  expect(usesSha1(read("aes128-sha256-x25519", "ike"))).toBe(false);
});

test("the default suites can be written, are built in, and contain no SHA-1", () => {
  for (const suite of [...DEFAULT_IKE_SUITES, ...DEFAULT_ESP_SUITES]) {
    const kind = DEFAULT_IKE_SUITES.includes(suite) ? "ike" : "esp";
    expect(read(formatSuite(suite, kind), kind)).toEqual(suite);
    expect(usesSha1(suite)).toBe(false);
    expect(suite.encr.map((e) => encryptionFor(e.id, e.keyBits))).not.toContain(undefined);
    expect(suite.integ.map(integrityFor)).not.toContain(undefined);
    expect(suite.prf.map(prfFor)).not.toContain(undefined);
    expect(suite.ke.filter((id) => id !== 0).map(keyExchangeFor)).not.toContain(undefined);
  }
});

test("transforms have their common names; unknown numbers are shown", () => {
  expect(transformName(TransformType.ENCR, 20, 256)).toBe("AES_GCM_16_256");
  expect(transformName(TransformType.ENCR, 28, undefined)).toBe("CHACHA20_POLY1305");
  expect(transformName(TransformType.KE, 2, undefined)).toBe("MODP_1024");
  expect(transformName(TransformType.ENCR, 99, undefined)).toBe("ENCR_99");
  expect(transformName(TransformType.KE, 1025, undefined)).toBe("KE_1025");
  expect(transformName(6, 36, undefined)).toBe("ADDKE1_ML_KEM_768");
  expect(transformName(13, 1, undefined)).toBe("TRANSFORM_13_1");
  for (const type of [1, 2, 3, 4]) {
    for (let id = type === 3 ? 1 : 0; id < 50; id++) {
      const name = transformName(type, id, type === 1 ? 256 : undefined);
      const keyBits = type === 1 ? 256 : undefined;
      expect(transformNamed(name)).toEqual({ type, id, keyBits });
    }
  }
  expect(transformNamed("NO_ESN")).toEqual({ type: 5, id: 0, keyBits: undefined });
  expect(transformNamed("toString")).toBeUndefined();
  expect(
    transformsText([
      { type: TransformType.ENCR, id: 12, keyBits: 128 },
      { type: TransformType.ESN, id: 0, keyBits: undefined },
    ]),
  ).toBe("AES_CBC_128/NO_ESN");
});

function encr(id: number, all: readonly number[]): Suite["encr"] {
  return all.map((bits) => ({ id, keyBits: bits }));
}

function isAead(suite: Pick<Suite, "encr">): boolean {
  return suite.encr[0]?.id === 20;
}
