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

/** The result of work in short steps; between them, other work gets a turn. */
export async function inSteps<T>(steps: Iterator<undefined, T>): Promise<T> {
  for (;;) {
    const { done, value } = steps.next();
    if (done === true) return value;
    await nextTurn();
  }
}

/** Values that are sorted, and merged, in one turn: about a millisecond's worth. */
const SORTED_PER_TURN = 1_000;
const MERGED_PER_TURN = 4_000;

/** In order; equal ones in the order in which they came. */
export async function sortInTurns<T extends object>(
  values: readonly T[],
  compare: (a: T, b: T) => number,
): Promise<readonly T[]> {
  let runs: (readonly T[])[] = [];
  for (let from = 0; from < values.length; from += SORTED_PER_TURN) {
    if (from > 0) await nextTurn();
    runs.push(values.slice(from, from + SORTED_PER_TURN).sort(compare));
  }
  while (runs.length > 1) {
    const merged: (readonly T[])[] = [];
    for (let at = 0; at < runs.length; at += 2) {
      await nextTurn();
      merged.push(await merge(runs[at] ?? [], runs[at + 1] ?? [], compare));
    }
    runs = merged;
  }
  return runs[0] ?? [];
}

/** Two sorted lists as one. */
async function merge<T extends object>(
  first: readonly T[],
  second: readonly T[],
  compare: (a: T, b: T) => number,
): Promise<readonly T[]> {
  const all: T[] = [];
  let [at, to] = [0, 0];
  for (;;) {
    const [a, b] = [first[at], second[to]];
    const next = a === undefined || (b !== undefined && compare(a, b) > 0) ? b : a;
    if (next === undefined) return all;
    if (next === a) at++;
    else to++;
    all.push(next);
    if (all.length % MERGED_PER_TURN === 0) await nextTurn();
  }
}

/** Lets sockets, timers and answers go first. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
