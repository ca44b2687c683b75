/** An IKE SA in the table, with what the negotiation keeps beside it. */

import type { PeerId } from "../../eroute/peer-id.ts";
import type { IkeEvent } from "../../ike/event.ts";
import type { IkeSa } from "../../ike/ike-sa.ts";
import type { IkeSpi } from "../../wire/header.ts";

export type Entry = {
  sa: IkeSa;
  /** The ID that its peer presents, or that it calls. */
  peerId: PeerId | undefined;
  /** The name of its eroute, once the sites have found that: for the journal. */
  eroute: string | undefined;
  /** Its peer has proved who it is, and the IKE SA has not ended. */
  isProven: boolean;
  /** The key by which a repeat of its IKE_SA_INIT finds it. */
  initKey: string | undefined;
  /** Key of the rate in which it counts as a failure until it proves to be none. */
  guess: string | undefined;
};

/** One event for one IKE SA, to be handled before anything else. */
export type Parcel = { readonly spi: IkeSpi; readonly event: IkeEvent };
