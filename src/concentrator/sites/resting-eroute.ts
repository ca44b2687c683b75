/**
 * Codec of an eroute in use of a site at rest: what does not follow from its eroute as configured
 * and its peer ID. A dynamic one, for which nothing is to be done.
 */

import type { Eroute } from "../../eroute/eroute.ts";
import type { PeerId } from "../../eroute/peer-id.ts";
import { instant, prefixes } from "../../ike/state/values.ts";
import { bool, type Codec, optional, record, text } from "../../octets/codec.ts";
import type { IkeSpi } from "../../wire/header.ts";
import type { ErouteInUse } from "./eroute-in-use.ts";
import { erouteOfPlain, own, proof, row } from "./plain-eroute.ts";

/** Left out: they are those of the eroute as configured. */
type OfBase = {
  readonly localSubnets: ErouteInUse["localSubnets"] | undefined;
  readonly ourid: string | undefined;
};

export type RestingEroute = OfBase &
  Pick<
    ErouteInUse,
    "name" | "createdAt" | "remoteSubnets" | "own" | "proof" | "hasPpk" | "usesPpk" | "row"
  >;

const word = text(65_535);

export const restingEroute: Codec<RestingEroute> = record<RestingEroute>({
  name: word,
  createdAt: instant,
  localSubnets: optional(prefixes),
  remoteSubnets: prefixes,
  ourid: optional(word),
  own,
  proof: optional(proof),
  hasPpk: bool,
  usesPpk: bool,
  row: optional(row),
});

/** What is written of it; undefined: the site has to stay awake. */
export function restingErouteOf(eroute: ErouteInUse): RestingEroute | undefined {
  const { base, name, createdAt, localSubnets, remoteSubnets, ourid } = eroute;
  const { own, proof, hasPpk, usesPpk, row } = eroute;
  if (ourid === undefined && base.ourid !== undefined) return undefined;
  return {
    name,
    createdAt,
    localSubnets: localSubnets === base.localSubnets ? undefined : localSubnets,
    remoteSubnets,
    ourid: ourid === base.ourid ? undefined : ourid,
    own,
    proof,
    hasPpk,
    usesPpk,
    row,
  };
}

/** The eroute as the table keeps it. */
export function wokenEroute(
  resting: RestingEroute,
  base: Eroute,
  { peerId, spi }: { readonly peerId: PeerId; readonly spi: IkeSpi },
): ErouteInUse {
  const { name, createdAt, localSubnets, remoteSubnets, ourid } = resting;
  const { own, proof, hasPpk, usesPpk, row } = resting;
  const plain = {
    kind: "dynamic",
    name,
    base: base.name,
    peerId,
    createdAt,
    localSubnets: localSubnets ?? base.localSubnets,
    remoteSubnets,
    ourid: ourid ?? base.ourid,
    own,
    proof,
    hasPpk,
    usesPpk,
    row,
    errand: undefined,
  } as const;
  return erouteOfPlain(plain, base, [spi]);
}
