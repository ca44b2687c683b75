/** Work of the engine in steps, without other work in between. */

/** Its result. */
export function resultOf<T>(steps: Iterator<undefined, T>): T {
  for (;;) {
    const { done, value } = steps.next();
    if (done === true) return value;
  }
}

/** Work that is done. */
// biome-ignore lint/correctness/useYield: there is nothing to wait for.
export function* ended<T>(result: T): Generator<undefined, T> {
  return result;
}
