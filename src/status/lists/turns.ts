/** Long lists in small helpings: between two of them the event loop takes what has come in. */

/** `work` on each of `values`, in order; after every `perTurn` of them others get their turn. */
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

/** Everybody else first: sockets, timers, answers. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
