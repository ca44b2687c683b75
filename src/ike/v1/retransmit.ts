/** How long a message of ours waits for the peer's next one (RFC 2408 §5.1). */

import type { IkeContext } from "../effect.ts";
import { around } from "../jitter.ts";
import { RETRANSMIT_SPREAD } from "../limits.ts";
import type { IkeSaSettings } from "../settings.ts";

/** The wait after the copy with this number, from 1 on. */
export function copyWaitMs(
  { retransmission }: Pick<IkeSaSettings, "retransmission">,
  attempt: number,
  { random }: Pick<IkeContext, "random">,
): number {
  const { firstMs, backoff } = retransmission;
  return around(firstMs * backoff ** (attempt - 1), RETRANSMIT_SPREAD, random);
}
