/** Which of a site's attempts shows why it is not connected: not always the last one. Pure. */

import type { Attempt } from "./attempt.ts";
import { followsFrom } from "./reason.ts";

/**
 * The newest attempt; if that only says that an IKE SA has ended, the failure before it that says
 * why. `attempts`: the newest first.
 */
export function causeOf(attempts: readonly Attempt[]): Attempt | undefined {
  const [last] = attempts;
  if (last === undefined || !saysOnlyThatItEnded(last)) return last;
  for (const attempt of attempts) {
    // What failed before it was connected has been cured since.
    if (attempt.outcome === "connected") return last;
    if (attempt.outcome !== "ended" && !saysOnlyThatItEnded(attempt)) return attempt;
  }
  return last;
}

/**
 * A site that gets no Child SA closes its IKE SA, calls again, or leaves the IKE SA until we close
 * it.
 */
function saysOnlyThatItEnded({ record: { reason } }: Attempt): boolean {
  const follows = followsFrom(reason);
  return follows === "end-by-failure" || follows === "newer-ike-sa";
}
