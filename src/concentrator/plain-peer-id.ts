/** Codec of a peer ID. */

import { asPeerId, type PeerId } from "../eroute/peer-id.ts";
import { type Codec, mapped, text } from "../octets/codec.ts";

const TEXT_MAX = 65_535;

export const peerId: Codec<PeerId> = mapped(text(TEXT_MAX), {
  to: (value: PeerId) => value,
  from: asPeerId,
});
