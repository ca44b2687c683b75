/** The ID that a peer presents, and which ID is expected of it. */

import { asPeerId, PEER_ID_LENGTH_MAX, type PeerId, peerKey } from "../../eroute/peer-id.ts";
import type { Ikev1Terms } from "../../ike/event.ts";
import { type Identity, IdType, identityText } from "../../wire/identity.ts";

/** The ID that a peer presents. */
export function presentedId(peer: Identity): PeerId {
  // What is longer than any table or pattern can hold matches nothing, and is shown in part only.
  return asPeerId(identityText(peer).slice(0, PEER_ID_LENGTH_MAX + 1));
}

/**
 * IKEv1, where the site's key is chosen before the site has said who it is: in Main Mode, and in
 * our calls. Its ID is that of its row, or an address, which routers present whatever NAT makes of
 * it; the key proves that it is the site.
 */
export function expectedAt(peerId: PeerId): NonNullable<Ikev1Terms["expected"]> {
  const isPeer = (identity: Identity) =>
    identity.idType === IdType.IPV4_ADDR ||
    identity.idType === IdType.IPV6_ADDR ||
    peerKey(presentedId(identity)) === peerKey(peerId);
  return { peerId, isPeer };
}
