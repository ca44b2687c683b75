/** What of the kernel's tables is ours and in use. */

import { formatPrefix } from "../../inet/prefix.ts";
import type { XfrmClaims } from "../../xfrm/claims.ts";
import { stateName } from "../../xfrm/request.ts";
import type { XfrmStateId } from "../../xfrm/state.ts";
import type { Engine } from "../engine.ts";
import { installedAt } from "./child-sas.ts";
import { isDraining } from "./draining.ts";
import { isSameState } from "./installed.ts";
import { policyInForce } from "./policies.ts";

/** Always as it is now: Child SAs come and go while leftovers are removed. */
export function claimsOfEngine(engine: Engine): XfrmClaims {
  const { dataplane } = engine;
  return {
    policy: (name) => policyInForce(engine, name),
    state(id) {
      const inbound = installedAt(engine, id.spi)?.inbound;
      const isInbound = inbound !== undefined && isSameState(inbound, { ...inbound, ...id });
      if (isInbound || dataplane.outbounds.has(stateName(id))) return true;
      return isDraining(engine, id.spi) || isMoving(engine, id);
    },
    route: (destination) => dataplane.routes.has(formatPrefix(destination)),
  };
}

/** Whether it is about to get other addresses: its keys are nowhere else. */
function isMoving({ dataplane }: Engine, id: Pick<XfrmStateId, "dst" | "spi">): boolean {
  for (const { moving } of dataplane.unsure.values()) {
    if (moving.some(({ from }) => isSameState(from, { ...from, ...id }))) return true;
  }
  return false;
}
