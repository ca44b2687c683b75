/** Signatures and certificates for simulations: shaped like real ones, without any security. */

import { sha256 } from "../../src/crypto/hash.ts";
import {
  AuthMethod,
  type SignatureRequest,
  type SignatureResult,
  type SigningKey,
  type TrustAnchors,
} from "../../src/crypto/signature.ts";
import type { ErouteAuth } from "../../src/eroute/eroute.ts";
import { equalOctets } from "../../src/octets/concat.ts";
import { err, ok } from "../../src/octets/result.ts";

const utf8 = new TextEncoder();
const ANCHOR = "toy authority";

/** A key with a certificate for `name`, issued by `anchor`. */
export function toyKey(name: string, anchor = ANCHOR): SigningKey {
  return keyWith(name, { name, anchor }, "ed25519");
}

/** The same for IKEv1, which signs with RSA only; `more`: what else its certificate says. */
export function toyRsaKey(
  name: string,
  more: { readonly anchor?: string; readonly isExpired?: boolean } = {},
): SigningKey {
  return keyWith(name, { name, anchor: ANCHOR, ...more }, "rsa");
}

function keyWith(name: string, says: object, kind: SigningKey["kind"]): SigningKey {
  const certificate = utf8.encode(JSON.stringify(says));
  return {
    id: name,
    kind,
    subject: `CN=${name}`,
    subjectDer: utf8.encode(name),
    certificates: [certificate],
    privateKey: utf8.encode(`private key of ${name}`),
    rsaPadding: "pss",
  };
}

/** The authority of all toy certificates unless they name another. */
export const TOY_ANCHORS: TrustAnchors = {
  certificates: [utf8.encode(ANCHOR)],
  ids: [ANCHOR],
  keyIds: new Uint8Array(20).fill(0xca),
};

/**
 * A signature is a hash over certificate and octets: anyone who has the certificate can make it.
 */
export function toySignature(op: SignatureRequest): SignatureResult {
  if (op.op === "sign") {
    const signature = signatureOf(op.key.certificates[0] ?? new Uint8Array(0), op.octets);
    return ok({ op: "sign", method: AuthMethod.DIGITAL_SIGNATURE, signature });
  }
  const [certificate] = op.certificates;
  if (certificate === undefined) return err({ kind: "certificate-missing", detail: "toy" });
  const read = readToy(certificate);
  if (read === undefined) return err({ kind: "certificate-malformed", detail: "toy" });
  if (read.isExpired) return err({ kind: "certificate-expired", detail: "toy" });
  if (!op.anchors.ids.includes(read.anchor)) return err({ kind: "issuer-unknown", detail: "toy" });
  if (!equalOctets(signatureOf(certificate, op.octets), op.signature)) {
    return err({ kind: "wrong-signature", detail: "toy" });
  }
  const { name, anchor } = read;
  return ok({
    op: "verify",
    algorithm: "toy",
    holder: {
      ...{ subject: `CN=${name}`, subjectDer: utf8.encode(name), issuer: `CN=${anchor}` },
      ...{ serial: "01", dnsNames: [name], mailAddresses: [], ipAddresses: [] },
      ...{ anchor, notAfterMs: 2_000_000_000_000 },
    },
  });
}

/** Both ends with certificates, or each as it is said here. */
export function toyAuth(
  own: string | undefined,
  peer: ErouteAuth["peer"]["kind"],
  anchors: TrustAnchors = TOY_ANCHORS,
): ErouteAuth {
  return {
    own: own === undefined ? { kind: "psk" } : { kind: "signature", key: toyKey(own) },
    peer: peer === "psk" ? { kind: "psk" } : { kind: peer, anchors },
  };
}

function signatureOf(certificate: Uint8Array, octets: Uint8Array): Uint8Array {
  return sha256(certificate, octets);
}

type ToyCertificate = {
  readonly name: string;
  readonly anchor: string;
  readonly isExpired: boolean;
};

function readToy(octets: Uint8Array): ToyCertificate | undefined {
  try {
    const read: unknown = JSON.parse(new TextDecoder().decode(octets));
    if (typeof read !== "object" || read === null || !("name" in read) || !("anchor" in read)) {
      return undefined;
    }
    const isExpired = "isExpired" in read && read.isExpired === true;
    return { name: String(read.name), anchor: String(read.anchor), isExpired };
  } catch {
    return undefined;
  }
}
