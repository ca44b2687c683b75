/** Why SAs were ended from our side, in words. */

import type { Reason } from "../../reason/reason.ts";

const WORDS: Readonly<Partial<Record<Reason, string>>> = {
  "peer-silent": "the site has not answered for over a minute: it counts as gone",
  "replaced-by-newer": "the site has connected again: its former SAs are removed",
  redundant: "both ends called at the same time: one IKE SA stays",
  "address-gone": "our address that the site sends to has gone, and has not come back",
  inactive: "no packet in either direction for the eroute's inactivity time",
  "lifetime-over": "its keys could not be replaced in time",
  "keys-refused": "the site refuses new keys, and the lifetime of the old ones is over",
  "reauthentication-overdue": "the site did not reauthenticate in time",
  "ike-sas-over-limit": "the site has more IKE SAs than ike.ike_sas_per_site allows",
  childless: "the site has had no Child SA for five minutes: the IKE SA has no use",
  "no-child-sa": "the site accepts no Child SA: the IKE SA has no use",
  "disconnected-by-hand": "an operator has disconnected the site",
  reconfigured: "the new configuration gives the site other SAs",
  "row-changed": "the site's row differs from the one that its SAs were made from",
  "row-removed": "the site's row is gone",
  "subnet-taken-over": "another site with the same subnet has taken its place (overlap)",
  "row-disabled": "the site is disabled in its row",
};

/** Why it was ended: `what` is the fallback, with the reason behind it. */
export function endedText(what: string, why: Reason): string {
  return WORDS[why] ?? `${what}: ${why}`;
}
