/**
 * Encryption of IKE messages: AES-CBC (RFC 3602), AES-GCM with 16-octet ICV (RFC 5282) and
 * ChaCha20-Poly1305 (RFC 7634).
 */

import { createCipheriv, createDecipheriv } from "node:crypto";
import { chacha20poly1305 } from "@noble/ciphers/chacha.js";
import { assert } from "../octets/assert.ts";
import { wipe } from "../octets/secret.ts";
import { transformName } from "./names.ts";
import { plain } from "./plain.ts";
import { Encr, TransformType } from "./transform.ts";

type AesKeyBits = 128 | 192 | 256;

type Lengths = {
  readonly id: number;
  /** The key length attribute of the transform. */
  readonly keyBits: number | undefined;
  /** As registered, with the key length: `AES_GCM_16_256`, `AES_CBC_128`. */
  readonly name: string;
  /** Keying material to take: the key and, with AEAD, the salt after it. */
  readonly keyOctets: number;
  readonly saltOctets: number;
  /** The explicit IV, which travels in the message. */
  readonly ivOctets: number;
  /** 0 without AEAD. */
  readonly icvOctets: number;
  /** Plaintext is a multiple of this; 1 with AEAD. */
  readonly blockOctets: number;
};

type GcmCipher = `aes-${AesKeyBits}-gcm`;
export type AeadEncryption = Lengths & {
  readonly kind: "aead";
  readonly cipher: GcmCipher | "chacha20-poly1305";
};
export type CbcEncryption = Lengths & {
  readonly kind: "cbc";
  readonly cipher: `aes-${AesKeyBits}-cbc` | "des-ede3-cbc";
};
export type Encryption = AeadEncryption | CbcEncryption;

/** The key length attribute has no default and no other value (RFC 7296 §3.3.5, RFC 5282 §7.4). */
const KEY_BITS: readonly AesKeyBits[] = [128, 192, 256];

const ENCRYPTIONS: readonly Encryption[] = [
  ...KEY_BITS.map(aesGcm16),
  ...KEY_BITS.map(aesCbc),
  chacha20Poly1305(),
];

/** The algorithm of an IKE transform; undefined if it, or the key length, is not built in. */
export function encryptionFor(id: number, keyBits: number | undefined): Encryption | undefined {
  return ENCRYPTIONS.find((enc) => enc.id === id && enc.keyBits === keyBits);
}

/**
 * The ciphertext; with AEAD, followed by the ICV over `aad` and itself. Without AEAD, `aad` is
 * ignored. `plaintext` has been padded. An AEAD key never sees the same IV twice.
 */
// biome-ignore lint/complexity/useMaxParams: an algorithm and the four inputs of RFC 5116 §2.1
export function seal(
  enc: Encryption,
  key: Uint8Array,
  iv: Uint8Array,
  aad: Uint8Array,
  plaintext: Uint8Array,
): Uint8Array {
  checkKey(enc, key);
  if (iv.length !== enc.ivOctets) {
    assert(false, `IV of ${iv.length} octets, needs ${enc.ivOctets}`);
  }
  if (enc.kind === "cbc") return sealCbc(enc, key, iv, plaintext);
  const secret = cipherKey(enc, key);
  if (enc.cipher === "chacha20-poly1305") {
    const encrypted = chacha20poly1305(secret, nonce(enc, key, iv), aad).encrypt(plaintext);
    wipe(secret);
    return encrypted;
  }
  const cipher = createCipheriv(enc.cipher, secret, nonce(enc, key, iv));
  wipe(secret);
  cipher.setAAD(aad);
  const sealed = new Uint8Array(plaintext.length + enc.icvOctets);
  sealed.set(cipher.update(plaintext));
  cipher.final();
  sealed.set(cipher.getAuthTag(), plaintext.length);
  return sealed;
}

/**
 * The plaintext given to `seal`, still padded; undefined if the ICV is wrong or a length
 * impossible. Without AEAD, the integrity must have been verified before.
 */
// biome-ignore lint/complexity/useMaxParams: an algorithm and the four inputs of RFC 5116 §2.1
export function unseal(
  enc: Encryption,
  key: Uint8Array,
  iv: Uint8Array,
  aad: Uint8Array,
  ciphertext: Uint8Array,
): Uint8Array | undefined {
  checkKey(enc, key);
  if (iv.length !== enc.ivOctets) return undefined;
  if (enc.kind === "cbc") return unsealCbc(enc, key, iv, ciphertext);
  const plaintextOctets = ciphertext.length - enc.icvOctets;
  if (plaintextOctets < 0) return undefined;
  const secret = cipherKey(enc, key);
  try {
    if (enc.cipher === "chacha20-poly1305") {
      return chacha20poly1305(secret, nonce(enc, key, iv), aad).decrypt(ciphertext);
    }
    const decipher = createDecipheriv(enc.cipher, secret, nonce(enc, key, iv));
    decipher.setAAD(aad);
    decipher.setAuthTag(ciphertext.slice(plaintextOctets));
    const plaintext = plain(decipher.update(ciphertext.slice(0, plaintextOctets)));
    decipher.final();
    return plaintext;
  } catch {
    // The error says only that the ICV is wrong.
    return undefined;
  } finally {
    wipe(secret);
  }
}

function sealCbc(
  enc: CbcEncryption,
  key: Uint8Array,
  iv: Uint8Array,
  plaintext: Uint8Array,
): Uint8Array {
  assert(isWholeBlocks(enc, plaintext), `plaintext of ${plaintext.length} octets: no whole blocks`);
  const cipher = createCipheriv(enc.cipher, key, iv);
  cipher.setAutoPadding(false);
  const sealed = plain(cipher.update(plaintext));
  cipher.final();
  return sealed;
}

function unsealCbc(
  enc: CbcEncryption,
  key: Uint8Array,
  iv: Uint8Array,
  ciphertext: Uint8Array,
): Uint8Array | undefined {
  if (!isWholeBlocks(enc, ciphertext)) return undefined;
  const decipher = createDecipheriv(enc.cipher, key, iv);
  decipher.setAutoPadding(false);
  const plaintext = plain(decipher.update(ciphertext));
  decipher.final();
  return plaintext;
}

function isWholeBlocks(enc: CbcEncryption, octets: Uint8Array): boolean {
  return octets.length > 0 && octets.length % enc.blockOctets === 0;
}

function checkKey(enc: Encryption, key: Uint8Array): void {
  if (key.length !== enc.keyOctets) {
    assert(false, `key of ${key.length} octets, needs ${enc.keyOctets}`);
  }
}

/** A copy of the key without the salt after it (RFC 5282 §7.1): a view would cost more. */
function cipherKey(enc: AeadEncryption, key: Uint8Array): Uint8Array {
  return key.slice(0, key.length - enc.saltOctets);
}

/** Salt and explicit IV (RFC 5282 §4). */
function nonce(enc: AeadEncryption, key: Uint8Array, iv: Uint8Array): Uint8Array {
  const made = new Uint8Array(enc.saltOctets + enc.ivOctets);
  const saltAt = key.length - enc.saltOctets;
  for (let i = 0; i < enc.saltOctets; i++) made[i] = key[saltAt + i] ?? 0;
  made.set(iv, enc.saltOctets);
  return made;
}

function aesGcm16(keyBits: AesKeyBits): AeadEncryption {
  return {
    kind: "aead",
    id: Encr.AES_GCM_16,
    keyBits,
    name: transformName(TransformType.ENCR, Encr.AES_GCM_16, keyBits),
    cipher: `aes-${keyBits}-gcm`,
    keyOctets: keyBits / 8 + 4,
    saltOctets: 4,
    ivOctets: 8,
    icvOctets: 16,
    blockOctets: 1,
  };
}

/** The runtime has none. No key length attribute: there is one length (RFC 7634 §4, §5). */
function chacha20Poly1305(): AeadEncryption {
  return {
    kind: "aead",
    id: Encr.CHACHA20_POLY1305,
    keyBits: undefined,
    name: transformName(TransformType.ENCR, Encr.CHACHA20_POLY1305, undefined),
    cipher: "chacha20-poly1305",
    keyOctets: 32 + 4,
    saltOctets: 4,
    ivOctets: 8,
    icvOctets: 16,
    blockOctets: 1,
  };
}

function aesCbc(keyBits: AesKeyBits): CbcEncryption {
  return {
    kind: "cbc",
    id: Encr.AES_CBC,
    keyBits,
    name: transformName(TransformType.ENCR, Encr.AES_CBC, keyBits),
    cipher: `aes-${keyBits}-cbc`,
    keyOctets: keyBits / 8,
    saltOctets: 0,
    ivOctets: 16,
    icvOctets: 0,
    blockOctets: 16,
  };
}
