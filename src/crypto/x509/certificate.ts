/** X.509 certificates, as far as IKE needs them (RFC 5280 §4, RFC 4945 §5). */

import {
  DerTag,
  type DerValue,
  derOf,
  oidText,
  optionalDer,
  readDer,
  readDerOf,
  within,
} from "../../octets/der.ts";
import { nameText } from "../../octets/distinguished-name.ts";
import { toHex } from "../../octets/hex.ts";
import { decode, type Malformed, type Reader } from "../../octets/reader.ts";
import type { Result } from "../../octets/result.ts";
import {
  type PublicKeyKind,
  publicKeyKind,
  type ReadAlgorithm,
  readSignatureAlgorithm,
} from "./algorithm.ts";
import { parseTime } from "./time.ts";

export type Certificate = {
  readonly der: Uint8Array;
  /** The signed octets. */
  readonly tbs: Uint8Array;
  readonly signedWith: ReadAlgorithm;
  readonly signature: Uint8Array;
  /** Hex digits. */
  readonly serial: string;
  readonly issuerDer: Uint8Array;
  readonly subjectDer: Uint8Array;
  readonly issuer: string;
  readonly subject: string;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  /** SubjectPublicKeyInfo. */
  readonly publicKey: Uint8Array;
  readonly key: PublicKeyKind;
  readonly extensions: Extensions;
};

export type Extensions = {
  readonly isCa: boolean;
  readonly pathLengthMax: number | undefined;
  /** Undefined: the certificate does not say; then every use is allowed (RFC 5280 §4.2.1.3). */
  readonly keyUsage:
    | { readonly digitalSignature: boolean; readonly keyCertSign: boolean }
    | undefined;
  readonly dnsNames: readonly string[];
  readonly mailAddresses: readonly string[];
  readonly ipAddresses: readonly Uint8Array[];
  /** Critical extensions that are not known here: such a certificate must be rejected. */
  readonly unknownCritical: readonly string[];
};

/** Reads a certificate in DER; the result has views of `der`. */
export function parseCertificate(der: Uint8Array): Result<Certificate, Malformed> {
  return decode(der, "certificate", (r) => {
    const outer = readDerOf(r, DerTag.SEQUENCE, "certificate");
    r.end();
    const tbs = derOf(outer, DerTag.SEQUENCE, "TBSCertificate");
    const signedWith = derOf(outer, DerTag.SEQUENCE, "signature algorithm");
    const signature = bitString(outer, "signature");
    outer.end();
    const fields = readTbs(within(outer, tbs.content, "TBSCertificate"), signedWith);
    return {
      der,
      tbs: tbs.whole,
      signature,
      signedWith: readSignatureAlgorithm(within(outer, signedWith.whole, "algorithm")),
      ...fields,
    };
  });
}

type Fields = Omit<Certificate, "der" | "tbs" | "signature" | "signedWith">;

// Version, serialNumber, signature, issuer, validity, subject, subjectPublicKeyInfo, extensions
function readTbs(r: Reader, signedWith: DerValue): Fields {
  optionalDer(r, 0xa0); // version: the extensions show whether it is 3
  const serial = toHex(derOf(r, DerTag.INTEGER, "serialNumber").content);
  const inside = derOf(r, DerTag.SEQUENCE, "signature");
  // Both have to be equal (§4.1.1.2): the signed value has to be the one that is used.
  if (toHex(inside.whole) !== toHex(signedWith.whole)) r.fail("two signature algorithms");
  const issuerDer = derOf(r, DerTag.SEQUENCE, "issuer").whole;
  const validity = readDerOf(r, DerTag.SEQUENCE, "validity");
  const notBeforeMs = parseTime(readDer(validity)) ?? validity.fail("notBefore is not a time");
  const notAfterMs = parseTime(readDer(validity)) ?? validity.fail("notAfter is not a time");
  const subjectDer = derOf(r, DerTag.SEQUENCE, "subject").whole;
  const publicKey = derOf(r, DerTag.SEQUENCE, "subjectPublicKeyInfo").whole;
  optionalDer(r, 0x81); // issuerUniqueID
  optionalDer(r, 0x82); // subjectUniqueID
  const extensions = optionalDer(r, 0xa3);
  r.end();
  return {
    serial,
    issuerDer,
    subjectDer,
    notBeforeMs,
    notAfterMs,
    publicKey,
    issuer: nameText(issuerDer) ?? hexText(issuerDer),
    subject: nameText(subjectDer) ?? hexText(subjectDer),
    key: publicKeyKind(publicKey),
    extensions:
      extensions === undefined
        ? NO_EXTENSIONS
        : readExtensions(within(r, extensions.content, "extensions")),
  };
}

/** A name that cannot be written as text, or its beginning. */
function hexText(der: Uint8Array): string {
  const more = der.length > SHOWN_OCTETS ? "…" : "";
  return `0x${toHex(der.subarray(0, SHOWN_OCTETS))}${more}`;
}

const SHOWN_OCTETS = 128;

const NO_EXTENSIONS: Extensions = {
  isCa: false,
  pathLengthMax: undefined,
  keyUsage: undefined,
  dnsNames: [],
  mailAddresses: [],
  ipAddresses: [],
  unknownCritical: [],
};

const EXTENSIONS_MAX = 64;
const NAMES_MAX = 256;

function readExtensions(r: Reader): Extensions {
  const list = readDerOf(r, DerTag.SEQUENCE, "list");
  let extensions = NO_EXTENSIONS;
  const seen = new Set<string>();
  while (list.left > 0) {
    const one = readDerOf(list, DerTag.SEQUENCE, "extension");
    const oid = oidText(derOf(one, DerTag.OID, "extnID").content) ?? "unknown";
    const critical = (optionalDer(one, DerTag.BOOLEAN)?.content[0] ?? 0) !== 0;
    const value = readDerContent(one);
    if (seen.has(oid) || seen.size === EXTENSIONS_MAX)
      r.fail(`extension ${oid} again, or too many`);
    seen.add(oid);
    const part = readExtension(oid, value);
    if (part === undefined && critical && !HARMLESS.has(oid)) {
      extensions = { ...extensions, unknownCritical: [...extensions.unknownCritical, oid] };
    }
    extensions = { ...extensions, ...part };
  }
  return extensions;
}

function readDerContent(one: Reader): Reader {
  const value = readDerOf(one, DerTag.OCTET_STRING, "extnValue");
  one.end();
  return value;
}

function readExtension(oid: string, value: Reader): Partial<Extensions> | undefined {
  switch (oid) {
    case "2.5.29.19":
      return readBasicConstraints(value);
    case "2.5.29.15":
      return readKeyUsage(value);
    case "2.5.29.17":
      return readAltNames(value);
    default:
      return undefined;
  }
}

/** Extended key usage says nothing about IKE (RFC 4945 §5.1.3.12); policies are not evaluated. */
const HARMLESS: ReadonlySet<string> = new Set(["2.5.29.37", "2.5.29.32", "2.5.29.31"]);

function readBasicConstraints(value: Reader): Partial<Extensions> {
  const inner = readDerOf(value, DerTag.SEQUENCE, "basicConstraints");
  const isCa = (optionalDer(inner, DerTag.BOOLEAN)?.content[0] ?? 0) !== 0;
  const length = optionalDer(inner, DerTag.INTEGER)?.content;
  inner.end();
  if (length === undefined) return { isCa };
  return { isCa, pathLengthMax: length.length === 1 ? length[0] : 0 };
}

function readKeyUsage(value: Reader): Partial<Extensions> {
  // The first octet says how many bits of the last one are unused.
  const bits = derOf(value, DerTag.BIT_STRING, "keyUsage").content[1] ?? 0;
  // RFC 4945 §5.1.3.2: digitalSignature (bit 0) or nonRepudiation (bit 1) suffices for IKE.
  return {
    keyUsage: { digitalSignature: (bits & 0xc0) !== 0, keyCertSign: (bits & 0x04) !== 0 },
  };
}

/** subjectAltName (§4.2.1.6): mail addresses, DNS names, IP addresses; others are skipped. */
function readAltNames(value: Reader): Partial<Extensions> {
  const inner = readDerOf(value, DerTag.SEQUENCE, "subjectAltName");
  const dnsNames: string[] = [];
  const mailAddresses: string[] = [];
  const ipAddresses: Uint8Array[] = [];
  for (let count = 0; inner.left > 0; count++) {
    if (count === NAMES_MAX) inner.fail(`more than ${NAMES_MAX} names`);
    const { tag, content } = readDer(inner);
    const text = asciiText(content);
    if (tag === 0x81 && text !== undefined) mailAddresses.push(text);
    if (tag === 0x82 && text !== undefined) dnsNames.push(text);
    if (tag === 0x87 && (content.length === 4 || content.length === 16)) ipAddresses.push(content);
  }
  return { dnsNames, mailAddresses, ipAddresses };
}

/** IA5String: a name with anything but printable ASCII cannot be a site's ID. */
function asciiText(content: Uint8Array): string | undefined {
  const isPlain = content.length > 0 && content.every((octet) => octet > 0x20 && octet < 0x7f);
  return isPlain ? new TextDecoder().decode(content) : undefined;
}

/** A BIT STRING of whole octets. */
function bitString(r: Reader, what: string): Uint8Array {
  const { content } = derOf(r, DerTag.BIT_STRING, what);
  return content[0] === 0 ? content.subarray(1) : r.fail(`${what} is not of whole octets`);
}
