/** Words and advice for sites with one subnet (R10). */

export const OVERLAP_REASONS = {
  "subnet-in-use": {
    words: "another connected site has its subnet",
    advice:
      "give each row a subnet of its own (`erouted peers check` lists all that share one), or " +
      'set overlap = "replace" or "allow" for the eroute',
  },
  "subnet-taken-over": {
    words: "another site with its subnet took its place",
    advice:
      "give each row a subnet of its own (`erouted peers check` lists all that share one), or " +
      'set overlap = "refuse" for the eroute',
  },
} as const;
