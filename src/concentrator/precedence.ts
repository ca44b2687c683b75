/**
 * Whose work comes first where it has to wait: IKE SAs that are up, then sites that we call or that
 * were up before, then strangers, who share what is left fairly by address prefix.
 */

export type Precedence = {
  readonly rank: Rank;
  /** Of one rank each prefix gets its turn, however much another one asks for. */
  readonly prefix: string;
};

/** In the order in which they are served. */
export const RANKS = ["established", "known", "stranger"] as const;
export type Rank = (typeof RANKS)[number];
