/** Codec of an eroute in use. It names its base eroute, which the reader's configuration holds. */

import type { CertificateHolder } from "../../crypto/signature.ts";
import type { Eroute } from "../../eroute/eroute.ts";
import { sameSubnets } from "../../eroute/eroute-change.ts";
import { childWith, type RowOptions } from "../../eroute/row-options.ts";
import { instant, prefixes } from "../../ike/state/values.ts";
import { assert } from "../../octets/assert.ts";
import {
  bool,
  byKind,
  type Codec,
  checked,
  constant,
  list,
  mapped,
  octets,
  oneOf,
  optional,
  record,
  text,
  u32,
  u48,
} from "../../octets/codec.ts";
import { fromHex, toHex } from "../../octets/hex.ts";
import type { IkeSpi } from "../../wire/header.ts";
import type { LookupId } from "../event.ts";
import { peerId } from "../plain-peer-id.ts";
import { type ErouteInUse, erouteKey, type SiteProof } from "./eroute-in-use.ts";
import type { RowPrint } from "./row-checks.ts";
import { CLOSE_REASONS, type Errand } from "./sites.ts";

/** An eroute in use without what follows from the configuration. */
export type PlainEroute = Omit<ErouteInUse, "key" | "base" | "child" | "ikeSas"> & {
  readonly base: string;
  /** What remains to be done for the IKE SAs that were made from it. */
  readonly errand: Errand | undefined;
};

const TEXT_MAX = 65_535;
const word = text(TEXT_MAX);

/** "off" is written as 0, which no row can contain. */
const inactivity: Codec<RowOptions["inactivityMs"]> = mapped(optional(u48), {
  to: (value: RowOptions["inactivityMs"]) => (value === "off" ? 0 : value),
  from: (written) => (written === 0 ? "off" : written),
});

export const own = record<RowOptions>({
  lifetimeSeconds: optional(u48),
  inactivityMs: inactivity,
  ifId: optional(u32),
  postQuantum: bool,
});

const holder = record<CertificateHolder>({
  subject: word,
  subjectDer: octets(TEXT_MAX),
  issuer: word,
  serial: word,
  dnsNames: list(word, TEXT_MAX),
  mailAddresses: list(word, TEXT_MAX),
  ipAddresses: list(octets(255), TEXT_MAX),
  anchor: word,
  notAfterMs: u48,
});

export const proof: Codec<SiteProof> = byKind<SiteProof>({
  psk: record<Extract<SiteProof, { readonly kind: "psk" }>>({ kind: constant("psk") }),
  certificate: record<Extract<SiteProof, { readonly kind: "certificate" }>>({
    kind: constant("certificate"),
    holder,
  }),
});

/** A hash, kept as hex digits. */
const hash: Codec<string> = mapped(octets(64), {
  to(value: string) {
    const written = fromHex(value);
    assert(written !== undefined, "a hash is written in hex digits");
    return written;
  },
  from: toHex,
});

const lookup: Codec<LookupId> = checked(u48, (value) => value as LookupId);

export const row = record<NonNullable<ErouteInUse["row"]>>({
  print: record<RowPrint>({ all: hash, ppk: optional(hash) }),
  lookup,
});

const errand: Codec<Errand> = byKind<Errand>({
  close: record<Extract<Errand, { readonly kind: "close" }>>({
    kind: constant("close"),
    why: oneOf(CLOSE_REASONS),
  }),
  terms: record<Extract<Errand, { readonly kind: "terms" }>>({ kind: constant("terms") }),
});

export const plainEroute: Codec<PlainEroute> = record<PlainEroute>({
  kind: oneOf(["dynamic", "normal"]),
  name: word,
  base: word,
  peerId,
  createdAt: instant,
  localSubnets: prefixes,
  remoteSubnets: prefixes,
  ourid: optional(word),
  own,
  proof: optional(proof),
  hasPpk: bool,
  usesPpk: bool,
  row: optional(row),
  errand: optional(errand),
});

/** The part of an eroute in use that does not follow from the configuration. */
export function plainErouteOf(eroute: ErouteInUse, errand: Errand | undefined): PlainEroute {
  const { kind, name, base, peerId, createdAt, localSubnets, remoteSubnets, ourid } = eroute;
  const { own, proof, hasPpk, usesPpk, row } = eroute;
  return {
    kind,
    name,
    base: base.name,
    peerId,
    createdAt,
    localSubnets,
    remoteSubnets,
    ourid,
    own,
    proof,
    hasPpk,
    usesPpk,
    row,
    errand,
  };
}

/** The eroute as the table keeps it; `base` is the base eroute that it names. */
export function erouteOfPlain(plain: PlainEroute, base: Eroute, ikeSas: IkeSpi[]): ErouteInUse {
  const { kind, name, peerId, createdAt, localSubnets, remoteSubnets, ourid } = plain;
  const { own, proof, hasPpk, usesPpk, row } = plain;
  return {
    kind,
    key: erouteKey(base.name, peerId),
    name,
    base,
    peerId,
    createdAt,
    // Sites of one base eroute share these values instead of holding copies.
    localSubnets: sameSubnets(localSubnets, base.localSubnets) ? base.localSubnets : localSubnets,
    remoteSubnets,
    ourid,
    child: childWith(base.child, own),
    own,
    proof,
    hasPpk,
    usesPpk,
    row,
    ikeSas,
  };
}
