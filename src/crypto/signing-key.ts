/** Certificates and private keys from PEM files (RFC 7468): our own, and those that we trust. */

import { createPrivateKey, createPublicKey, type KeyObject } from "node:crypto";
import { concat, equalOctets } from "../octets/concat.ts";
import { toHex } from "../octets/hex.ts";
import { DAY_MS } from "../octets/instant.ts";
import { err, ok, type Result } from "../octets/result.ts";
import { sha1, sha256 } from "./hash.ts";
import { plain } from "./plain.ts";
import type { CertificateHolder, SigningKey, TrustAnchors } from "./signature.ts";
import { certificateId, holderOf } from "./signature-work.ts";
import { type Certificate, parseCertificate } from "./x509/certificate.ts";
import { commonFault, RSA_BITS_MAX, RSA_BITS_MIN } from "./x509/chain.ts";
import { formatTime } from "./x509/time.ts";

/** Certificates in one file: a bundle of all public authorities is a mistake. */
const CA_MAX = 64;
const CHAIN_MAX = 8;

/** All certificates of a PEM text, in order; or what is wrong with it. */
function readCertificates(pem: string): Result<readonly Certificate[], string> {
  const certificates: Certificate[] = [];
  for (const [, base64 = ""] of pem.matchAll(PEM_CERTIFICATE)) {
    const der = base64Octets(base64);
    const certificate = der === undefined ? undefined : parseCertificate(der);
    const number = certificates.length + 1;
    if (certificate === undefined) return err(`certificate ${number} in it is not base64`);
    if (!certificate.ok) {
      const { where, detail } = certificate.error;
      return err(`certificate ${number} in it cannot be read: ${where}: ${detail}`);
    }
    certificates.push(certificate.value);
  }
  return certificates.length === 0 ? err("no PEM certificate is in it") : ok(certificates);
}

/** Our certificate chain with its key; or which of the two is wrong, and how. */
export function readSigningKey(
  certificatePem: string,
  keyPem: string,
  rsaPadding: SigningKey["rsaPadding"],
): Result<
  { readonly key: SigningKey; readonly certificates: readonly Certificate[] },
  { readonly file: "certificate" | "key"; readonly what: string }
> {
  const certificates = readCertificates(certificatePem);
  if (!certificates.ok) return err({ file: "certificate", what: certificates.error });
  const [own] = certificates.value;
  if (own === undefined || certificates.value.length > CHAIN_MAX) {
    return err({ file: "certificate", what: `more than ${CHAIN_MAX} certificates are in it` });
  }
  const { kind } = own.key;
  if (kind === "unknown") return err({ file: "certificate", what: `its key is ${own.key.name}` });
  if (kind === "rsa" && (own.key.bits < RSA_BITS_MIN || own.key.bits > RSA_BITS_MAX)) {
    const bits = `${RSA_BITS_MIN} to ${RSA_BITS_MAX}`;
    return err({
      file: "certificate",
      what: `its RSA key has ${own.key.bits} bits, needs ${bits}`,
    });
  }
  const privateKey = readPrivateKey(keyPem);
  if (!privateKey.ok) return err({ file: "key", what: privateKey.error });
  if (!belongs(privateKey.value, own)) {
    return err({
      file: "key",
      what: "it is not the key of the first certificate of certificate_file",
    });
  }
  const octets = plain(privateKey.value.export({ type: "pkcs8", format: "der" }));
  const ders = certificates.value.map(({ der }) => der);
  const id = toHex(sha256(...ders, octets));
  return ok({
    key: {
      id,
      kind,
      certificates: ders,
      privateKey: octets,
      rsaPadding,
      subject: own.subject,
      subjectDer: own.subjectDer,
    },
    certificates: certificates.value,
  });
}

/** The authorities of a PEM text; or what is wrong with it. */
export function readTrustAnchors(
  pem: string,
): Result<
  { readonly anchors: TrustAnchors; readonly certificates: readonly Certificate[] },
  string
> {
  const read = readCertificates(pem);
  if (!read.ok) return read;
  if (read.value.length > CA_MAX) return err(`more than ${CA_MAX} certificates are in it`);
  for (const { extensions, subject, key } of read.value) {
    if (!extensions.isCa)
      return err(`${subject} in it is not an authority (basicConstraints CA:TRUE)`);
    if (extensions.keyUsage?.keyCertSign === false) {
      return err(`${subject} in it may not sign certificates (keyUsage)`);
    }
    if (key.kind === "unknown") return err(`the key of ${subject} in it is ${key.name}`);
  }
  return ok({
    anchors: {
      certificates: read.value.map(({ der }) => der),
      ids: read.value.map(({ der }) => certificateId(der)),
      keyIds: concat(...read.value.map(({ publicKey }) => sha1(publicKey))),
    },
    certificates: read.value,
  });
}

/** What is wrong with a certificate at this time, or will be soon, in words; undefined: nothing. */
export function timeFault(certificate: Certificate, wallMs: number): string | undefined {
  const fault = commonFault(certificate, wallMs);
  if (fault !== undefined) return fault.detail;
  const leftMs = certificate.notAfterMs - wallMs;
  if (leftMs > SOON_MS) return undefined;
  const days = Math.floor(leftMs / DAY_MS);
  const when = formatTime(certificate.notAfterMs);
  return `the certificate of ${certificate.subject} expires in ${days} days, on ${when}`;
}

const SOON_MS = 30 * DAY_MS;

/** What our own certificate says about us. */
export function ownHolder(own: Certificate): CertificateHolder {
  return holderOf(own, own);
}

function readPrivateKey(pem: string): Result<KeyObject, string> {
  if (/-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: 4,ENCRYPTED/m.test(pem)) {
    return err("the private key in it has a passphrase, which cannot be entered");
  }
  if (!/-----BEGIN ([A-Z]+ )?PRIVATE KEY-----/.test(pem)) return err("no PEM private key is in it");
  try {
    return ok(createPrivateKey(pem));
  } catch {
    return err("the private key in it cannot be read");
  }
}

function belongs(privateKey: KeyObject, { publicKey }: Certificate): boolean {
  try {
    const own = createPublicKey({ key: publicKey, format: "der", type: "spki" });
    const made = createPublicKey(privateKey);
    return equalOctets(spki(own), spki(made));
  } catch {
    return false;
  }
}

function spki(key: KeyObject): Uint8Array {
  return plain(key.export({ type: "spki", format: "der" }));
}

function base64Octets(text: string): Uint8Array | undefined {
  try {
    return Uint8Array.from(atob(text.replace(/\s+/g, "")), (char) => char.charCodeAt(0));
  } catch {
    return undefined;
  }
}

const PEM_CERTIFICATE = /-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]*)-----END CERTIFICATE-----/g;
