/** The Certificate and Certificate Request payloads (RFC 7296 §3.6, §3.7). */

import type { Reader } from "../../../octets/reader.ts";
import type { Writer } from "../../../octets/writer.ts";
import type { CertPayload, CertReqPayload } from "../message.ts";

/** Encodings that are understood; readers of the payloads skip others. */
export const CertEncoding = { X509_SIGNATURE: 4 } as const;

// | Cert Encoding |                                               |
// ~                       Certificate Data                        ~

/** Reads a CERT payload, but not the certificate in it. */
export function parseCert(r: Reader): CertPayload {
  const encoding = r.u8();
  return { kind: "CERT", encoding, data: r.rest() };
}

/** Writes the body of a CERT payload. */
export function emitCert(w: Writer, payload: CertPayload): void {
  w.u8(payload.encoding).octets(payload.data);
}

// | Cert Encoding |                                               |
// ~                    Certification Authority                    ~

/** Reads a CERTREQ payload. It is only a hint (§3.7): strange hashes in it are not a fault. */
export function parseCertReq(r: Reader): CertReqPayload {
  const encoding = r.u8();
  return { kind: "CERTREQ", encoding, authorities: r.rest() };
}

/** Writes the body of a CERTREQ payload. */
export function emitCertReq(w: Writer, payload: CertReqPayload): void {
  w.u8(payload.encoding).octets(payload.authorities);
}
