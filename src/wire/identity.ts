/** Identities as every version of IKE carries them, and as people write them (RFC 7296 §3.5). */

import { addressFromOctets, addressOctets, formatAddress, parseAddress } from "../inet/address.ts";
import { equalOctets } from "../octets/concat.ts";
import { nameText, parseName } from "../octets/distinguished-name.ts";
import { fromHex, toHex } from "../octets/hex.ts";
import { hasUnseen } from "../octets/visible-text.ts";

/** An identity as the ID payload carries it (§3.5). */
export type Identity = { readonly idType: number; readonly data: Uint8Array };

export const IdType = {
  IPV4_ADDR: 1,
  FQDN: 2,
  RFC822_ADDR: 3,
  IPV6_ADDR: 5,
  DER_ASN1_DN: 9,
  DER_ASN1_GN: 10,
  KEY_ID: 11,
} as const;

/** So many octets of an identity are read: no name or ID that is accepted is longer. */
export const IDENTITY_OCTETS_MAX = 1_024;
/**
 * So many octets of a longer one are shown: in hex, more characters than any pattern or table
 * takes.
 */
const SHOWN_OCTETS = 128;

/**
 * An identity as text for logs, patterns and tables: a name or an address; or `0x` and hex digits,
 * if the octets cannot be shown faithfully as text. Two names never have the same text, and no name
 * looks like the hex form. If an identity is longer than {@link IDENTITY_OCTETS_MAX}, only its
 * beginning is given, which is too long for an ID and matches nothing.
 */
export function identityText(identity: Identity): string {
  const { idType, data } = identity;
  if (data.length > IDENTITY_OCTETS_MAX) return hexText(data.subarray(0, SHOWN_OCTETS));
  switch (idType) {
    case IdType.IPV4_ADDR:
    case IdType.IPV6_ADDR: {
      const address = addressFromOctets(data);
      return address === undefined ? hexText(data) : formatAddress(address);
    }
    case IdType.FQDN:
    case IdType.RFC822_ADDR:
      return plainText(data) ?? hexText(data);
    case IdType.KEY_ID: {
      const text = plainText(data);
      return text !== undefined && PRINTABLE_ASCII.test(text) ? text : hexText(data);
    }
    case IdType.DER_ASN1_DN:
      return nameText(data) ?? hexText(data);
    default:
      return hexText(data);
  }
}

/**
 * Reads an identity from text: an address, `0x` and hex digits (KEY_ID), `keyid:` and text
 * (KEY_ID), text with `@` in it (RFC822_ADDR), the subject of a certificate such as `C=CH, O=Fleet,
 * CN=site-1` (DER_ASN1_DN), or any other text (FQDN).
 */
export function parseIdentity(text: string): Identity {
  const address = parseAddress(text);
  if (address !== undefined) {
    const idType = address.family === 4 ? IdType.IPV4_ADDR : IdType.IPV6_ADDR;
    return { idType, data: addressOctets(address) };
  }
  const octets = octetsOfHexText(text);
  if (octets !== undefined) return { idType: IdType.KEY_ID, data: octets };
  if (text.startsWith(KEY_ID_PREFIX)) {
    return { idType: IdType.KEY_ID, data: utf8.encode(text.slice(KEY_ID_PREFIX.length)) };
  }
  const name = parseName(text);
  if (name !== undefined) return { idType: IdType.DER_ASN1_DN, data: name };
  const idType = text.includes("@") ? IdType.RFC822_ADDR : IdType.FQDN;
  return { idType, data: utf8.encode(text) };
}

/** The text of UTF-8 octets, unless a reader could take it for another one. */
function plainText(data: Uint8Array): string | undefined {
  const text = utf8Decoder.decode(data);
  if (!equalOctets(utf8.encode(text), data)) return undefined;
  if (text === "" || hasUnseen(text) || text.trim() !== text) return undefined;
  const isOther = octetsOfHexText(text) !== undefined || parseName(text) !== undefined;
  return isOther ? undefined : text;
}

function hexText(data: Uint8Array): string {
  return `${HEX_PREFIX}${toHex(data)}`;
}

function octetsOfHexText(text: string): Uint8Array | undefined {
  return text.startsWith(HEX_PREFIX) ? fromHex(text.slice(HEX_PREFIX.length)) : undefined;
}

const utf8 = new TextEncoder();
// Without ignoreBOM a byte order mark at the start would be lost.
const utf8Decoder = new TextDecoder("utf-8", { ignoreBOM: true });

const HEX_PREFIX = "0x";
const KEY_ID_PREFIX = "keyid:";

const PRINTABLE_ASCII = /^[ -~]+$/;
