/** The secrets of an IKE SA, whatever its phase. */

import { wipe } from "../../octets/secret.ts";
import { wipeCredentials } from "../credentials.ts";
import type { IkeSa } from "./every-phase.ts";
import { wipeHalfOpenKeys, wipeIkeKeys } from "./keys.ts";

/** Overwrites them, because the IKE SA has ended. */
export function wipeSecrets(sa: IkeSa): void {
  if ("half" in sa) wipeHalfOpenKeys(sa.half.keys);
  if (sa.phase === "replaced") wipeIkeKeys(sa.former.keys);
  if ("keys" in sa) wipeIkeKeys(sa.keys);
  if (sa.phase === "responding" && "credentials" in sa.round) {
    wipeCredentials(sa.round.credentials);
  }
  if ("call" in sa) wipeCredentials(sa.call.credentials);
  if ("calling" in sa) {
    wipeCredentials(sa.calling.call.credentials);
    wipe(sa.calling.privateOctets);
  }
}
