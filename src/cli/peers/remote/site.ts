/** What a remote site's router has to know: the other end of a dynamic eroute. */

import type { BaseEroute } from "../../../eroute/eroute.ts";
import type { Prefix } from "../../../inet/prefix.ts";

export type RemoteSite = {
  /** The ID that the site presents, and the concentrator's ID. */
  readonly localId: string;
  /** Undefined: the concentrator's address. */
  readonly remoteId: string | undefined;
  /** Where the site reaches the concentrator: an address or a name. */
  readonly concentrator: string;
  readonly localSubnets: readonly Prefix[];
  readonly remoteSubnets: readonly Prefix[];
  /** As in the table, and its octets. */
  readonly password: string;
  readonly psk: Uint8Array;
  /** Its PPK, whether the site has to use it, and the texts of the table (RFC 8784). */
  readonly ppk: RemotePpk | undefined;
  /** The exchange of Phase 1 where the eroute allows IKEv1 alone; undefined: IKEv2. */
  readonly phase1: "main" | "aggressive" | undefined;
  readonly ike: BaseEroute["ike"];
  readonly esp: BaseEroute["esp"];
  /** Seconds; undefined: no liveness checks. */
  readonly livenessSeconds: number | undefined;
  readonly ikeLifetimeSeconds: number;
  readonly lifetimeSeconds: number;
  readonly mobike: boolean;
};

export type RemotePpk = {
  readonly text: string;
  readonly id: string;
  readonly octets: Uint8Array;
  readonly isRequired: boolean;
};

/** A file of the router, or commands for it. */
export type RemoteFile = {
  /** Its path on the router; undefined: commands to type in. */
  readonly path: string | undefined;
  readonly text: string;
};

/** Text in double quotes, of characters that all of these routers read literally. */
function isPlain(text: string): boolean {
  return /^[A-Za-z0-9 ._~:@/+=,!*-]+$/.test(text);
}

/** The key as text, if the table does not write it as octets; otherwise undefined. */
export function plainPassword({ password }: RemoteSite): string | undefined {
  return isPlain(password) && !/^0[xs]/.test(password) ? password : undefined;
}

/**
 * The key between quotes, or as `0x` and hex digits, which strongSwan and libreswan both accept.
 */
export function quotedOrHex(site: RemoteSite): string {
  const plain = plainPassword(site);
  return plain === undefined ? `0x${site.psk.toHex()}` : `"${plain}"`;
}

/** The same for its PPK. */
export function ppkQuotedOrHex({ text, octets }: RemotePpk): string {
  return isPlain(text) && !/^0[xs]/.test(text) ? `"${text}"` : `0x${octets.toHex()}`;
}
