/** Message IDs never begin anew in an IKE SA: it is rekeyed, or closed, before (RFC 7296 §2.2). */

import type { IkeContext } from "../effect.ts";
import { MESSAGE_ID_MAX, MESSAGE_ID_REKEY } from "../limits.ts";
import { close } from "./delete.ts";
import type { Established } from "./established-phase.ts";
import type { IkeSa } from "./every-phase.ts";
import type { Step } from "./step.ts";
import { addTask } from "./tasks.ts";

/** What the IDs of both directions have come to: nothing to do, a rekey, or the end. */
export function mindMessageIds(before: IkeSa, sa: Established, context: IkeContext): Step {
  const highest = highestId(sa);
  if (highest < MESSAGE_ID_REKEY) return { sa, effects: [] };
  // An end whose request is being served gets its answer first.
  if (highest >= MESSAGE_ID_MAX && sa.serving === undefined) {
    return close(sa, "lifetime-over", context);
  }
  // Once: a rekey that fails is tried again in its own time.
  const earlier = before.phase === "replaced" ? before.former : before;
  const isNew = earlier.phase !== "established" || highestId(earlier) < MESSAGE_ID_REKEY;
  return { sa: isNew ? addTask(sa, { kind: "rekey-ike" }) : sa, effects: [] };
}

function highestId({ inbound, outbound }: Established): number {
  return Math.max(inbound.nextId, outbound.nextId);
}
