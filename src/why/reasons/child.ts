/** What the reasons mean when a Child SA or its keys are missing, or the kernel refused it. */

import type { ChildReason, KernelReason } from "../../reason/reason.ts";
import type { Meaning } from "./meaning.ts";

const WARNING = { level: "warning", follows: "next-attempt" } as const;
const KERNEL = { level: "error", follows: "kernel-refusal" } as const;

const COMPARE =
  "compare `ike` and `esp` of the eroute with the site's proposals, its groups too (PFS)";

export const CHILD_REASONS: Readonly<Record<ChildReason, Meaning>> = {
  "ts-unacceptable": {
    ...WARNING,
    compares: "subnets",
    words: "no subnets in common",
    advice:
      "at the site, its own network must be that of its row (remip, remmsk), and the network " +
      "behind the concentrator one inside local_subnet of the eroute",
  },
  "subnets-left-out": {
    ...WARNING,
    follows: "connected-in-part",
    words: "more subnets than one Child SA has room for",
    advice:
      "write fewer, wider subnets at the site or in its row; or let the site make a Child SA for " +
      "each of them",
  },
  "no-additional-pairs": {
    ...WARNING,
    words: "too many pairs of subnets",
    advice: "give the site fewer, wider subnets, or fewer Child SAs",
  },
  "too-many-selectors": {
    ...WARNING,
    words: "the site cuts subnets into too many pieces",
    advice: "give both ends the same subnets, or fewer and wider ones",
  },
  "internal-address-failure": {
    ...WARNING,
    words: "has no virtual IP in its row",
    advice:
      "write the one address that it is to have into its row (remip with /32 or /128), or switch " +
      "off the virtual IP (vips, leftsourceip, mode config) at the site",
  },
  "mode-config-failed": {
    ...WARNING,
    words: "does not take the virtual IP that it is told",
    advice:
      "have the site wait for its address (mode config push), or let it ask: leave `mode_config` " +
      "of the eroute out",
  },
  "no-additional-sas": {
    ...WARNING,
    words: "too many Child SAs",
    advice: "let the site close some of its Child SAs; one a subnet pair is enough",
  },
  "child-sa-not-found": {
    ...WARNING,
    words: "rekeys a Child SA that is not there",
    advice:
      "the site should make a new one; if it does not, disconnect it: `erouted disconnect {peer}`",
  },
  "temporary-failure": {
    ...WARNING,
    words: "busy with another exchange",
    advice: "it tries again by itself",
  },
  "no-child-sa": {
    level: "info",
    follows: "end-by-failure",
    words: "it led to no Child SA",
    advice: "see the attempt before it: proposals and subnets of the Child SA",
  },
  childless: {
    level: "info",
    follows: "end-by-failure",
    words: "no Child SA for too long",
    advice:
      "have the site make its Child SA soon after its IKE SA; if one was refused, the " +
      "attempts before say why",
  },
  "rekey-refused": {
    ...WARNING,
    words: "the site refuses new keys",
    advice: `${COMPARE}; the refusals before this one say what it was asked for`,
  },
  "keys-refused": {
    level: "info",
    follows: "end",
    words: "the site refused new keys until the old ones were over",
    advice: COMPARE,
  },
};

export const KERNEL_REASONS: Readonly<Record<KernelReason, Meaning>> = {
  "kernel-refused": {
    ...KERNEL,
    words: "refused by the kernel",
    advice: "the detail is the kernel's; `erouted check` looks for what is missing",
  },
  "kernel-out-of-memory": {
    ...KERNEL,
    words: "the kernel has no memory left for it",
    advice: "sites try again by themselves; look at the memory of this host, and how many states",
  },
  "kernel-conflict": {
    ...KERNEL,
    words: "another program has the same object in the kernel",
    advice:
      "the detail names it: find who made it (`ip xfrm state`, `ip xfrm policy`, another IPsec " +
      "daemon on this host) and remove it there; erouted never touches it",
  },
  "spi-in-use": {
    ...WARNING,
    words: "its ESP SPI is taken at its address",
    advice:
      "nothing is to be done if it is rare: the site tries again with another SPI; a site that " +
      "always chooses the same one, behind one NAT with others, needs a newer firmware",
  },
  "removed-by-others": {
    level: "error",
    follows: "repair",
    words: "another program removed states, policies or routes of erouted",
    advice:
      "find the program (`ip xfrm … flush` in a script, another IPsec daemon, a tool that resets " +
      "the network) and make it leave erouted's objects alone; erouted has put back what was gone",
  },
};
