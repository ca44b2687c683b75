/** The key exchange in a request for new keys of a Child SA. */

export type Method = {
  /** 0: none. */
  readonly method: number;
  /** The proposals hold this method only: not every peer can choose among several. */
  readonly alone: boolean;
};
