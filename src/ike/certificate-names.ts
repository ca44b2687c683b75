/** Whether a certificate is one of who the peer says to be (RFC 7296 §3.5, RFC 4945 §3.1). */

import type { CertificateHolder } from "../crypto/signature.ts";
import { addressFromOctets, formatAddress } from "../inet/address.ts";
import { equalOctets } from "../octets/concat.ts";
import { nameText } from "../octets/distinguished-name.ts";
import { type Identity, IdType } from "../wire/identity.ts";

/**
 * A name or an address has to be in subjectAltName, a DER_ASN1_DN to be the subject. A KEY_ID
 * stands in no certificate. Wildcards in certificates are names of nobody.
 */
export function isNameOf(holder: CertificateHolder, { idType, data }: Identity): boolean {
  switch (idType) {
    case IdType.FQDN:
      return isOneOf(holder.dnsNames, data);
    case IdType.RFC822_ADDR:
      return isOneOf(holder.mailAddresses, data);
    case IdType.IPV4_ADDR:
    case IdType.IPV6_ADDR:
      return holder.ipAddresses.some((address) => equalOctets(address, data));
    case IdType.DER_ASN1_DN:
      return isSameSubject(holder, data);
    default:
      return false;
  }
}

/** All names of a certificate, as a site could present them. */
export function namesOf(holder: CertificateHolder): readonly string[] {
  const addresses = holder.ipAddresses.flatMap((octets) => addressFromOctets(octets) ?? []);
  return [
    holder.subject,
    ...holder.dnsNames,
    ...holder.mailAddresses,
    ...addresses.map(formatAddress),
  ];
}

/** Names of certificates are ASCII: of another length than the octets none is the same. */
function isOneOf(names: readonly string[], data: Uint8Array): boolean {
  const near = names.filter(({ length }) => length === data.length);
  if (near.length === 0) return false;
  const text = textOf(data);
  return near.some((name) => isSameName(name, text));
}

/** Whatever kinds of strings either end writes it in (RFC 5280 §7.1). */
function isSameSubject({ subjectDer }: CertificateHolder, der: Uint8Array): boolean {
  return (
    equalOctets(subjectDer, der) || isSameName(nameText(subjectDer) ?? "", nameText(der) ?? "")
  );
}

/** ASCII letters count the same in either case, as in peer IDs. */
function isSameName(a: string, b: string): boolean {
  return a !== "" && lower(a) === lower(b);
}

function lower(text: string): string {
  return text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

function textOf(data: Uint8Array): string {
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(data);
}
