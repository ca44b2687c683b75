/** What an end shows with its signature, in both versions of IKE: certificates that name its ID. */

import type { CertificateHolder, SignatureAnswer, SignatureResult } from "../crypto/signature.ts";
import { err, ok, type Result } from "../octets/result.ts";
import { type Identity, identityText } from "../wire/identity.ts";
import { isNameOf, namesOf } from "./certificate-names.ts";
import { CERTIFICATE_OCTETS_MAX, CERTIFICATES_MAX } from "./limits.ts";
import type { Refusal } from "./refusal.ts";

/** X.509 certificate for signatures (RFC 2408 §3.9, RFC 7296 §3.6). */
export const X509_SIGNATURE = 4;

type Cert = { readonly kind: "CERT"; readonly encoding: number; readonly data: Uint8Array };

/** The certificates in a message, copied; too many are refused (RFC 7296 §3.6). */
export function certificatesIn(
  payloads: readonly (Cert | { readonly kind: string })[],
): Result<readonly Uint8Array[], Refusal> {
  const certificates: Uint8Array[] = [];
  for (const payload of payloads) {
    // Other encodings (hash and URL, CRL, …) were not asked for and are ignored.
    if (!isCert(payload) || payload.encoding !== X509_SIGNATURE) continue;
    const { length } = payload.data;
    if (certificates.length >= CERTIFICATES_MAX || length > CERTIFICATE_OCTETS_MAX) {
      const detail =
        `more than ${CERTIFICATES_MAX} certificates, or one of more than ` +
        `${CERTIFICATE_OCTETS_MAX} octets`;
      return err({ kind: "certificate", fault: { kind: "certificate-unfit", detail } });
    }
    certificates.push(payload.data.slice());
  }
  return ok(certificates);
}

function isCert(payload: Cert | { readonly kind: string }): payload is Cert {
  return payload.kind === "CERT";
}

/** Certificates of ours as payloads. */
export function certPayloads(certificates: readonly Uint8Array[]): readonly Cert[] {
  return certificates.map((data) => ({ kind: "CERT", encoding: X509_SIGNATURE, data }));
}

/** The answer to a request, or why it could not be carried out. */
export function signatureAnswer<K extends SignatureAnswer["op"]>(
  result: SignatureResult,
  op: K,
): Result<Extract<SignatureAnswer, { op: K }>, Refusal> {
  if (!result.ok) return err({ kind: "certificate", fault: result.error });
  const { value } = result;
  if (value.op === op) return ok(value as Extract<SignatureAnswer, { op: K }>);
  const detail = "the answer is not what was asked for";
  return err({ kind: "certificate", fault: { kind: "signature-failed", detail } });
}

/** A signature has been judged: if it is right, its certificate has to name the end's ID. */
export function holderNamed(
  identity: Identity,
  result: SignatureResult,
): Result<CertificateHolder, Refusal> {
  const answer = signatureAnswer(result, "verify");
  if (!answer.ok) return answer;
  const { holder } = answer.value;
  if (isNameOf(holder, identity)) return ok(holder);
  return err({ kind: "id-not-in-certificate", id: identityText(identity), names: namesOf(holder) });
}
