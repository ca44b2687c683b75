/** How both ends of an eroute's IKE SAs authenticate: eroute and key put together. */

import type { Eroute, IkeMajor, Ikev1Rule } from "../../eroute/eroute.ts";
import { isPpkRequired, type Ppk } from "../../eroute/ppk.ts";
import type {
  AuthCredentials,
  OwnCredential,
  PeerCredential,
  PpkCredential,
} from "../../ike/credentials.ts";
import type { Credentials, Ikev1Terms } from "../../ike/event.ts";
import { type Address, addressOctets } from "../../inet/address.ts";
import { assert } from "../../octets/assert.ts";
import { type Identity, IdType, parseIdentity } from "../../wire/identity.ts";
import type { Engine } from "../engine.ts";
import type { ErouteInUse } from "./eroute-in-use.ts";
import { termsOf } from "./terms.ts";
import { isSilent } from "./unanswered.ts";
import { methodFor } from "./worked.ts";

/** A site's keys, of its row or its local user. */
export type SiteKeys = { readonly psk: Uint8Array | undefined; readonly ppk: Ppk | undefined };

/**
 * The IKE SA wipes what it is given: `psk` has to be a copy; the PPK is copied here. `psk` is
 * present wherever the eroute needs one: rows and users without it were refused before.
 */
export function credentialsFor(
  engine: Engine,
  eroute: ErouteInUse,
  { psk, ppk }: SiteKeys,
  { ourAddress, major }: { readonly ourAddress: Address; readonly major: IkeMajor },
): Credentials {
  const { v1 } = eroute.base.versions;
  const auth = authOf(eroute.base, psk, identityOf(eroute, ourAddress));
  return {
    ...auth,
    ppk: ppkOf(eroute.base, ppk),
    isSilent: isSilent(engine, eroute.base),
    ...methodFor(engine, eroute.key, major),
    ...termsOf(engine, eroute, major),
    ...(major === 1 ? { ikev1: ikev1TermsOf(v1) } : {}),
  };
}

function ikev1TermsOf(rule: Ikev1Rule | undefined): Ikev1Terms {
  return {
    xauth: rule?.xauth ?? false,
    isUserKnown: false,
    isSha256Short: rule?.sha256With96Bits ?? false,
    pushesConfig: rule?.pushesConfig ?? false,
    expected: undefined,
  };
}

/** A site's PPK as its eroute wants it used. */
function ppkOf(base: Eroute, ppk: Ppk | undefined): PpkCredential | undefined {
  if (ppk === undefined || base.ppk === "off") return undefined;
  return { id: ppk.id, key: ppk.key.slice(), isRequired: isPpkRequired(base.ppk, true) };
}

/** Without `ourid` we are the subject of our certificate, or the address that the site knows. */
function identityOf({ ourid, base }: ErouteInUse, address: Address): Identity {
  const { own } = base.auth;
  // As the certificate encodes it: the same text can be encoded in several ways.
  if (own.kind === "signature" && (ourid === undefined || ourid === own.key.subject)) {
    return { idType: IdType.DER_ASN1_DN, data: own.key.subjectDer };
  }
  if (ourid !== undefined) return parseIdentity(ourid);
  const idType = address.family === 4 ? IdType.IPV4_ADDR : IdType.IPV6_ADDR;
  return { idType, data: addressOctets(address) };
}

function authOf(
  { auth }: Eroute,
  psk: Uint8Array | undefined,
  ourIdentity: Identity,
): AuthCredentials {
  return { ourIdentity, own: ownOf(auth.own, psk), peer: peerOf(auth.peer, psk) };
}

function ownOf(own: Eroute["auth"]["own"], psk: Uint8Array | undefined): OwnCredential {
  if (own.kind === "signature") return own;
  assert(psk !== undefined, "a row or user without the key that its eroute needs");
  return { kind: "psk", psk };
}

function peerOf(peer: Eroute["auth"]["peer"], psk: Uint8Array | undefined): PeerCredential {
  if (peer.kind === "psk") {
    assert(psk !== undefined, "a row or user without the key that its eroute needs");
    return { kind: "psk", psk };
  }
  const { anchors } = peer;
  // A site without a key of its own: its certificate is all that counts.
  if (peer.kind === "certificate" || psk === undefined) return { kind: "certificate", anchors };
  return { kind: "either", psk, anchors };
}
