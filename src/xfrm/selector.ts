/** An XFRM selector: which packets a policy or state is for (struct xfrm_selector). */

import type { Prefix } from "../inet/prefix.ts";

export type XfrmSelector = {
  readonly src: Prefix;
  readonly dst: Prefix;
  /** IP protocol, 0 for any. */
  readonly protocol: number;
  /** Undefined is any port. For ICMP these are type and code. */
  readonly srcPort: number | undefined;
  readonly dstPort: number | undefined;
};
