/**
 * The Authentication Data of AUTH with a signature: which algorithm signs, and how it is encoded.
 */

import { concat } from "../../octets/concat.ts";
import { decode } from "../../octets/reader.ts";
import { err, ok, type Result } from "../../octets/result.ts";
import {
  type AcceptedMethod,
  AuthMethod,
  HashAlgorithm,
  type KeyKind,
  type SigningKey,
} from "../signature.ts";
import { isAccepted } from "./accepted-method.ts";
import {
  algorithmIdentifier,
  hashName,
  readSignatureAlgorithm,
  type SignatureAlgorithm,
  type SignatureHash,
} from "./algorithm.ts";

/** How to sign for a peer: the AUTH method, the algorithm, and what precedes the signature. */
export type SigningPlan = {
  readonly method: number;
  readonly algorithm: SignatureAlgorithm;
  readonly ecdsaForm: "der" | "raw";
  /** ASN.1 length and AlgorithmIdentifier of RFC 7427; empty with the older methods. */
  readonly prefix: Uint8Array;
};

/**
 * What both ends support. `hashes`: those that the peer announced; undefined if it does not support
 * RFC 7427. Then only the older methods remain: RSA (RFC 7296 §3.8) leaves the hash to us, and we
 * use SHA2-256; Ed25519 has no older method. `accepted`: what the peer says that it accepts, with
 * certificates of whatever authority (RFC 9593). If none of it is possible, it changes nothing.
 */
export function signingPlan(
  key: Pick<SigningKey, "kind" | "rsaPadding">,
  hashes: readonly number[] | undefined,
  accepted?: readonly AcceptedMethod[],
): Result<
  SigningPlan,
  { readonly offered: readonly string[]; readonly wanted: readonly string[] }
> {
  const { kind } = key;
  if (accepted !== undefined) {
    const fitting = plansFor(key, hashes).find(({ method, algorithm }) =>
      isAccepted(accepted, method, algorithm),
    );
    if (fitting !== undefined) return ok(fitting);
  }
  if (hashes === undefined) {
    const old = olderPlan(kind);
    if (old !== undefined) return ok(old);
    return err({ offered: ["no RFC 7427"], wanted: ["RFC 7427 with Ed25519"] });
  }
  const [algorithm] = algorithmsFor(key, hashes);
  if (algorithm !== undefined) return ok(planOf(algorithm));
  return err({ offered: hashes.map(numberName), wanted: PREFERRED[kind].map(numberName) });
}

/** All ways in which the key can sign for a peer with these hashes, the best one first. */
export function plansFor(
  key: Pick<SigningKey, "kind" | "rsaPadding">,
  hashes: readonly number[] | undefined,
): readonly SigningPlan[] {
  const { kind, rsaPadding } = key;
  const other = { kind, rsaPadding: rsaPadding === "pss" ? "pkcs1" : "pss" } as const;
  const keys = kind === "rsa" ? [key, other] : [key];
  const plans = keys.flatMap((each) => algorithmsFor(each, hashes ?? []).map(planOf));
  const old = olderPlan(kind);
  return old === undefined ? plans : [...plans, old];
}

/** By RFC 7427. */
function planOf(algorithm: SignatureAlgorithm): SigningPlan {
  const identifier = algorithmIdentifier(algorithm);
  const prefix = concat(Uint8Array.of(identifier.length), identifier);
  return { method: AuthMethod.DIGITAL_SIGNATURE, algorithm, ecdsaForm: "der", prefix };
}

function olderPlan(kind: KeyKind): SigningPlan | undefined {
  const old = OLD[kind];
  if (old === undefined) return undefined;
  return { ...old, ecdsaForm: "raw", prefix: new Uint8Array(0) };
}

/** The content of a peer's Authentication Data; the candidates are tried in this order. */
export type ReceivedSignature = {
  readonly algorithms: readonly SignatureAlgorithm[];
  readonly ecdsaForm: "der" | "raw";
  readonly signature: Uint8Array;
};

/** Parses Authentication Data; or says what is wrong with it, in words. */
export function readAuthData(method: number, data: Uint8Array): Result<ReceivedSignature, string> {
  const old = RECEIVED.get(method);
  if (old !== undefined) return ok({ algorithms: old, ecdsaForm: "raw", signature: data });
  if (method !== AuthMethod.DIGITAL_SIGNATURE) return err(`AUTH method ${method}`);
  const read = decode(data, "AUTH", (r) => {
    const inner = r.sub(r.u8(), "AUTH, algorithm");
    const algorithm = readSignatureAlgorithm(inner);
    inner.end();
    return { algorithm, signature: r.rest() };
  });
  if (!read.ok) return err(`an algorithm that cannot be read (${read.error.detail})`);
  const { algorithm, signature } = read.value;
  if (algorithm.kind === "refused") return err(algorithm.name);
  return ok({ algorithms: [algorithm.algorithm], ecdsaForm: "der", signature });
}

/** `SHA2-256`, `identity (Ed25519)`. */
function numberName(number: number): string {
  return NUMBER_NAMES[number] ?? `hash algorithm ${number}`;
}

/** What the key can sign with by RFC 7427, the best one first. */
function algorithmsFor(
  { kind, rsaPadding }: Pick<SigningKey, "kind" | "rsaPadding">,
  hashes: readonly number[],
): readonly SignatureAlgorithm[] {
  const usable = PREFERRED[kind].filter((candidate) => hashes.includes(candidate));
  if (kind === "ed25519") return usable.map(() => ({ scheme: "ed25519" }));
  return usable.flatMap((number): readonly SignatureAlgorithm[] => {
    const hash = HASHES[number];
    if (hash === undefined) return [];
    if (kind !== "rsa") return [{ scheme: "ecdsa", hash }];
    if (rsaPadding === "pkcs1") return [{ scheme: "rsa-pkcs1", hash }];
    // The salt is as long as the hash, as is usual (RFC 8247 §3.2).
    return [{ scheme: "rsa-pss", hash, saltOctets: SALT_OCTETS[hash] }];
  });
}

const { SHA2_256, SHA2_384, SHA2_512, IDENTITY } = HashAlgorithm;

/** The hash that is as strong as the key comes first. */
const PREFERRED: Readonly<Record<KeyKind, readonly number[]>> = {
  rsa: [SHA2_256, SHA2_384, SHA2_512],
  "ecdsa-p256": [SHA2_256, SHA2_384, SHA2_512],
  "ecdsa-p384": [SHA2_384, SHA2_512, SHA2_256],
  "ecdsa-p521": [SHA2_512, SHA2_384, SHA2_256],
  ed25519: [IDENTITY],
};

const HASHES: Readonly<Record<number, SignatureHash>> = {
  [SHA2_256]: "sha256",
  [SHA2_384]: "sha384",
  [SHA2_512]: "sha512",
};

const NUMBER_NAMES: Readonly<Record<number, string>> = {
  [SHA2_256]: hashName("sha256"),
  [SHA2_384]: hashName("sha384"),
  [SHA2_512]: hashName("sha512"),
  [IDENTITY]: "identity (Ed25519)",
};

const SALT_OCTETS: Readonly<Record<SignatureHash, number>> = { sha256: 32, sha384: 48, sha512: 64 };

type OldMethod = Pick<SigningPlan, "method" | "algorithm">;

/** RFC 4754 ties each curve to its hash. */
const OLD: Readonly<Record<KeyKind, OldMethod | undefined>> = {
  rsa: { method: AuthMethod.RSA, algorithm: { scheme: "rsa-pkcs1", hash: "sha256" } },
  "ecdsa-p256": { method: AuthMethod.ECDSA_256, algorithm: { scheme: "ecdsa", hash: "sha256" } },
  "ecdsa-p384": { method: AuthMethod.ECDSA_384, algorithm: { scheme: "ecdsa", hash: "sha384" } },
  "ecdsa-p521": { method: AuthMethod.ECDSA_521, algorithm: { scheme: "ecdsa", hash: "sha512" } },
  ed25519: undefined,
};

/** Method 1 does not name its hash: each hash of SHA-2 is tried, SHA-1 never. */
const RECEIVED: ReadonlyMap<number, readonly SignatureAlgorithm[]> = new Map<
  number,
  readonly SignatureAlgorithm[]
>([
  [
    AuthMethod.RSA,
    (["sha256", "sha384", "sha512"] as const).map((hash) => ({ scheme: "rsa-pkcs1", hash })),
  ],
  [AuthMethod.ECDSA_256, [{ scheme: "ecdsa", hash: "sha256" }]],
  [AuthMethod.ECDSA_384, [{ scheme: "ecdsa", hash: "sha384" }]],
  [AuthMethod.ECDSA_521, [{ scheme: "ecdsa", hash: "sha512" }]],
]);
