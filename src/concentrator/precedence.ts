/**
 * Whose work comes first where work has to wait: established IKE SAs, then sites that we call or
 * that were connected before, then strangers, whose address prefixes share fairly.
 */

export type Precedence = {
  readonly rank: Rank;
  /** Within a rank prefixes take turns, however much one of them asks for. */
  readonly prefix: string;
};

/** In the order in which they are served: the first one first. */
export const RANKS = ["established", "known", "stranger"] as const;
export type Rank = (typeof RANKS)[number];
