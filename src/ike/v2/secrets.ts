/** The secrets of an IKE SA, whatever its phase. */

import { wipe } from "../../octets/secret.ts";
import { wipeCredentials } from "../credentials.ts";
import type { IkeSa } from "./every-phase.ts";
import type { InitiatorRound } from "./initiator-phase.ts";
import { wipeHalfOpenKeys, wipeIkeKeys } from "./keys.ts";
import { wipeUnderWay } from "./unfinished.ts";

/** Overwrites them, because the IKE SA has ended. */
export function wipeSecrets(sa: IkeSa): void {
  if ("half" in sa) wipeHalfOpenKeys(sa.half.keys);
  if (sa.phase === "replaced") wipeIkeKeys(sa.former.keys);
  if (sa.phase === "established") wipeUnderWay(sa);
  if (sa.phase === "replaced") wipeUnderWay(sa.former);
  if ("keys" in sa) wipeIkeKeys(sa.keys);
  if (sa.phase === "responding" && "credentials" in sa.round) {
    wipeCredentials(sa.round.credentials);
  }
  if (sa.phase === "responding" && sa.round.awaits === "key-exchange") wipe(sa.round.ppk?.key);
  if (sa.phase === "responding" && sa.formerKeys !== undefined) wipeIkeKeys(sa.formerKeys);
  if (sa.phase === "initiating") wipe(privateOctetsOf(sa.round));
  if ("call" in sa) wipeCredentials(sa.call.credentials);
  if ("calling" in sa) {
    wipeCredentials(sa.calling.call.credentials);
    wipe(sa.calling.privateOctets);
  }
}

/** The private value of an additional key exchange that is under way. */
function privateOctetsOf(round: InitiatorRound | undefined): Uint8Array | undefined {
  switch (round?.awaits) {
    case "public-value":
    case "shared-secret":
      return round.privateOctets;
    case "response":
      return round.asked.kind === "key-exchange" ? round.asked.privateOctets : undefined;
    default:
      return undefined;
  }
}
