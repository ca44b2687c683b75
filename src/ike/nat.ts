/** NATs between the two ends. */

/** Which end has a NAT in front of it, seen from here. */
export type Nat = "none" | "local" | "remote" | "both";
