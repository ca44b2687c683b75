/** Whether a certificate belongs to the ID that the peer sent (RFC 7296 §3.5, RFC 4945 §3.1). */

import type { CertificateHolder } from "../crypto/signature.ts";
import { addressFromOctets, formatAddress } from "../inet/address.ts";
import { equalOctets } from "../octets/concat.ts";
import { nameText } from "../octets/distinguished-name.ts";
import { type Identity, IdType } from "../wire/identity.ts";

/**
 * A name or an address must be in subjectAltName; a DER_ASN1_DN must equal the subject. No
 * certificate holds a KEY_ID. A wildcard in a certificate matches no ID.
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

/** All names in a certificate, written as IDs that a site could send. */
export function namesOf(holder: CertificateHolder): readonly string[] {
  const addresses = holder.ipAddresses.flatMap((octets) => addressFromOctets(octets) ?? []);
  return [
    holder.subject,
    ...holder.dnsNames,
    ...holder.mailAddresses,
    ...addresses.map(formatAddress),
  ];
}

/** Names in certificates are ASCII: a text of another length than the ID's octets differs. */
function isOneOf(names: readonly string[], data: Uint8Array): boolean {
  const near = names.filter(({ length }) => length === data.length);
  if (near.length === 0) return false;
  const text = textOf(data);
  return near.some((name) => isSameName(name, text));
}

/** Whether two names are equal, whichever string types they are encoded with (RFC 5280 §7.1). */
function isSameSubject({ subjectDer }: CertificateHolder, der: Uint8Array): boolean {
  return (
    equalOctets(subjectDer, der) || isSameName(nameText(subjectDer) ?? "", nameText(der) ?? "")
  );
}

/** The case of ASCII letters does not matter, as in peer IDs. */
function isSameName(a: string, b: string): boolean {
  return a !== "" && lower(a) === lower(b);
}

function lower(text: string): string {
  return text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

function textOf(data: Uint8Array): string {
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(data);
}
