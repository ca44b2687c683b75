/** How long the shell may take to answer: nothing waits for an answer without end. */

import type { Question } from "./failed-answer.ts";

/**
 * An answer that has not come after so long counts as lost, which is a bug of the shell: whoever
 * waits is told of a failure, and acts as after any other. What a peer waits for is given up while
 * it still repeats its request. A look-up may take 60 s by its own deadline.
 */
export const ANSWER_MS_MAX: Readonly<Record<Question["kind"], number>> = {
  "key-exchange": 45_000,
  signature: 45_000,
  kernel: 45_000,
  resolve: 45_000,
  "look-up": 90_000,
};
