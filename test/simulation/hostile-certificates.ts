/**
 * Certificates without an issuer, made to cost as much as possible, and as large as is accepted.
 */

import type { SignatureRequest } from "../../src/crypto/signature.ts";
import { concat } from "../../src/octets/concat.ts";
import { DerTag, emitDer, oidOctets } from "../../src/octets/der.ts";
import { Writer } from "../../src/octets/writer.ts";

/** Octets of one certificate if eight of them must fit into an IKE_AUTH. */
const EACH = 3_900;
/** The largest that is read; four of them fit. */
const LARGE = 8_000;

const none = new Uint8Array(0);
const repeated = (count: number, part: Uint8Array) =>
  concat(...Array.from({ length: count }, () => part));
const oid = (text: string) => emitDer(DerTag.OID, oidOctets(text) ?? none);
const utf8 = (text: string) => emitDer(DerTag.UTF8_STRING, new TextEncoder().encode(text));

const ECDSA_SHA256 = emitDer(DerTag.SEQUENCE, oid("1.2.840.10045.4.3.2"));
/** The generator of P-256: a public key without an owner, which is read like any other. */
const P256_KEY = emitDer(
  DerTag.SEQUENCE,
  emitDer(DerTag.SEQUENCE, oid("1.2.840.10045.2.1"), oid("1.2.840.10045.3.1.7")),
  emitDer(
    DerTag.BIT_STRING,
    Uint8Array.fromHex(
      "00046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296" +
        "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5",
    ),
  ),
);

type Parts = {
  readonly issuer?: Uint8Array;
  readonly subject?: Uint8Array;
  /** Contents of the list of extensions. */
  readonly extensions?: Uint8Array;
};

function certificate({ issuer = name(1), subject = name(1), extensions }: Parts): Uint8Array {
  const time = (text: string) => emitDer(DerTag.UTC_TIME, new TextEncoder().encode(text));
  const listed = extensions === undefined ? none : emitDer(DerTag.SEQUENCE, extensions);
  const fields = emitDer(
    DerTag.SEQUENCE,
    emitDer(0xa0, emitDer(DerTag.INTEGER, Uint8Array.of(2))),
    emitDer(DerTag.INTEGER, Uint8Array.of(1)),
    ECDSA_SHA256,
    issuer,
    emitDer(DerTag.SEQUENCE, time("200101000000Z"), time("491231235959Z")),
    subject,
    P256_KEY,
    extensions === undefined ? none : emitDer(0xa3, listed),
  );
  const signature = emitDer(DerTag.BIT_STRING, Uint8Array.of(0, 0x30, 6, 2, 1, 1, 2, 1, 1));
  return emitDer(DerTag.SEQUENCE, fields, ECDSA_SHA256, signature);
}

/** A name of so many parts. */
function name(parts: number, text = "a"): Uint8Array {
  const attribute = emitDer(DerTag.SEQUENCE, oid("2.5.4.3"), utf8(text));
  return emitDer(DerTag.SEQUENCE, repeated(parts, emitDer(DerTag.SET, attribute)));
}

function extension(id: Uint8Array, value: Uint8Array): Uint8Array {
  return emitDer(DerTag.SEQUENCE, id, emitDer(DerTag.OCTET_STRING, value));
}

function altNames(count: number, each: Uint8Array): Uint8Array {
  return extension(oid("2.5.29.17"), emitDer(DerTag.SEQUENCE, repeated(count, each)));
}

function deep(levels: number): Uint8Array {
  let value: Uint8Array = none;
  for (let level = 0; level < levels; level++) value = emitDer(DerTag.SEQUENCE, value);
  return value;
}

function distinctExtensions(count: number): Uint8Array {
  const one = (number: number) => extension(oid(`1.3.6.1.4.1.${number}`), none);
  return concat(...Array.from({ length: count }, (_, number) => one(number)));
}

const sameName = name(1, "a".repeat(EACH / 2 - 150));
const host = emitDer(0x82, new TextEncoder().encode("a.example"));
const times = (count: number, one: Uint8Array) => Array.from({ length: count }, () => one);

/** The certificates of one message each, by their special property. */
export const HOSTILE_CERTIFICATES: readonly (readonly [string, readonly Uint8Array[]])[] = [
  [
    "eight of one long name, each the issuer of all",
    times(8, certificate({ issuer: sameName, subject: sameName })),
  ],
  ["eight of one short name", times(8, certificate({}))],
  ["names of as many parts as are read", times(8, certificate({ subject: name(32) }))],
  ["names of hundreds of parts", times(8, certificate({ subject: name(150), issuer: name(100) }))],
  ["hundreds of names of hosts", times(8, certificate({ extensions: altNames(256, host) }))],
  ["more names of hosts than are read", times(4, certificate({ extensions: altNames(650, host) }))],
  ["many extensions", times(8, certificate({ extensions: distinctExtensions(64) }))],
  ["more extensions than are read", times(4, certificate({ extensions: distinctExtensions(300) }))],
  [
    "a long object identifier",
    times(4, certificate({ extensions: extension(longOid(LARGE - 500), none) })),
  ],
  [
    "values inside values",
    times(8, certificate({ extensions: extension(oid("2.5.29.17"), deep(900)) })),
  ],
  ["nothing but zeros", times(4, new Uint8Array(LARGE))],
];

/** An object identifier of so many short numbers. */
function longOid(octets: number): Uint8Array {
  return emitDer(DerTag.OID, new Uint8Array(octets).fill(1));
}

/** The work for the thread or event loop that verifies them, with an authority that issued none. */
export function judgementOf(certificates: readonly Uint8Array[]): SignatureRequest {
  const signature = new Writer(64).u8(ECDSA_SHA256.length).octets(ECDSA_SHA256);
  return {
    op: "verify",
    octets: new Uint8Array(64),
    method: 14,
    signature: signature.octets(new Uint8Array(8)).done(),
    certificates,
    anchors: {
      certificates: [certificate({ subject: name(1, "ours") })],
      ids: ["ours"],
      keyIds: none,
    },
  };
}
