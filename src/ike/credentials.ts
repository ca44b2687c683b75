/** What each end of an IKE SA proves its identity with (RFC 7296 §2.15); the two may differ. */

import type { SigningKey, TrustAnchors } from "../crypto/signature.ts";
import { wipe } from "../octets/secret.ts";
import type { Identity } from "../wire/identity.ts";

/** What we prove our identity with. */
export type OwnCredential =
  | { readonly kind: "psk"; readonly psk: Uint8Array }
  | { readonly kind: "signature"; readonly key: SigningKey };

/** What the peer may prove its identity with. */
export type PeerCredential =
  | { readonly kind: "psk"; readonly psk: Uint8Array }
  | { readonly kind: "certificate"; readonly anchors: TrustAnchors }
  | { readonly kind: "either"; readonly psk: Uint8Array; readonly anchors: TrustAnchors };

/** A peer's PPK. `id`: the name that both ends use for it, a PPK_ID without its type. */
export type PpkCredential = {
  readonly id: Uint8Array;
  readonly key: Uint8Array;
  /** Without it the negotiation fails: mandatory_or_not of RFC 8784 §3. */
  readonly isRequired: boolean;
};

export type AuthCredentials = {
  readonly ourIdentity: Identity;
  readonly own: OwnCredential;
  readonly peer: PeerCredential;
};

/** The authorities that may have issued the peer's certificate; undefined: none is accepted. */
export function anchorsOf({ peer }: AuthCredentials): TrustAnchors | undefined {
  return peer.kind === "psk" ? undefined : peer.anchors;
}

type Shared = Pick<AuthCredentials, "own" | "peer"> & {
  readonly ppk: PpkCredential | undefined;
};

/** Overwrites the keys that both ends share, once they are used or not needed. */
export function wipeCredentials({ own, peer, ppk }: Shared): void {
  wipe(ppk?.key);
  if (own.kind === "psk") wipe(own.psk);
  if (peer.kind !== "certificate") wipe(peer.psk);
}
