/** The IKE SA that an entry of the journal is about. */

import type { SaId } from "../../ike/sa-id.ts";
import type { Path } from "../../inet/endpoint.ts";

export type About = {
  readonly id: SaId;
  readonly path: Path;
  /** Undefined as long as its peer has not said who it is. */
  readonly peerId: string | undefined;
  readonly eroute: string | undefined;
  /** The site has proved that it has this ID. */
  readonly isProven: boolean;
};
