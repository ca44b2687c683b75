/**
 * Signature algorithms and public keys by their names in DER (RFC 4055, 5480, 5758, 8410, 7427 §A).
 */

import {
  DerTag,
  derOf,
  emitDer,
  oidOctets,
  oidText,
  optionalDer,
  readDerOf,
  within,
} from "../../octets/der.ts";
import { fromHex } from "../../octets/hex.ts";
import { decode, type Reader } from "../../octets/reader.ts";
import type { KeyKind } from "../signature.ts";

export type SignatureHash = "sha256" | "sha384" | "sha512";

export type SignatureAlgorithm =
  | { readonly scheme: "rsa-pkcs1"; readonly hash: SignatureHash }
  | { readonly scheme: "rsa-pss"; readonly hash: SignatureHash; readonly saltOctets: number }
  | { readonly scheme: "ecdsa"; readonly hash: SignatureHash }
  | { readonly scheme: "ed25519" };

/** An algorithm, or what is wrong with it in words that follow "is signed with". */
export type ReadAlgorithm =
  | { readonly kind: "known"; readonly algorithm: SignatureAlgorithm }
  | { readonly kind: "refused"; readonly name: string };

/** Reads an AlgorithmIdentifier of a signature: of a certificate, or of AUTH (RFC 7427 §3). */
export function readSignatureAlgorithm(r: Reader): ReadAlgorithm {
  const inner = readDerOf(r, DerTag.SEQUENCE, "signature algorithm");
  const oid = oidText(derOf(inner, DerTag.OID, "algorithm").content) ?? "an unknown algorithm";
  if (oid === PSS_OID) return readPss(inner);
  const plain = PLAIN.get(oid);
  if (plain === undefined) return { kind: "refused", name: REFUSED.get(oid) ?? oid };
  optionalDer(inner, DerTag.NULL);
  inner.end();
  return { kind: "known", algorithm: plain };
}

/** The AlgorithmIdentifier that precedes a signature in AUTH, from RFC 7427 §A. */
export function algorithmIdentifier(algorithm: SignatureAlgorithm): Uint8Array {
  if (algorithm.scheme === "rsa-pss") {
    const hash = emitDer(DerTag.SEQUENCE, oid(HASH_OIDS[algorithm.hash]), NULL);
    const mask = emitDer(DerTag.SEQUENCE, oid(MGF1_OID), hash);
    const salt = emitDer(DerTag.INTEGER, Uint8Array.of(algorithm.saltOctets));
    const parameters = emitDer(
      DerTag.SEQUENCE,
      emitDer(0xa0, hash),
      emitDer(0xa1, mask),
      emitDer(0xa2, salt),
    );
    return emitDer(DerTag.SEQUENCE, oid(PSS_OID), parameters);
  }
  const [found = ""] = [...PLAIN].find(([, known]) => isSame(known, algorithm)) ?? [];
  const parameters = algorithm.scheme === "rsa-pkcs1" ? [NULL] : [];
  return emitDer(DerTag.SEQUENCE, oid(found), ...parameters);
}

/** `ECDSA with SHA2-256`. */
export function algorithmName(algorithm: SignatureAlgorithm): string {
  if (algorithm.scheme === "ed25519") return "Ed25519";
  return `${SCHEME_NAMES[algorithm.scheme]} with ${hashName(algorithm.hash)}`;
}

/** `SHA2-256`. */
export function hashName(hash: SignatureHash): string {
  return `SHA2-${hash.slice(3)}`;
}

/** The kind of key in a SubjectPublicKeyInfo, and the size of an RSA modulus in bits. */
export type PublicKeyKind =
  | { readonly kind: KeyKind; readonly bits: number }
  | { readonly kind: "unknown"; readonly name: string };

/** Parses a SubjectPublicKeyInfo (RFC 5280 §4.1.2.7); faults if it is malformed. */
export function publicKeyKind(spki: Uint8Array): PublicKeyKind {
  const read = decode(spki, "public key", (r): PublicKeyKind => {
    const info = readDerOf(r, DerTag.SEQUENCE, "SubjectPublicKeyInfo");
    const algorithm = readDerOf(info, DerTag.SEQUENCE, "algorithm");
    const type = oidText(derOf(algorithm, DerTag.OID, "algorithm").content) ?? "unknown";
    const bits = derOf(info, DerTag.BIT_STRING, "key").content.subarray(1);
    if (type === ED25519_OID) return { kind: "ed25519", bits: 256 };
    if (type === EC_OID) {
      const curve = oidText(optionalDer(algorithm, DerTag.OID)?.content ?? NOTHING) ?? "unknown";
      return CURVES.get(curve) ?? { kind: "unknown", name: `ECDSA on curve ${curve}` };
    }
    if (type !== RSA_OID) return { kind: "unknown", name: `algorithm ${type}` };
    const key = readDerOf(within(info, bits, "RSA key"), DerTag.SEQUENCE, "RSA key");
    const modulus = derOf(key, DerTag.INTEGER, "modulus").content;
    const significant = modulus[0] === 0 ? modulus.subarray(1) : modulus;
    const lead = Math.clz32(significant[0] ?? 0) - 24;
    return { kind: "rsa", bits: significant.length * 8 - lead };
  });
  return read.ok ? read.value : { kind: "unknown", name: "an unreadable key" };
}

/** Parameters of RSASSA-PSS (RFC 4055 §3.1): one hash for both, trailer field 1. */
function readPss(inner: Reader): ReadAlgorithm {
  const weak = { kind: "refused", name: "RSASSA-PSS with SHA-1" } as const;
  const parameters = optionalDer(inner, DerTag.SEQUENCE);
  if (parameters === undefined) return weak;
  const r = within(inner, parameters.content, "RSASSA-PSS parameters");
  const hashField = optionalDer(r, 0xa0);
  const maskField = optionalDer(r, 0xa1);
  const saltField = optionalDer(r, 0xa2);
  // Its only value is 1, which DER would leave out and RFC 7427 §A.4.3 has.
  const trailerField = optionalDer(r, 0xa3);
  if (hashField === undefined || maskField === undefined) return weak;
  const hash = readHash(within(r, hashField.content, "hash"));
  const mask = readDerOf(within(r, maskField.content, "mask"), DerTag.SEQUENCE, "mask");
  const isMgf1 = oidText(derOf(mask, DerTag.OID, "mask").content) === MGF1_OID;
  const maskHash = readHash(mask);
  const saltOctets =
    saltField === undefined ? 20 : smallInteger(within(r, saltField.content, "salt"));
  const trailer =
    trailerField === undefined ? 1 : smallInteger(within(r, trailerField.content, "trailer"));
  const isPlain = r.left === 0 && isMgf1 && trailer === 1 && saltOctets <= 64;
  if (!isPlain || hash === undefined || maskHash !== hash) {
    return { kind: "refused", name: "RSASSA-PSS with other parameters than SHA-2 for all" };
  }
  return { kind: "known", algorithm: { scheme: "rsa-pss", hash, saltOctets } };
}

function readHash(r: Reader): SignatureHash | undefined {
  const inner = readDerOf(r, DerTag.SEQUENCE, "hash algorithm");
  const found = oidText(derOf(inner, DerTag.OID, "hash").content);
  return HASHES.find((hash) => HASH_OIDS[hash] === found);
}

function smallInteger(r: Reader): number {
  const { content } = derOf(r, DerTag.INTEGER, "number");
  return content.length === 1 ? (content[0] ?? 0) : Number.POSITIVE_INFINITY;
}

function isSame(a: SignatureAlgorithm, b: SignatureAlgorithm): boolean {
  if (a.scheme === "ed25519" || b.scheme === "ed25519") return a.scheme === b.scheme;
  return a.scheme === b.scheme && a.hash === b.hash;
}

function oid(text: string): Uint8Array {
  return emitDer(DerTag.OID, oidOctets(text) ?? NOTHING);
}

const NOTHING = new Uint8Array(0);
const NULL = fromHex("0500") ?? NOTHING;

const RSA_OID = "1.2.840.113549.1.1.1";
const PSS_OID = "1.2.840.113549.1.1.10";
const MGF1_OID = "1.2.840.113549.1.1.8";
const EC_OID = "1.2.840.10045.2.1";
const ED25519_OID = "1.3.101.112";

const HASHES = ["sha256", "sha384", "sha512"] as const;
const HASH_OIDS: Readonly<Record<SignatureHash, string>> = {
  sha256: "2.16.840.1.101.3.4.2.1",
  sha384: "2.16.840.1.101.3.4.2.2",
  sha512: "2.16.840.1.101.3.4.2.3",
};

const PLAIN: ReadonlyMap<string, SignatureAlgorithm> = new Map<string, SignatureAlgorithm>([
  ["1.2.840.113549.1.1.11", { scheme: "rsa-pkcs1", hash: "sha256" }],
  ["1.2.840.113549.1.1.12", { scheme: "rsa-pkcs1", hash: "sha384" }],
  ["1.2.840.113549.1.1.13", { scheme: "rsa-pkcs1", hash: "sha512" }],
  ["1.2.840.10045.4.3.2", { scheme: "ecdsa", hash: "sha256" }],
  ["1.2.840.10045.4.3.3", { scheme: "ecdsa", hash: "sha384" }],
  ["1.2.840.10045.4.3.4", { scheme: "ecdsa", hash: "sha512" }],
  [ED25519_OID, { scheme: "ed25519" }],
]);

const REFUSED: ReadonlyMap<string, string> = new Map([
  ["1.2.840.113549.1.1.4", "RSA with MD5"],
  ["1.2.840.113549.1.1.5", "RSA with SHA-1"],
  ["1.2.840.113549.1.1.14", "RSA with SHA2-224"],
  ["1.2.840.10045.4.1", "ECDSA with SHA-1"],
  ["1.2.840.10040.4.3", "DSA with SHA-1"],
  ["1.3.101.113", "Ed448"],
]);

const CURVES: ReadonlyMap<string, { readonly kind: KeyKind; readonly bits: number }> = new Map([
  ["1.2.840.10045.3.1.7", { kind: "ecdsa-p256", bits: 256 }],
  ["1.3.132.0.34", { kind: "ecdsa-p384", bits: 384 }],
  ["1.3.132.0.35", { kind: "ecdsa-p521", bits: 521 }],
]);

const SCHEME_NAMES = {
  "rsa-pkcs1": "RSA PKCS #1 v1.5",
  "rsa-pss": "RSASSA-PSS",
  ecdsa: "ECDSA",
} as const;
