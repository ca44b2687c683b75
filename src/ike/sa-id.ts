/** What names an IKE SA (RFC 7296 §2.6). */

import type { IkeSpi } from "../wire/header.ts";

/** What names an IKE SA. `role`: whether we are its original initiator. */
export type SaId = {
  readonly spiI: IkeSpi;
  readonly spiR: IkeSpi;
  readonly role: "initiator" | "responder";
};

/** Our own SPI: under it the concentrator keeps the IKE SA. */
export function localSpi(id: SaId): IkeSpi {
  return id.role === "initiator" ? id.spiI : id.spiR;
}
