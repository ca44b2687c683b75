/** Long lists in short turns: between them the event loop does its other work. */

/**
 * Calls `work` for each of `values`, in order; after every `perTurn` of them, other work gets a
 * turn.
 */
export async function inTurns<T, U>(
  values: readonly T[],
  perTurn: number,
  work: (value: T) => U,
): Promise<U[]> {
  const results: U[] = [];
  for (let from = 0; from < values.length; from += perTurn) {
    if (from > 0) await nextTurn();
    for (const value of values.slice(from, from + perTurn)) results.push(work(value));
  }
  return results;
}

/** Lets sockets, timers and answers go first. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
