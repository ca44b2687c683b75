/** How an IKE SA is identified (RFC 7296 §2.6). */

import type { IkeSpi } from "../wire/header.ts";

/** The SPIs of an IKE SA. `role`: whether we sent its first message. */
export type SaId = {
  readonly spiI: IkeSpi;
  readonly spiR: IkeSpi;
  readonly role: "initiator" | "responder";
};

/** Our own SPI: the key under which the concentrator keeps the IKE SA. */
export function localSpi(id: SaId): IkeSpi {
  return id.role === "initiator" ? id.spiI : id.spiR;
}
