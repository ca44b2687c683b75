/** Long work of the engine in short steps: between them the event loop does its other work. */

/** The result of work in steps; between them, other work gets its turn. */
export async function inSteps<T>(steps: Iterator<undefined, T>): Promise<T> {
  for (;;) {
    const { done, value } = steps.next();
    if (done === true) return value;
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
}
