/** What both ends of an IKE SA prove themselves with (RFC 7296 §2.15): each in its own way. */

import type { SigningKey, TrustAnchors } from "../crypto/signature.ts";
import { wipe } from "../octets/secret.ts";
import type { Identity } from "../wire/identity.ts";

/** How we prove who we are. */
export type OwnCredential =
  | { readonly kind: "psk"; readonly psk: Uint8Array }
  | { readonly kind: "signature"; readonly key: SigningKey };

/** What the peer may prove itself with. */
export type PeerCredential =
  | { readonly kind: "psk"; readonly psk: Uint8Array }
  | { readonly kind: "certificate"; readonly anchors: TrustAnchors }
  | { readonly kind: "either"; readonly psk: Uint8Array; readonly anchors: TrustAnchors };

/** A peer's PPK, and what both ends call it: a PPK_ID without its type. */
export type PpkCredential = {
  readonly id: Uint8Array;
  readonly key: Uint8Array;
  /** Without it nothing is agreed upon: mandatory_or_not of RFC 8784 §3. */
  readonly isRequired: boolean;
};

export type AuthCredentials = {
  readonly ourIdentity: Identity;
  readonly own: OwnCredential;
  readonly peer: PeerCredential;
};

/** The certification authorities that the peer's certificate may come from; undefined: none. */
export function anchorsOf({ peer }: AuthCredentials): TrustAnchors | undefined {
  return peer.kind === "psk" ? undefined : peer.anchors;
}

type Shared = Pick<AuthCredentials, "own" | "peer"> & {
  readonly ppk: PpkCredential | undefined;
};

/** Overwrites the keys that both ends share: they have served, or will not be needed. */
export function wipeCredentials({ own, peer, ppk }: Shared): void {
  wipe(ppk?.key);
  if (own.kind === "psk") wipe(own.psk);
  if (peer.kind !== "certificate") wipe(peer.psk);
}
