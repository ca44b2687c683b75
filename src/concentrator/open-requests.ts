/** Until when the shell has to answer: nothing waits for an answer without end. */

import type { Instant } from "../octets/instant.ts";
import type { Question } from "./failed-answer.ts";

/**
 * An answer that has not come after so long counts as lost, which is a bug of the shell: whoever
 * waits is told of a failure, and does what it does after any other. What a peer waits for is given
 * up while it still repeats its request. A look-up may take 60 s by its own deadline.
 */
export const ANSWER_MS_MAX: Readonly<Record<Question["kind"], number>> = {
  "key-exchange": 45_000,
  signature: 45_000,
  kernel: 45_000,
  resolve: 45_000,
  "look-up": 90_000,
};

/** By number, in the order in which they were asked and therefore are due. */
export type OpenRequests = Readonly<Record<Question["kind"], Map<number, OpenRequest>>>;

export type OpenRequest = { readonly question: Question; readonly until: Instant };

/** Nothing is asked. */
export function createOpenRequests(): OpenRequests {
  return {
    "key-exchange": new Map(),
    signature: new Map(),
    kernel: new Map(),
    resolve: new Map(),
    "look-up": new Map(),
  };
}
