/** Codec of what the sites know about an IKE SA, without what the negotiation reports of it. */

import type { PeerId } from "../../eroute/peer-id.ts";
import { gateway, ikeSpi } from "../../ike/state/values.ts";
import { bool, type Codec, list, optional, record, u16 } from "../../octets/codec.ts";
import type { IkeSpi } from "../../wire/header.ts";
import type { Engine } from "../engine.ts";
import type { Stand } from "../negotiation/stand.ts";
import type { ErouteInUse } from "./eroute-in-use.ts";
import { ikeSaAt, nameIkeSa } from "./ike-sas.ts";
import type { SiteIkeSa } from "./site-ike-sa.ts";

export type PlainSiteIkeSa = Pick<SiteIkeSa, "supersedes" | "initialContact" | "redirect"> & {
  /** The index of its eroute among those of the site; undefined: the IKE SA has left the site. */
  readonly eroute: number | undefined;
};

const SAS_MAX = 65_535;

export const plainSiteIkeSa: Codec<PlainSiteIkeSa> = record<PlainSiteIkeSa>({
  eroute: optional(u16),
  supersedes: list(ikeSpi, SAS_MAX),
  initialContact: bool,
  redirect: optional(gateway),
});

/** The IKE SA as plain data; `eroutes` are those of its site. */
export function plainSiteIkeSaOf(
  engine: Engine,
  spi: IkeSpi,
  eroutes: readonly ErouteInUse[],
): PlainSiteIkeSa | undefined {
  const ikeSa = ikeSaAt(engine, spi);
  if (ikeSa === undefined) return undefined;
  const { eroute, supersedes, initialContact, redirect } = ikeSa;
  const place = eroute === undefined ? undefined : eroutes.indexOf(eroute);
  return { eroute: place, supersedes, initialContact, redirect };
}

/** Puts it into the table; the negotiation must hold this IKE SA already. */
export function putSiteIkeSa(
  engine: Engine,
  plain: PlainSiteIkeSa,
  {
    spi,
    peerId,
    stand,
    eroute,
  }: Pick<SiteIkeSa, "spi" | "eroute"> & {
    readonly peerId: PeerId;
    readonly stand: Stand;
  },
): void {
  const ikeSa = nameIkeSa(engine, spi, { peerId, stand });
  engine.sites.unproven.delete(spi);
  ikeSa.eroute = eroute;
  ikeSa.supersedes = plain.supersedes;
  ikeSa.initialContact = plain.initialContact;
  ikeSa.redirect = plain.redirect;
}
