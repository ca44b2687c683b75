/** Eroutes in use: what the table keeps of each, and under which key. */

import type { CertificateHolder } from "../../crypto/signature.ts";
import type { ChildOptions, Eroute } from "../../eroute/eroute.ts";
import { type PeerId, peerKey } from "../../eroute/peer-id.ts";
import type { RowOptions } from "../../eroute/row-options.ts";
import type { Prefix } from "../../inet/prefix.ts";
import type { Instant } from "../../octets/instant.ts";
import type { IkeSpi } from "../../wire/header.ts";
import type { LookupId } from "../event.ts";
import type { RowPrint } from "./row-checks.ts";

/** A dynamic eroute (R4), or a normal one with an IKE SA. */
export type ErouteInUse = {
  readonly kind: "dynamic" | "normal";
  readonly key: string;
  readonly name: string;
  /** Replaced when a new configuration lets the eroute in use stay up. */
  base: Eroute;
  readonly peerId: PeerId;
  readonly createdAt: Instant;
  readonly localSubnets: readonly Prefix[];
  readonly remoteSubnets: readonly Prefix[];
  /** Our ID towards the site: its row's, else the base eroute's. */
  readonly ourid: string | undefined;
  child: ChildOptions;
  /** Where its row overrides the base eroute. */
  own: RowOptions;
  /** How the site authenticated last; undefined until it has. */
  proof: SiteProof | undefined;
  /** Whether its row or local user has a PPK, and whether its IKE SA uses one (RFC 8784). */
  readonly hasPpk: boolean;
  usesPpk: boolean;
  /** What its row said, see {@link rowPrint}, and the number of the look-up that read it. */
  readonly row: { readonly print: RowPrint; readonly lookup: LookupId } | undefined;
  /** Local SPIs of its IKE SAs, oldest first. */
  readonly ikeSas: IkeSpi[];
};

/** A pre-shared key, or a certificate. */
export type SiteProof =
  | { readonly kind: "psk" }
  | { readonly kind: "certificate"; readonly holder: CertificateHolder };

/** Key under which an eroute in use is kept: one for each base eroute and peer ID. */
export function erouteKey(eroute: string, peerId: string): string {
  return `${eroute}\u0000${peerKey(peerId)}`;
}
