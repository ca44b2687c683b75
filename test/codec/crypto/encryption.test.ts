/**
 * AES-GCM, AES-CBC and ChaCha20-Poly1305: known answers, round trips, and what a stranger's octets
 * cannot do.
 */

import { expect, test } from "bun:test";
import fc from "fast-check";
import { type Encryption, encryptionFor, seal, unseal } from "../../../src/crypto/encryption.ts";
import { Encr } from "../../../src/crypto/transform.ts";

const hex = (text: string) => Uint8Array.fromHex(text);
const NOTHING = new Uint8Array(0);

function builtIn(id: number, keyBits: number | undefined): Encryption {
  const found = encryptionFor(id, keyBits);
  if (found === undefined) throw new Error(`encryption ${id} of ${keyBits} bits is missing`);
  return found;
}

const CHACHA20 = builtIn(Encr.CHACHA20_POLY1305, undefined);
const AEADS = [...[128, 192, 256].map((bits) => builtIn(Encr.AES_GCM_16, bits)), CHACHA20];
const CBCS = [128, 192, 256].map((bits) => builtIn(Encr.AES_CBC, bits));

/** Test cases 4, 10 and 16 of the GCM specification: the first 4 octets of its IV are our salt. */
const GCM = {
  salt: "cafebabe",
  iv: "facedbaddecaf888",
  aad: "feedfacedeadbeeffeedfacedeadbeefabaddad2",
  plaintext:
    "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72" +
    "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
  answers: [
    {
      key: "feffe9928665731c6d6a8f9467308308",
      ciphertext:
        "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e" +
        "21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091",
      icv: "5bc94fbc3221a5db94fae95ae7121a47",
    },
    {
      key: "feffe9928665731c6d6a8f9467308308feffe9928665731c",
      ciphertext:
        "3980ca0b3c00e841eb06fac4872a2757859e1ceaa6efd984628593b40ca1e19c" +
        "7d773d00c144c525ac619d18c84a3f4718e2448b2fe324d9ccda2710",
      icv: "2519498e80f1478f37ba55bd6d27618c",
    },
    {
      key: "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
      ciphertext:
        "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa" +
        "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662",
      icv: "76fc6ece0f4e1768cddf8853bb2d551b",
    },
  ],
};

test.each(GCM.answers)("AES-GCM with key $key", ({ key, ciphertext, icv }) => {
  const enc = builtIn(Encr.AES_GCM_16, key.length * 4);
  const material = hex(key + GCM.salt);
  const [iv, aad] = [hex(GCM.iv), hex(GCM.aad)];
  expect(seal(enc, material, iv, aad, hex(GCM.plaintext)).toHex()).toBe(ciphertext + icv);
  expect(unseal(enc, material, iv, aad, hex(ciphertext + icv))?.toHex()).toBe(GCM.plaintext);
});

/** RFC 8439 §2.8.2: the first 4 octets of its nonce are our salt. */
const CHACHA = {
  key: "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f",
  salt: "07000000",
  iv: "4041424344454647",
  aad: "50515253c0c1c2c3c4c5c6c7",
  plaintext:
    "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, " +
    "sunscreen would be it.",
  ciphertext:
    "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d6" +
    "3dbea45e8ca9671282fafb69da92728b1a71de0a9e060b2905d6a5b67ecd3b36" +
    "92ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc" +
    "3ff4def08e4b7a9de576d26586cec64b6116",
  icv: "1ae10b594f09e26a7e902ecbd0600691",
};

test("ChaCha20-Poly1305", () => {
  const [material, iv, aad] = [hex(CHACHA.key + CHACHA.salt), hex(CHACHA.iv), hex(CHACHA.aad)];
  const plaintext = new TextEncoder().encode(CHACHA.plaintext);
  const sealed = CHACHA.ciphertext + CHACHA.icv;
  expect(seal(CHACHA20, material, iv, aad, plaintext).toHex()).toBe(sealed);
  expect(unseal(CHACHA20, material, iv, aad, hex(sealed))?.toHex()).toBe(plaintext.toHex());
});

/** NIST SP 800-38A, F.2.1, F.2.3 and F.2.5: the first two blocks. */
const CBC = {
  iv: "000102030405060708090a0b0c0d0e0f",
  plaintext: "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51",
  answers: [
    {
      key: "2b7e151628aed2a6abf7158809cf4f3c",
      ciphertext: "7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b2",
    },
    {
      key: "8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b",
      ciphertext: "4f021db243bc633d7178183a9fa071e8b4d9ada9ad7dedf4e5e738763f69145a",
    },
    {
      key: "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4",
      ciphertext: "f58c4c04d6e5f1ba779eabfb5f7bfbd69cfc4e967edb808d679f777bc6702c7d",
    },
  ],
};

test.each(CBC.answers)("AES-CBC with key $key", ({ key, ciphertext }) => {
  const enc = builtIn(Encr.AES_CBC, key.length * 4);
  expect(seal(enc, hex(key), hex(CBC.iv), NOTHING, hex(CBC.plaintext)).toHex()).toBe(ciphertext);
  expect(unseal(enc, hex(key), hex(CBC.iv), NOTHING, hex(ciphertext))?.toHex()).toBe(CBC.plaintext);
});

const octets = (min: number, max = min) => fc.uint8Array({ minLength: min, maxLength: max });

test.each([...AEADS, ...CBCS])("$name: what was sealed can be opened", (enc) => {
  const blocks = fc.integer({ min: enc.kind === "cbc" ? 1 : 0, max: 20 });
  const plaintext = blocks.chain((n) => octets(n * enc.blockOctets));
  fc.assert(
    fc.property(
      octets(enc.keyOctets),
      octets(enc.ivOctets),
      octets(0, 40),
      plaintext,
      (key, iv, aad, text) => {
        const sealed = seal(enc, key, iv, aad, text);
        expect(sealed.length).toBe(text.length + enc.icvOctets);
        expect(unseal(enc, key, iv, aad, sealed)).toEqual(text);
      },
    ),
    { numRuns: 50 },
  );
});

test.each(AEADS)("$name: one wrong bit anywhere, and nothing is opened", (enc) => {
  const material = octets(enc.keyOctets);
  fc.assert(
    fc.property(material, octets(1, 60), octets(1, 40), fc.nat(), (key, text, aad, at) => {
      const iv = new Uint8Array(enc.ivOctets);
      const sealed = seal(enc, key, iv, aad, text);
      expect(unseal(enc, key, iv, aad, flipped(sealed, at))).toBeUndefined();
      expect(unseal(enc, key, iv, flipped(aad, at), sealed)).toBeUndefined();
      expect(unseal(enc, key, flipped(iv, at), aad, sealed)).toBeUndefined();
      expect(unseal(enc, flipped(key, at), iv, aad, sealed)).toBeUndefined();
      expect(unseal(enc, key, iv, aad, sealed.subarray(1))).toBeUndefined();
    }),
    { numRuns: 40 },
  );
});

test.each([...AEADS, ...CBCS])("$name: a stranger's octets never throw", (enc) => {
  const key = new Uint8Array(enc.keyOctets);
  fc.assert(
    fc.property(octets(0, 24), octets(0, 80), (iv, ciphertext) => {
      const plaintext = unseal(enc, key, iv, NOTHING, ciphertext);
      if (enc.kind === "aead" || iv.length !== 16) return expect(plaintext).toBeUndefined();
      const isWhole = ciphertext.length > 0 && ciphertext.length % 16 === 0;
      return expect(plaintext?.length).toBe(isWhole ? ciphertext.length : undefined);
    }),
    { numRuns: 100 },
  );
});

test("lengths and names are those of the RFCs", () => {
  expect(builtIn(Encr.AES_GCM_16, 256)).toMatchObject({
    name: "AES_GCM_16_256",
    kind: "aead",
    keyOctets: 36,
    saltOctets: 4,
    ivOctets: 8,
    icvOctets: 16,
    blockOctets: 1,
  });
  expect(builtIn(Encr.AES_CBC, 128)).toMatchObject({
    name: "AES_CBC_128",
    kind: "cbc",
    keyOctets: 16,
    saltOctets: 0,
    ivOctets: 16,
    icvOctets: 0,
    blockOctets: 16,
  });
});

test("AES without its key length, or with a forbidden one, is refused", () => {
  for (const id of [Encr.AES_CBC, Encr.AES_GCM_16]) {
    for (const keyBits of [undefined, 0, 64, 127, 160, 512, 65535]) {
      expect(encryptionFor(id, keyBits)).toBeUndefined();
    }
  }
  expect(encryptionFor(Encr.DES3, undefined)).toBeUndefined();
  expect(encryptionFor(Encr.NULL, undefined)).toBeUndefined();
});

test("our own mistakes are assertions: a key, IV or plaintext of a wrong length", () => {
  const [gcm, cbc] = [builtIn(Encr.AES_GCM_16, 128), builtIn(Encr.AES_CBC, 128)];
  const of = (length: number) => new Uint8Array(length);
  expect(() => seal(gcm, of(16), of(8), NOTHING, NOTHING)).toThrow("needs 20");
  expect(() => seal(gcm, of(20), of(12), NOTHING, NOTHING)).toThrow("needs 8");
  expect(() => seal(cbc, of(16), of(16), NOTHING, of(15))).toThrow("whole blocks");
});

function flipped(whole: Uint8Array, at: number): Uint8Array {
  const bit = at % (whole.length * 8);
  const copy = whole.slice();
  copy[bit >> 3] = (copy[bit >> 3] ?? 0) ^ (1 << (bit & 7));
  return copy;
}
