/** Makes and verifies signatures (RFC 7296 §2.15, RFC 7427; of IKEv1: RFC 2409 §5.1). */

import { createPrivateKey, type KeyObject, privateEncrypt, sign } from "node:crypto";
import { concat } from "../octets/concat.ts";
import { toHex } from "../octets/hex.ts";
import { err, ok } from "../octets/result.ts";
import { sha256 } from "./hash.ts";
import { plain } from "./plain.ts";
import {
  AuthMethod,
  type CertificateHolder,
  type SignatureFault,
  type SignatureRequest,
  type SignatureResult,
  type SigningKey,
  type TrustAnchors,
} from "./signature.ts";
import { algorithmName } from "./x509/algorithm.ts";
import { readAuthData, signingPlan } from "./x509/auth-signature.ts";
import { type Certificate, parseCertificate } from "./x509/certificate.ts";
import { anchorOf } from "./x509/chain.ts";
import { DSA, isHashSignedBy, isSignedBy, PKCS1, paddingOf } from "./x509/verify.ts";

type Sign = Extract<SignatureRequest, { op: "sign" }>;
type Verify = Extract<SignatureRequest, { op: "verify" }>;

/** Certificates in one message, and their octets, that are small enough to verify at once. */
const QUICK_CERTIFICATES = 3;
const QUICK_OCTETS = 6_000;
const QUICK_RSA_BITS = 4_096;

/**
 * Whether it needs a thread of its own: signing with RSA, and anything with P-384 or P-521, which
 * take milliseconds; and unusually large messages of a peer.
 */
export function isSlowSignature(request: SignatureRequest): boolean {
  if (request.op === "sign") return !isQuickKey(request.key.kind);
  const { certificates, anchors } = request;
  const octets = certificates.reduce((sum, { length }) => sum + length, 0);
  if (certificates.length > QUICK_CERTIFICATES || octets > QUICK_OCTETS) return true;
  const all = [...certificates.flatMap(parsed), ...anchorsFor(anchors)];
  return all.some(({ key }) => {
    if (key.kind === "rsa") return key.bits > QUICK_RSA_BITS;
    return key.kind !== "unknown" && !isQuickKey(key.kind);
  });
}

function isQuickKey(kind: SigningKey["kind"]): boolean {
  return kind === "ecdsa-p256" || kind === "ed25519";
}

/**
 * Carries it out. `wallMs`: the time of day, ms since 1970. Without `keepsKey`, the key is read
 * anew each time. Nothing that a peer sends makes it throw.
 */
export function performSignature(
  request: SignatureRequest,
  wallMs: number,
  keepsKey = true,
): SignatureResult {
  return request.op === "sign" ? performSign(request, keepsKey) : performVerify(request, wallMs);
}

function performSign(request: Sign, keepsKey: boolean): SignatureResult {
  const { key, octets, hashes, accepted } = request;
  if (request.isHash === true) return signHash(key, octets, keepsKey);
  const plan = signingPlan(key, hashes, accepted);
  if (!plan.ok) {
    const detail = "the site cannot verify signatures of our key";
    return err({ kind: "signature-algorithm", detail, ...plan.error });
  }
  const { method, algorithm, ecdsaForm, prefix } = plan.value;
  try {
    const object = privateKeyOf(key, keepsKey);
    const signature =
      algorithm.scheme === "ed25519"
        ? sign(null, octets, object)
        : algorithm.scheme === "ecdsa"
          ? sign(algorithm.hash, octets, { key: object, dsaEncoding: DSA[ecdsaForm] })
          : sign(algorithm.hash, octets, { key: object, ...paddingOf(algorithm) });
    return ok({ op: "sign", method, signature: concat(prefix, plain(signature)) });
  } catch (cause) {
    return cannotSign(cause);
  }
}

/** RFC 2409 §5.1: a private key encryption as in PKCS #1, and no signature as there. */
function signHash(key: SigningKey, hash: Uint8Array, keepsKey: boolean): SignatureResult {
  if (key.kind !== "rsa") {
    const detail = "signatures of IKEv1 need an RSA key on our side";
    const sides = { offered: ["RSA"], wanted: [key.kind] };
    return err({ kind: "signature-algorithm", detail, ...sides });
  }
  try {
    const signature = privateEncrypt({ key: privateKeyOf(key, keepsKey), ...PKCS1 }, hash);
    return ok({ op: "sign", method: AuthMethod.RSA, signature: plain(signature) });
  } catch (cause) {
    return cannotSign(cause);
  }
}

function cannotSign(cause: unknown): SignatureResult {
  const detail = `our key cannot sign: ${cause instanceof Error ? cause.message : "?"}`;
  return err({ kind: "signature-failed", detail });
}

function performVerify(request: Verify, wallMs: number): SignatureResult {
  const { octets, method, certificates, anchors, isHash = false } = request;
  const received = readAuthData(isHash ? AuthMethod.RSA : method, request.signature);
  if (!received.ok) return refusedAlgorithm(received.error);
  const chain: Certificate[] = [];
  for (const [i, der] of certificates.entries()) {
    const certificate = parseCertificate(der);
    if (certificate.ok) chain.push(certificate.value);
    // An unreadable certificate among the others is ignored; the site's own has to be readable.
    else if (i === 0) {
      const { where, detail } = certificate.error;
      return err({ kind: "certificate-malformed", detail: `${where}: ${detail}` });
    }
  }
  const anchor = anchorOf(chain, anchorsFor(anchors), wallMs);
  if (!anchor.ok) return anchor;
  const [own] = chain;
  if (own === undefined) return err({ kind: "certificate-missing", detail: "no certificate" });
  const { algorithms, ecdsaForm, signature } = received.value;
  if (isHash) {
    if (!isHashSignedBy(own, octets, signature)) return err(wrongHashSignature(own));
    return ok({ op: "verify", holder: holderOf(own, anchor.value), algorithm: "RSA" });
  }
  const right = algorithms.find((algorithm) =>
    isSignedBy(own, { algorithm, octets, signature, ecdsaForm }),
  );
  if (right !== undefined) {
    return ok({
      op: "verify",
      holder: holderOf(own, anchor.value),
      algorithm: algorithmName(right),
    });
  }
  return err(wrongSignature(own, method));
}

function wrongHashSignature({ subject, key }: Certificate): SignatureFault {
  if (key.kind === "rsa") {
    const detail = `the site's signature does not match the key in the certificate of ${subject}`;
    return { kind: "wrong-signature", detail };
  }
  const detail = "signatures of IKEv1 need a certificate with an RSA key";
  return { kind: "signature-algorithm", detail, offered: [key.kind], wanted: ["RSA"] };
}

function wrongSignature({ subject }: Certificate, method: number): SignatureFault {
  const detail = `the site's signature does not match the key in the certificate of ${subject}`;
  if (method !== AuthMethod.RSA) return { kind: "wrong-signature", detail };
  const more = "; AUTH method 1 with SHA-1 is not accepted: the site needs RFC 7427, or SHA-2";
  return { kind: "wrong-signature", detail: `${detail}${more}` };
}

function refusedAlgorithm(name: string): SignatureResult {
  return err({
    kind: "signature-algorithm",
    detail: `the site signs with ${name}, which is not accepted`,
    offered: [name],
    wanted: ["RSA, RSASSA-PSS or ECDSA with SHA2-256, SHA2-384 or SHA2-512", "Ed25519"],
  });
}

/** What a certificate says about its holder, copied out of the message. */
export function holderOf(own: Certificate, anchor: Certificate): CertificateHolder {
  const { dnsNames, mailAddresses, ipAddresses } = own.extensions;
  return {
    subject: own.subject,
    issuer: own.issuer,
    serial: own.serial,
    dnsNames,
    mailAddresses,
    subjectDer: own.subjectDer.slice(),
    ipAddresses: ipAddresses.map((address) => address.slice()),
    anchor: certificateId(anchor.der),
    notAfterMs: own.notAfterMs,
  };
}

/** SHA-256 in hex digits. */
export function certificateId(der: Uint8Array): string {
  return toHex(sha256(der));
}

function parsed(der: Uint8Array): readonly Certificate[] {
  const certificate = parseCertificate(der);
  return certificate.ok ? [certificate.value] : [];
}

/** Few configurations are in force at a time: the parsed keys of the last ones are cached. */
const KEPT_MAX = 16;
const keptAnchors = new Map<string, readonly Certificate[]>();
const keptKeys = new Map<string, KeyObject>();

function anchorsFor({ ids, certificates }: TrustAnchors): readonly Certificate[] {
  return kept(keptAnchors, ids.join(" "), () => certificates.flatMap(parsed));
}

/** Reading an RSA key takes longer than a signature with it. */
function privateKeyOf({ id, privateKey }: SigningKey, isKept: boolean): KeyObject {
  const read = () => createPrivateKey({ key: privateKey, format: "der", type: "pkcs8" });
  return isKept ? kept(keptKeys, id, read) : (keptKeys.get(id) ?? read());
}

/** Forgets all private keys but those with these IDs. */
export function forgetKeysBut(ids: ReadonlySet<string>): void {
  for (const id of keptKeys.keys()) if (!ids.has(id)) keptKeys.delete(id);
}

/** The IDs of the private keys that are kept in this thread: for checks. */
export function keptKeyIds(): readonly string[] {
  return [...keptKeys.keys()];
}

function kept<T>(table: Map<string, T>, id: string, make: () => T): T {
  const known = table.get(id);
  if (known !== undefined) return known;
  const made = make();
  for (const oldest of table.keys()) {
    if (table.size < KEPT_MAX) break;
    table.delete(oldest);
  }
  table.set(id, made);
  return made;
}
