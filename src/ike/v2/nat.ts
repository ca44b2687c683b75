/** NAT detection (RFC 7296 §2.23). */

import { sha1 } from "../../crypto/hash.ts";
import { emitAddress, familyBits } from "../../inet/address.ts";
import type { Endpoint, Path } from "../../inet/endpoint.ts";
import { equalOctets } from "../../octets/concat.ts";
import { Writer } from "../../octets/writer.ts";
import type { IkeSpi } from "../../wire/header.ts";
import type { NotifyPayload, Payload } from "../../wire/v2/message.ts";
import { NotifyType } from "../../wire/v2/notify-type.ts";
import type { Nat } from "../nat.ts";
import { notify } from "./notify.ts";

/** SHA-1(SPIi | SPIr | address | port). */
export function natDetectionHash(spiI: IkeSpi, spiR: IkeSpi, endpoint: Endpoint): Uint8Array {
  const { address, port } = endpoint;
  const w = new Writer(18 + familyBits(address.family) / 8).u64(spiI).u64(spiR);
  emitAddress(w, address.family, address.value);
  return sha1(w.u16(port).done());
}

/** Where the peer's NAT_DETECTION notifies show a NAT; "none" if it sent none. */
export function detectNat(
  payloads: readonly Payload[],
  spis: { readonly spiI: IkeSpi; readonly spiR: IkeSpi },
  path: Path,
): Nat {
  const remote = hidden(payloads, NotifyType.NAT_DETECTION_SOURCE_IP, spis, path.remote);
  const local = hidden(payloads, NotifyType.NAT_DETECTION_DESTINATION_IP, spis, path.local);
  if (remote) return local ? "both" : "remote";
  return local ? "local" : "none";
}

/** The two notifies that let the peer detect a NAT. */
export function natDetectionNotifies(spiI: IkeSpi, spiR: IkeSpi, path: Path): NotifyPayload[] {
  return [
    notify(NotifyType.NAT_DETECTION_SOURCE_IP, natDetectionHash(spiI, spiR, path.local)),
    notify(NotifyType.NAT_DETECTION_DESTINATION_IP, natDetectionHash(spiI, spiR, path.remote)),
  ];
}

/** There is a NAT if no notify matches: a peer may send one for each of its addresses. */
function hidden(
  payloads: readonly Payload[],
  type: number,
  { spiI, spiR }: { readonly spiI: IkeSpi; readonly spiR: IkeSpi },
  endpoint: Endpoint,
): boolean {
  let seen: Uint8Array | undefined;
  for (const payload of payloads) {
    if (payload.kind !== "NOTIFY" || payload.type !== type) continue;
    seen ??= natDetectionHash(spiI, spiR, endpoint);
    if (equalOctets(payload.data, seen)) return false;
  }
  return seen !== undefined;
}
