/** Codec of a peer ID. */

import { asPeerId, type PeerId } from "../eroute/peer-id.ts";
import { type Codec, checked, text } from "../octets/codec.ts";

const TEXT_MAX = 65_535;

export const peerId: Codec<PeerId> = checked(text(TEXT_MAX), asPeerId);
