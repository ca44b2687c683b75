/** Signatures in AUTH: algorithm identifiers of RFC 7427, older methods, and what is refused. */

import { expect, test } from "bun:test";
import {
  type AcceptedMethod,
  AuthMethod,
  HashAlgorithm,
  type KeyKind,
  type SigningKey,
} from "../../../src/crypto/signature.ts";
import { ACCEPTED_SIGNATURES, acceptedName } from "../../../src/crypto/x509/accepted-method.ts";
import {
  algorithmIdentifier,
  readSignatureAlgorithm,
  type SignatureAlgorithm,
} from "../../../src/crypto/x509/algorithm.ts";
import { readAuthData, signingPlan } from "../../../src/crypto/x509/auth-signature.ts";
import { concat } from "../../../src/octets/concat.ts";
import { toHex } from "../../../src/octets/hex.ts";
import { decode } from "../../../src/octets/reader.ts";
import { hex } from "../wire/hex.ts";

/** RFC 7427 §A, except for PSS, where DER leaves out defaults. */
const IDENTIFIERS: readonly (readonly [string, SignatureAlgorithm])[] = [
  ["300d06092a864886f70d01010b0500", { scheme: "rsa-pkcs1", hash: "sha256" }],
  ["300d06092a864886f70d01010c0500", { scheme: "rsa-pkcs1", hash: "sha384" }],
  ["300d06092a864886f70d01010d0500", { scheme: "rsa-pkcs1", hash: "sha512" }],
  ["300a06082a8648ce3d040302", { scheme: "ecdsa", hash: "sha256" }],
  ["300a06082a8648ce3d040303", { scheme: "ecdsa", hash: "sha384" }],
  ["300a06082a8648ce3d040304", { scheme: "ecdsa", hash: "sha512" }],
  ["300506032b6570", { scheme: "ed25519" }],
  [
    "304106092a864886f70d01010a3034" +
      "a00f300d06096086480165030402010500" +
      "a11c301a06092a864886f70d010108300d06096086480165030402010500" +
      "a203020120",
    { scheme: "rsa-pss", hash: "sha256", saltOctets: 32 },
  ],
];

/** RFC 7427 §A.4.3: the trailer field is written out. */
const PSS_WITH_TRAILER = hex(
  "30 46 06 09 2a 86 48 86 f7 0d 01 01 0a 30 39",
  "a0 0f 30 0d 06 09 60 86 48 01 65 03 04 02 01 05 00",
  "a1 1c 30 1a 06 09 2a 86 48 86 f7 0d 01 01 08 30 0d 06 09 60 86 48 01 65 03 04 02 01 05 00",
  "a2 03 02 01 20 a3 03 02 01 01",
);

function read(octets: Uint8Array) {
  return decode(octets, "algorithm", readSignatureAlgorithm);
}

test("algorithm identifiers are read and written as in RFC 7427", () => {
  for (const [text, algorithm] of IDENTIFIERS) {
    expect(toHex(algorithmIdentifier(algorithm))).toBe(text);
    expect(read(hex(text))).toEqual({ ok: true, value: { kind: "known", algorithm } });
  }
  expect(read(PSS_WITH_TRAILER)).toEqual({
    ok: true,
    value: { kind: "known", algorithm: { scheme: "rsa-pss", hash: "sha256", saltOctets: 32 } },
  });
});

test("SHA-1 and MD5 are refused by name, PSS without parameters too: its default is SHA-1", () => {
  const refused = (text: string) => {
    const result = read(hex(text));
    return result.ok && result.value.kind === "refused" ? result.value.name : undefined;
  };
  expect(refused("300d06092a864886f70d0101050500")).toBe("RSA with SHA-1");
  expect(refused("300d06092a864886f70d0101040500")).toBe("RSA with MD5");
  expect(refused("300906072a8648ce3d0401")).toBe("ECDSA with SHA-1");
  expect(refused("300d06092a864886f70d01010a3000")).toBe("RSASSA-PSS with SHA-1");
  expect(refused("300506032b6571")).toBe("Ed448");
});

test("Authentication Data: a length octet, the algorithm, the signature", () => {
  for (const [text, algorithm] of IDENTIFIERS) {
    const identifier = hex(text);
    const data = concat(Uint8Array.of(identifier.length), identifier, hex("aa bb"));
    expect(readAuthData(AuthMethod.DIGITAL_SIGNATURE, data)).toEqual({
      ok: true,
      value: { algorithms: [algorithm], ecdsaForm: "der", signature: hex("aa bb") },
    });
    for (let cut = 0; cut <= identifier.length; cut++) {
      expect(readAuthData(AuthMethod.DIGITAL_SIGNATURE, data.subarray(0, cut)).ok).toBe(false);
    }
    // A length that is longer or shorter than the algorithm.
    for (const length of [0, identifier.length - 1, identifier.length + 1, 255]) {
      expect(readAuthData(AuthMethod.DIGITAL_SIGNATURE, data.with(0, length)).ok).toBe(false);
    }
  }
});

test("the older methods: ECDSA by curve, RSA with any SHA-2, never SHA-1", () => {
  const of = (method: number) => readAuthData(method, hex("aa"));
  const ecdsa = (hash: "sha256" | "sha384" | "sha512") => [{ scheme: "ecdsa", hash }];
  expect(of(AuthMethod.ECDSA_256)).toMatchObject({ value: { algorithms: ecdsa("sha256") } });
  expect(of(AuthMethod.ECDSA_384)).toMatchObject({ value: { algorithms: ecdsa("sha384") } });
  expect(of(AuthMethod.ECDSA_521)).toMatchObject({ value: { algorithms: ecdsa("sha512") } });
  const rsa = of(AuthMethod.RSA);
  expect(rsa.ok && rsa.value.algorithms.map((one) => "hash" in one && one.hash)).toEqual([
    ...(["sha256", "sha384", "sha512"] as const),
  ]);
  for (const method of [0, 3, 12, 13, 15, 200]) expect(of(method).ok).toBe(false);
});

test("we sign as both ends can; a hash as strong as the key comes first", () => {
  const { SHA2_256, SHA2_384, SHA2_512, IDENTITY } = HashAlgorithm;
  const plan = (kind: KeyKind, hashes: readonly number[] | undefined) => {
    const result = signingPlan({ kind, rsaPadding: "pss" }, hashes);
    return result.ok ? `${result.value.method} ${JSON.stringify(result.value.algorithm)}` : "none";
  };
  const all = [SHA2_256, SHA2_384, SHA2_512, IDENTITY];
  expect(plan("rsa", all)).toBe('14 {"scheme":"rsa-pss","hash":"sha256","saltOctets":32}');
  expect(plan("ecdsa-p384", all)).toBe('14 {"scheme":"ecdsa","hash":"sha384"}');
  expect(plan("ecdsa-p521", [SHA2_256])).toBe('14 {"scheme":"ecdsa","hash":"sha256"}');
  expect(plan("ed25519", all)).toBe('14 {"scheme":"ed25519"}');
  expect(plan("ed25519", [SHA2_256])).toBe("none");
  expect(plan("rsa", [IDENTITY])).toBe("none");
  expect(plan("rsa", [])).toBe("none");
  // A peer that does not support RFC 7427.
  expect(plan("rsa", undefined)).toBe('1 {"scheme":"rsa-pkcs1","hash":"sha256"}');
  expect(plan("ecdsa-p256", undefined)).toBe('9 {"scheme":"ecdsa","hash":"sha256"}');
  expect(plan("ecdsa-p384", undefined)).toBe('10 {"scheme":"ecdsa","hash":"sha384"}');
  expect(plan("ecdsa-p521", undefined)).toBe('11 {"scheme":"ecdsa","hash":"sha512"}');
  expect(plan("ed25519", undefined)).toBe("none");
});

test("X-13: of what the peer accepts, the best that we can make is taken", () => {
  const { SHA2_256, SHA2_512 } = HashAlgorithm;
  const plan = (
    key: Pick<SigningKey, "kind" | "rsaPadding">,
    accepted: readonly AcceptedMethod[],
    hashes: readonly number[] | "none" = [SHA2_256, SHA2_512],
  ) => {
    const result = signingPlan(key, hashes === "none" ? undefined : hashes, accepted);
    return result.ok ? `${result.value.method} ${JSON.stringify(result.value.algorithm)}` : "none";
  };
  const digital = (algorithm: SignatureAlgorithm) => ({
    method: AuthMethod.DIGITAL_SIGNATURE,
    algorithm: algorithmIdentifier(algorithm),
  });
  const old = (method: number) => ({ method, algorithm: new Uint8Array(0) });
  const rsa = { kind: "rsa", rsaPadding: "pss" } as const;
  const p256 = { kind: "ecdsa-p256", rsaPadding: "pss" } as const;
  const PSS_512 = { scheme: "rsa-pss", hash: "sha512", saltOctets: 64 } as const;
  const PKCS1 = { scheme: "rsa-pkcs1", hash: "sha256" } as const;
  expect(plan(rsa, [digital(PSS_512)])).toBe(`14 ${JSON.stringify(PSS_512)}`);
  expect(plan(rsa, [digital({ ...PSS_512, saltOctets: 20 })])).toBe(
    `14 ${JSON.stringify(PSS_512)}`,
  );
  expect(plan(rsa, [digital(PKCS1)])).toBe(`14 ${JSON.stringify(PKCS1)}`);
  expect(plan(rsa, [old(AuthMethod.RSA)])).toBe(`1 ${JSON.stringify(PKCS1)}`);
  expect(
    plan(p256, [old(AuthMethod.ECDSA_256), digital({ scheme: "ecdsa", hash: "sha512" })]),
  ).toBe('14 {"scheme":"ecdsa","hash":"sha512"}');
  // Any algorithm, without a name.
  expect(plan(p256, [old(AuthMethod.DIGITAL_SIGNATURE)])).toBe(
    '14 {"scheme":"ecdsa","hash":"sha256"}',
  );
  // The peer's hashes hold all the same, and a list without anything possible changes nothing.
  expect(plan(rsa, [digital(PSS_512)], [SHA2_256])).toContain("sha256");
  expect(plan(rsa, [digital(PSS_512)], "none")).toBe(`1 ${JSON.stringify(PKCS1)}`);
  expect(plan(p256, [old(2), old(99)])).toBe('14 {"scheme":"ecdsa","hash":"sha256"}');
  expect(plan(p256, [{ method: 14, algorithm: Uint8Array.of(0x30, 0xff) }])).toContain("14 ");
});

test("X-13: what we announce is what we can verify, by names that a peer can read", () => {
  expect(ACCEPTED_SIGNATURES.map((one) => acceptedName(one) ?? one.method)).toEqual([
    "Ed25519",
    ...["ECDSA with SHA2-256", "ECDSA with SHA2-384", "ECDSA with SHA2-512"],
    ...["256", "384", "512"].map((bits) => `RSASSA-PSS with SHA2-${bits}`),
    ...["256", "384", "512"].map((bits) => `RSA PKCS #1 v1.5 with SHA2-${bits}`),
    ...[9, 10, 11, 1],
  ]);
});
