/** An IKE SA as the sites know it. */

import type { PeerId } from "../../eroute/peer-id.ts";
import type { Gateway } from "../../wire/gateway.ts";
import type { IkeSpi } from "../../wire/header.ts";
import type { Stand } from "../negotiation/stand.ts";
import type { ErouteInUse } from "./eroute-in-use.ts";

export type SiteIkeSa = {
  readonly spi: IkeSpi;
  readonly peerId: PeerId;
  /** As the negotiation told it last. */
  stand: Stand;
  /** The eroute that it will belong to, once its peer has proved who it is. */
  candidate: ErouteInUse | undefined;
  eroute: ErouteInUse | undefined;
  /** IKE SAs of the same site that it takes over from, once it is up. */
  supersedes: readonly IkeSpi[];
  initialContact: boolean;
  /** Where its site is sent as soon as it has its answer to IKE_AUTH (RFC 5685). */
  redirect: Gateway | undefined;
};
