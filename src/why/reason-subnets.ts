/** Words and advice for what is wrong with the subnets of a Child SA. */

import type { Reason } from "./reason.ts";

export const SUBNET_REASONS: Readonly<Record<string, Reason>> = {
  "ts-unacceptable": {
    words: "no subnets in common",
    advice:
      "at the site, its own network has to be that of its row (remip, remmsk), and the network " +
      "behind the concentrator one inside local_subnet of the eroute",
  },
  "subnets-left-out": {
    words: "more subnets than one Child SA has room for",
    advice:
      "write fewer, wider subnets at the site or in its row; or let the site make a Child SA for " +
      "each of them",
  },
  "no-additional-pairs": {
    words: "too many pairs of subnets",
    advice: "give the site fewer, wider subnets, or fewer Child SAs",
  },
  "too-many-selectors": {
    words: "the site cuts subnets into too many pieces",
    advice: "give both ends the same subnets, or fewer and wider ones",
  },
  "internal-address-failure": {
    words: "asks for a virtual IP and has none in its row",
    advice:
      "write the one address that it is to have into its row (remip with /32 or /128), or switch " +
      "off the virtual IP (vips, leftsourceip, mode config) at the site",
  },
};
