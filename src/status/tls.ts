/** Checks, before they are used, whether a certificate and its key can be served. */

import { createPrivateKey, X509Certificate } from "node:crypto";

/** PEM texts. */
export type Tls = { readonly cert: string; readonly key: string };

/** What is wrong with them at this time of day; undefined if nothing is. */
export function tlsFault({ cert, key }: Tls, nowWallMs: number): string | undefined {
  let certificate: X509Certificate;
  try {
    certificate = new X509Certificate(cert);
  } catch {
    return "status.tls_cert_file holds no certificate that can be read";
  }
  try {
    if (!certificate.checkPrivateKey(createPrivateKey(key))) {
      return "status.tls_key_file is not the key of the certificate in tls_cert_file";
    }
  } catch {
    return "status.tls_key_file holds no private key that can be read (it must have no passphrase)";
  }
  if (Date.parse(certificate.validTo) < nowWallMs) {
    return `status.tls_cert_file: the certificate was valid until ${certificate.validTo}: renew it`;
  }
  return undefined;
}
