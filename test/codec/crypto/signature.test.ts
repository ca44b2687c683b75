/** Certificates and signatures, made and verified here and by openssl. */

import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { SignatureResult, SigningKey, TrustAnchors } from "../../../src/crypto/signature.ts";
import { isSlowSignature, performSignature } from "../../../src/crypto/signature-work.ts";
import { readSigningKey, readTrustAnchors } from "../../../src/crypto/signing-key.ts";
import { parseCertificate } from "../../../src/crypto/x509/certificate.ts";
import { formatTime } from "../../../src/crypto/x509/time.ts";
import { createPki, type Issued, type PkiKey } from "../../real/pki.ts";

const folder = mkdtempSync(join(tmpdir(), "erouted-pki-"));
const pki = createPki(folder);
const authority = pki.issue({
  ...{ name: "ca", subject: "/C=CH/CN=Fleet CA", isCa: true, days: 3_650 },
});
const OCTETS = new TextEncoder().encode("message | nonce | prf(SK_p, ID)");
const DAY_MS = 86_400_000;
const ALL_HASHES = [2, 3, 4, 5];

afterAll(() => rmSync(folder, { recursive: true }));

function keyOf(issued: Issued, padding: SigningKey["rsaPadding"] = "pss"): SigningKey {
  const read = readSigningKey(issued.pem, issued.keyPem, padding);
  if (!read.ok) throw new Error(read.error.what);
  return read.value.key;
}

function anchorsOf(...authorities: readonly Issued[]): TrustAnchors {
  const read = readTrustAnchors(authorities.map(({ pem }) => pem).join("\n"));
  if (!read.ok) throw new Error(read.error);
  return read.value.anchors;
}

type Judged = {
  readonly anchors?: TrustAnchors;
  /** After the site's own. */
  readonly more?: readonly Issued[];
  readonly hashes?: readonly number[] | undefined;
  readonly atMs?: number;
  readonly octets?: Uint8Array;
};

/** The result for the signature of a site that holds this certificate. */
function judge(issued: Issued, judged: Judged = {}): SignatureResult {
  const key = keyOf(issued);
  const hashes = "hashes" in judged ? judged.hashes : ALL_HASHES;
  const signed = performSignature({ op: "sign", key, octets: OCTETS, hashes }, 0);
  if (!signed.ok || signed.value.op !== "sign") return signed;
  const { method, signature } = signed.value;
  const more = (judged.more ?? []).flatMap((one) => keyOf(one).certificates);
  const certificates = [...key.certificates, ...more];
  const anchors = judged.anchors ?? anchorsOf(authority);
  const octets = judged.octets ?? OCTETS;
  const request = { op: "verify", octets, method, signature, certificates, anchors } as const;
  return performSignature(request, judged.atMs ?? Date.now());
}

function kindOf(result: SignatureResult): string {
  return result.ok ? "right" : result.error.kind;
}

function site(name: string, key: PkiKey, more: Partial<Parameters<typeof pki.issue>[0]> = {}) {
  return pki.issue({ name, key, issuer: authority, altNames: `DNS:${name}`, ...more });
}

const sites: ReadonlyMap<PkiKey, Issued> = new Map(
  (["rsa", "p256", "p384", "p521", "ed25519"] as const).map((key) => [key, site(`s-${key}`, key)]),
);

test("RFC 7427: every kind of key signs, and its certificate verifies the signature", () => {
  const algorithms = [...sites.values()].map((issued) => {
    const result = judge(issued);
    return result.ok && result.value.op === "verify" ? result.value.algorithm : kindOf(result);
  });
  expect(algorithms).toEqual([
    "RSASSA-PSS with SHA2-256",
    "ECDSA with SHA2-256",
    "ECDSA with SHA2-384",
    "ECDSA with SHA2-512",
    "Ed25519",
  ]);
});

test("the holder is reported with all names of the certificate", () => {
  const issued = pki.issue({
    ...{ name: "named", issuer: authority, subject: "/C=CH/O=Fleet/CN=site-7" },
    altNames: "DNS:site-7.example,email:site-7@fleet.example,IP:192.0.2.7,IP:2001:db8::7",
  });
  const result = judge(issued);
  expect(result).toMatchObject({
    value: {
      holder: {
        subject: "C=CH, O=Fleet, CN=site-7",
        issuer: "C=CH, CN=Fleet CA",
        dnsNames: ["site-7.example"],
        mailAddresses: ["site-7@fleet.example"],
        anchor: anchorsOf(authority).ids[0],
      },
    },
  });
  const holder = result.ok && result.value.op === "verify" ? result.value.holder : undefined;
  expect(holder?.ipAddresses.map(({ length }) => length)).toEqual([4, 16]);
  expect(Math.round(((holder?.notAfterMs ?? 0) - Date.now()) / DAY_MS)).toBe(100);
});

test("RFC 4754, RFC 7296 §3.8: peers without RFC 7427 get the older methods, and use them", () => {
  for (const [key, issued] of sites) {
    const wanted = key === "ed25519" ? "signature-algorithm" : "right";
    expect([key, kindOf(judge(issued, { hashes: undefined }))]).toEqual([key, wanted]);
  }
});

test("a signature over other octets, or changed anywhere, is wrong", () => {
  for (const issued of sites.values()) {
    expect(kindOf(judge(issued, { octets: OCTETS.with(3, 0) }))).toBe("wrong-signature");
    const key = keyOf(issued);
    const request = { op: "sign", key, octets: OCTETS, hashes: ALL_HASHES } as const;
    const signed = performSignature(request, 0);
    if (!signed.ok || signed.value.op !== "sign") throw new Error("not signed");
    const { method, signature } = signed.value;
    const { certificates } = key;
    const verify = { op: "verify", octets: OCTETS, method, certificates } as const;
    for (let at = 0; at < signature.length; at += 7) {
      const changed = signature.with(at, (signature[at] ?? 0) ^ 0x10);
      const request = { ...verify, signature: changed, anchors: anchorsOf(authority) };
      expect(performSignature(request, Date.now()).ok).toBe(false);
    }
    const cut = { ...verify, signature: signature.subarray(0, -1), anchors: anchorsOf(authority) };
    expect(performSignature(cut, Date.now()).ok).toBe(false);
  }
});

test("openssl verifies our signatures, and we verify its", () => {
  const openssl = (...words: readonly string[]) =>
    Bun.spawnSync(["openssl", ...words], { cwd: folder }).exitCode;
  writeFileSync(join(folder, "octets"), OCTETS);
  const pss = ["-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:32"];
  for (const [key, digest, options] of [
    ["rsa", "-sha256", pss],
    ["p256", "-sha256", []],
    ["p384", "-sha384", []],
    ["p521", "-sha512", []],
  ] as const) {
    const issued = sites.get(key);
    if (issued === undefined) throw new Error(key);
    const own = keyOf(issued);
    const { certificates } = own;
    const signed = performSignature({ op: "sign", key: own, octets: OCTETS, hashes: [2, 3, 4] }, 0);
    if (!signed.ok || signed.value.op !== "sign") throw new Error("not signed");
    const { method, signature } = signed.value;
    const headOctets = 1 + (signature[0] ?? 0);
    writeFileSync(join(folder, "ours"), signature.subarray(headOctets));
    const [publicFile, theirs] = [join(folder, "public"), join(folder, "theirs")];
    openssl("x509", "-in", issued.certificateFile, "-pubkey", "-noout", "-out", publicFile);
    const by = ["dgst", digest, ...options];
    expect(openssl(...by, "-verify", publicFile, "-signature", "ours", "octets")).toBe(0);
    expect(openssl(...by, "-sign", issued.keyFile, "-out", theirs, "octets")).toBe(0);
    const made = new Uint8Array(readFileSync(theirs));
    const data = new Uint8Array([...signature.subarray(0, headOctets), ...made]);
    const request = { op: "verify", octets: OCTETS, method, certificates } as const;
    const anchors = anchorsOf(authority);
    expect(kindOf(performSignature({ ...request, signature: data, anchors }, Date.now()))).toBe(
      "right",
    );
  }
});

test("a certificate is valid from its first to its last second", () => {
  const issued = site("times", "p256");
  const read = parseCertificate(keyOf(issued).certificates[0] ?? new Uint8Array(0));
  if (!read.ok) throw new Error(read.error.detail);
  const { notBeforeMs, notAfterMs } = read.value;
  expect(formatTime(notBeforeMs)).toBe(
    `${new Date(notBeforeMs).toISOString().slice(0, 16).replace("T", " ")} UTC`,
  );
  const anchors = anchorsOf(authority);
  expect(kindOf(judge(issued, { anchors, atMs: notBeforeMs - 1 }))).toBe(
    "certificate-not-yet-valid",
  );
  expect(kindOf(judge(issued, { anchors, atMs: notAfterMs }))).toBe("right");
  const expired = judge(issued, { anchors, atMs: notAfterMs + 1 });
  expect(kindOf(expired)).toBe("certificate-expired");
  expect(!expired.ok && expired.error.detail).toContain(formatTime(notAfterMs));
});

test("an unknown authority: the fault names the issuer, and the authorities that are known", () => {
  const stranger = pki.issue({ name: "stranger", subject: "/CN=Somebody", isCa: true });
  const result = judge(site("of-stranger", "p256", { issuer: stranger }));
  expect(result).toMatchObject({
    error: { kind: "issuer-unknown", offered: ["CN=Somebody"], wanted: ["C=CH, CN=Fleet CA"] },
  });
  // One that only has the same name as the right one.
  const impostor = pki.issue({ name: "impostor", subject: "/C=CH/CN=Fleet CA", isCa: true });
  expect(kindOf(judge(site("of-impostor", "p256", { issuer: impostor })))).toBe("issuer-unknown");
  // Both are trusted: the one whose key signed is found, in either order.
  const both = { anchors: anchorsOf(impostor, authority) };
  expect(kindOf(judge(site("of-renewed", "p256"), both))).toBe("right");
});

test("certificates between the site's and the authority are used in any order, if they may", () => {
  const between = (name: string, more: object = {}) =>
    pki.issue({ name, subject: `/CN=${name}`, issuer: authority, isCa: true, ...more });
  const first = between("between-1");
  const second = between("between-2", { issuer: first });
  const own = site("far", "p256", { issuer: second });
  expect(kindOf(judge(own))).toBe("issuer-unknown");
  expect(kindOf(judge(own, { more: [first] }))).toBe("issuer-unknown");
  expect(kindOf(judge(own, { more: [second, first] }))).toBe("right");
  expect(kindOf(judge(own, { more: [first, site("unused", "p256"), second] }))).toBe("right");
  // A certificate that may not issue, or may not have authorities below it, is no link.
  const noCa = site("no-ca", "p256", { keyUsage: "digitalSignature,keyCertSign" });
  const ofNoCa = site("of-no-ca", "p256", { issuer: noCa });
  expect(kindOf(judge(ofNoCa, { more: [noCa] }))).toBe("certificate-unfit");
  const noSign = between("no-sign", { keyUsage: "cRLSign" });
  expect(kindOf(judge(site("of-no-sign", "p256", { issuer: noSign }), { more: [noSign] }))).toBe(
    "certificate-unfit",
  );
  const short = between("short", { pathLength: 0 });
  const below = between("below", { issuer: short });
  const tooFar = site("too-far", "p256", { issuer: below });
  expect(kindOf(judge(tooFar, { more: [below, short] }))).toBe("certificate-unfit");
  expect(kindOf(judge(site("near", "p256", { issuer: short }), { more: [short] }))).toBe("right");
});

test("certificates that a site may not use", () => {
  const why = (
    name: string,
    more: Partial<Parameters<typeof pki.issue>[0]>,
    key: PkiKey = "p256",
  ) => {
    const result = judge(site(name, key, more));
    return result.ok ? "right" : result.error.detail;
  };
  expect(why("usage", { keyUsage: "keyEncipherment" })).toContain("without digitalSignature");
  expect(why("as-ca", { isCa: true })).toContain("is for an authority");
  expect(why("sha1", { hash: "sha1", issuer: authority })).toContain("ECDSA with SHA-1");
  const critical = { more: ["1.2.3.4=critical,ASN1:NULL"] };
  expect(why("critical", critical)).toContain("critical extension 1.2.3.4");
  expect(why("harmless", { more: ["extendedKeyUsage=critical,serverAuth"] })).toBe("right");
  const small = site("small", "rsa-1024");
  expect(readSigningKey(small.pem, small.keyPem, "pss")).toMatchObject({
    error: { file: "certificate", what: expect.stringContaining("1024 bits") },
  });
});

test("without a certificate, and with one that cannot be read", () => {
  const request = { op: "verify", octets: OCTETS, method: 9, signature: OCTETS } as const;
  const anchors = anchorsOf(authority);
  const judged = (certificates: readonly Uint8Array[]) =>
    kindOf(performSignature({ ...request, certificates, anchors }, Date.now()));
  expect(judged([])).toBe("certificate-missing");
  expect(judged([OCTETS])).toBe("certificate-malformed");
});

test("cut short or changed anywhere, a certificate is refused, and nothing is thrown", () => {
  const issued = sites.get("p256");
  if (issued === undefined) throw new Error("p256");
  const der = keyOf(issued).certificates[0] ?? new Uint8Array(0);
  for (let length = 0; length < der.length; length++) {
    expect(parseCertificate(der.subarray(0, length)).ok).toBe(false);
  }
  const anchors = anchorsOf(authority);
  const request = { op: "verify", octets: OCTETS, method: 9, signature: OCTETS, anchors } as const;
  for (let at = 0; at < der.length; at++) {
    for (const flip of [0x01, 0x80, 0xff]) {
      const changed = der.with(at, (der[at] ?? 0) ^ flip);
      const result = performSignature({ ...request, certificates: [changed] }, Date.now());
      expect(result.ok).toBe(false);
      isSlowSignature({ ...request, certificates: [changed] });
    }
  }
});

test("slow work goes to a thread: RSA signing, P-384 and P-521, long chains", () => {
  const anchors = anchorsOf(authority);
  const slow = (key: PkiKey) => {
    const own = keyOf(sites.get(key) ?? authority);
    const { certificates } = own;
    const verify = { op: "verify", octets: OCTETS, method: 14, signature: OCTETS } as const;
    return [
      isSlowSignature({ op: "sign", key: own, octets: OCTETS, hashes: ALL_HASHES }),
      isSlowSignature({ ...verify, certificates, anchors }),
      isSlowSignature({ ...verify, certificates: Array(4).fill(certificates[0]), anchors }),
    ];
  };
  expect(slow("rsa")).toEqual([true, false, true]);
  expect(slow("p256")).toEqual([false, false, true]);
  expect(slow("ed25519")).toEqual([false, false, true]);
  expect(slow("p384")).toEqual([true, true, true]);
  expect(slow("p521")).toEqual([true, true, true]);
});

test("PEM files that are refused", () => {
  const [rsa, p256] = [sites.get("rsa"), sites.get("p256")];
  if (rsa === undefined || p256 === undefined) throw new Error("sites");
  const fault = (certificate: string, key: string) => {
    const read = readSigningKey(certificate, key, "pss");
    return read.ok ? "right" : `${read.error.file}: ${read.error.what}`;
  };
  expect(fault(rsa.pem + authority.pem, rsa.keyPem)).toBe("right");
  expect(fault(rsa.pem, p256.keyPem)).toContain("key: it is not the key of the first certificate");
  expect(fault("", rsa.keyPem)).toBe("certificate: no PEM certificate is in it");
  expect(fault(rsa.pem, "")).toBe("key: no PEM private key is in it");
  const encrypted =
    "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----";
  expect(fault(rsa.pem, encrypted)).toContain("passphrase");
  const broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----";
  expect(fault(broken, rsa.keyPem)).toContain("certificate 1 in it cannot be read");
  expect(readTrustAnchors(p256.pem)).toMatchObject({
    error: expect.stringContaining("is not an authority"),
  });
  expect(readTrustAnchors(authority.pem).ok).toBe(true);
});

test("IKEv1: RSA signs a hash as it is; other keys cannot, and nothing else verifies", () => {
  const hash = new Uint8Array(20).fill(7);
  const issue = (name: string, key: PkiKey) =>
    pki.issue({ name, subject: `/CN=${name}`, issuer: authority, key });
  const [site, other, curve] = [
    issue("ikev1", "rsa"),
    issue("ikev1-other", "rsa"),
    issue("ikev1-ec", "p256"),
  ];
  const anchors = anchorsOf(authority);
  const signed = (issued: Issued) =>
    performSignature(
      { op: "sign", key: keyOf(issued), octets: hash, hashes: undefined, isHash: true },
      0,
    );
  const made = signed(site);
  if (!made.ok || made.value.op !== "sign") throw new Error("not signed");
  const { method, signature } = made.value;
  const verified = (octets: Uint8Array, from: Issued, data = signature) => {
    const { certificates } = keyOf(from);
    const request = { op: "verify", octets, method, signature: data, certificates } as const;
    const judged = performSignature({ ...request, anchors, isHash: true }, Date.now());
    return judged.ok || judged.error.kind;
  };
  expect(verified(hash, site)).toBe(true);
  expect(verified(hash.with(3, 8), site)).toBe("wrong-signature");
  expect(verified(hash, other)).toBe("wrong-signature");
  expect(verified(hash, curve)).toBe("signature-algorithm");
  expect(verified(hash, site, signature.with(9, 1))).toBe("wrong-signature");
  expect(verified(hash, site, new Uint8Array(0))).toBe("wrong-signature");
  const ofCurve = signed(curve);
  expect(ofCurve.ok ? "" : ofCurve.error.kind).toBe("signature-algorithm");
  // A signature of IKEv2 names its hash: it is none of IKEv1, and the other way round.
  const named = performSignature(
    { op: "sign", key: keyOf(site), octets: hash, hashes: undefined },
    0,
  );
  if (!named.ok || named.value.op !== "sign") throw new Error("not signed");
  expect(verified(hash, site, named.value.signature)).toBe("wrong-signature");
});
