/** Assertions: for faults of ours only. What the peer or the world does wrong is a value. */

/** A broken promise inside erouted: costs the IKE SA being handled, and is a bug report. */
export class AssertionError extends Error {
  override readonly name = "AssertionError";
}

/** Throws {@link AssertionError} unless `condition` holds. */
export function assert(condition: unknown, what: string): asserts condition {
  if (!condition) throw new AssertionError(what);
}

/** Ends a `switch` over a union: does not compile while a member is left unhandled. */
export function never(value: never): never {
  throw new AssertionError(`unhandled variant: ${JSON.stringify(value)}`);
}
