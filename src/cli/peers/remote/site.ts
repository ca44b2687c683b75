/** What a remote site's router has to know: the other end of a dynamic eroute. */

import type { BaseEroute } from "../../../eroute/eroute.ts";
import type { Prefix } from "../../../inet/prefix.ts";

export type RemoteSite = {
  /** What the site calls itself, and what it calls the concentrator. */
  readonly localId: string;
  /** Undefined: the concentrator's address. */
  readonly remoteId: string | undefined;
  /** Where the concentrator is reached: an address or a name. */
  readonly concentrator: string;
  readonly localSubnets: readonly Prefix[];
  readonly remoteSubnets: readonly Prefix[];
  /** As the table has it, and its octets. */
  readonly password: string;
  readonly psk: Uint8Array;
  /** Its PPK, whether it has to use it, and the texts of the table (RFC 8784). */
  readonly ppk: RemotePpk | undefined;
  readonly ike: BaseEroute["ike"];
  readonly esp: BaseEroute["esp"];
  /** Seconds; undefined: never asked. */
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
  /** Where it belongs there; undefined: commands that are typed in. */
  readonly path: string | undefined;
  readonly text: string;
};

/** Text in double quotes, of characters that all of these routers take as they are. */
export function isPlain(text: string): boolean {
  return /^[A-Za-z0-9 ._~:@/+=,!*-]+$/.test(text);
}

/** The key as text, where the table does not write it as octets; undefined where it does. */
export function plainPassword({ password }: RemoteSite): string | undefined {
  return isPlain(password) && !/^0[xs]/.test(password) ? password : undefined;
}

/** The key between quotes, or as `0x` and hex digits, which strongSwan and libreswan both take. */
export function quotedOrHex(site: RemoteSite): string {
  const plain = plainPassword(site);
  return plain === undefined ? `0x${site.psk.toHex()}` : `"${plain}"`;
}

/** The same of its PPK. */
export function ppkQuotedOrHex({ text, octets }: RemotePpk): string {
  return isPlain(text) && !/^0[xs]/.test(text) ? `"${text}"` : `0x${octets.toHex()}`;
}
