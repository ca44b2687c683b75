/** Overwrites what an ISAKMP SA keeps secret, when it ends. */

import { wipe } from "../../octets/secret.ts";
import { wipeCredentials } from "../credentials.ts";
import type { IkeSa } from "./every-phase.ts";
import { wipeIsakmpKeys } from "./keys.ts";

/** All of it; the ISAKMP SA is not used any more. */
export function wipeSecrets(sa: IkeSa): void {
  switch (sa.phase) {
    case "awaiting-credentials":
    case "main-awaiting-credentials":
      return;
    case "call-aggressive-offering":
    case "call-aggressive-asked":
      wipe(sa.own.privateOctets);
      wipeCredentials(sa.call.credentials);
      return;
    case "call-aggressive-deriving":
      wipeSecrets(sa.asked);
      return;
    case "call-main-asked":
      wipeCredentials(sa.call.credentials);
      return;
    case "call-main-offering":
    case "call-main-sent-ke":
      wipe(sa.own.privateOctets);
      wipeCredentials(sa.call.credentials);
      return;
    case "call-main-deriving":
      wipeSecrets(sa.former);
      return;
    case "call-main-proving":
    case "call-main-signing":
    case "call-main-signed":
    case "call-main-verifying":
      wipe(sa.SKEYID);
      wipeIsakmpKeys(sa.keys);
      return;
    case "awaiting-key-exchange":
    case "main-awaiting-ke":
    case "main-exchanging":
      wipeCredentials(sa.credentials);
      return;
    case "awaiting-proof":
      wipe(sa.HASH_I);
      wipeIsakmpKeys(sa.keys);
      return;
    case "proving-user":
      wipeSecrets(sa.up);
      return;
    case "signed-awaiting-ke":
    case "signed-exchanging":
      return;
    case "signed-verifying":
    case "signed-signing":
      wipeCredentials(sa.credentials);
      wipe(sa.SKEYID);
      wipeIsakmpKeys(sa.keys);
      return;
    case "signed-awaiting-id":
    case "signed-awaiting-credentials":
    case "main-awaiting-id":
      wipe(sa.SKEYID);
      wipeIsakmpKeys(sa.keys);
      return;
    default:
      for (const exchange of sa.quickModes) {
        if ("wish" in exchange) wipe(exchange.wish.random);
      }
      wipeIsakmpKeys(sa.keys);
  }
}
