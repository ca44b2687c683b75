/** Message IDs never wrap: the IKE SA is rekeyed or closed before (RFC 7296 §2.2). */

import type { IkeContext } from "../effect.ts";
import { MESSAGE_ID_MAX, MESSAGE_ID_REKEY } from "../limits.ts";
import { close } from "./delete.ts";
import type { Established } from "./established-phase.ts";
import type { IkeSa } from "./every-phase.ts";
import type { Step } from "./step.ts";
import { addTask } from "./tasks.ts";

/** Rekeys or closes the IKE SA if the IDs of either direction are nearly used up. */
export function mindMessageIds(before: IkeSa, sa: Established, context: IkeContext): Step {
  const highest = highestId(sa);
  if (highest < MESSAGE_ID_REKEY) return { sa, effects: [] };
  // If a request of the peer is being worked on, it is answered first.
  if (highest >= MESSAGE_ID_MAX && sa.serving === undefined) {
    return close(sa, "lifetime-over", context);
  }
  // Only once: a rekey that fails has its own time for the next attempt.
  const earlier = before.phase === "replaced" ? before.former : before;
  const isNew = earlier.phase !== "established" || highestId(earlier) < MESSAGE_ID_REKEY;
  return { sa: isNew ? addTask(sa, { kind: "rekey-ike" }) : sa, effects: [] };
}

function highestId({ inbound, outbound }: Established): number {
  return Math.max(inbound.nextId, outbound.nextId);
}
