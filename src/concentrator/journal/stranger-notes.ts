/** Journal entries about strangers: if there are too many, their words are not even made. */

import type { Engine } from "../engine.ts";

/** Whether another entry about strangers at this prefix may be made. */
export function mayNote({ notes, now }: Engine, prefix: string): boolean {
  const { each, all } = notes.strangers;
  return each.of(prefix, now).take(now) && all.take(now);
}
