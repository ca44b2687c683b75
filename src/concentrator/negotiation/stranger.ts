/** A sender that has not authenticated. */

import type { Path } from "../../inet/endpoint.ts";
import type { IkeHeader } from "../../wire/header.ts";

/** An IKE_SA_INIT request as it came in. */
export type Stranger = {
  readonly header: IkeHeader;
  readonly octets: Uint8Array;
  readonly path: Path;
};
