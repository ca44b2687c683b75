/** NATs between both ends. */

/** Which end has a NAT before it, seen from here. */
export type Nat = "none" | "local" | "remote" | "both";
