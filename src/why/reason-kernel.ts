/** Words and advice where this host's kernel is the reason, not the site. */

import type { Reason } from "./reason.ts";

export const KERNEL_REASONS: Readonly<Record<string, Reason>> = {
  "kernel-refused": {
    words: "refused by the kernel",
    advice: "the detail is the kernel's; `erouted check` looks for what is missing",
  },
  "kernel-out-of-memory": {
    words: "the kernel has no memory left for it",
    advice: "sites try again by themselves; look at the memory of this host, and how many states",
  },
  "kernel-conflict": {
    words: "another program has the same object in the kernel",
    advice:
      "the detail names it: find who made it (`ip xfrm state`, `ip xfrm policy`, another IPsec " +
      "daemon on this host) and remove it there; erouted never touches it",
  },
  "spi-in-use": {
    words: "its ESP SPI is taken at its address",
    advice:
      "nothing is to be done if it is rare: the site tries again with another SPI; a site that " +
      "always chooses the same one, behind one NAT with others, needs a newer firmware",
  },
  "removed-by-others": {
    words: "another program removed states, policies or routes of erouted",
    advice:
      "find the program (`ip xfrm … flush` in a script, another IPsec daemon, a tool that resets " +
      "the network) and let it leave erouted's objects alone; what was gone is back",
  },
};
