/** What of the kernel's tables is ours and in use. */

import { formatPrefix } from "../../inet/prefix.ts";
import type { XfrmClaims } from "../../xfrm/claims.ts";
import { stateName } from "../../xfrm/request.ts";
import type { Engine } from "../engine.ts";
import { isDraining } from "./draining.ts";
import { isSameState } from "./installed.ts";
import { policyInForce } from "./policies.ts";

/** Always as it is now: Child SAs come and go while leftovers are removed. */
export function claimsOfEngine(engine: Engine): XfrmClaims {
  const { dataplane } = engine;
  return {
    policy: (name) => policyInForce(engine, name),
    state(id) {
      const inbound = dataplane.installed.get(id.spi)?.inbound;
      const isInbound = inbound !== undefined && isSameState(inbound, { ...inbound, ...id });
      return isInbound || dataplane.outbounds.has(stateName(id)) || isDraining(engine, id.spi);
    },
    route: (destination) => dataplane.routes.has(formatPrefix(destination)),
  };
}
