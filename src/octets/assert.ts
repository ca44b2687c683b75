/** Assertions: for faults of ours only. What the peer or the world does wrong is a value. */

/** A broken promise inside erouted: costs the IKE SA being handled, and is a bug report. */
export class AssertionError extends Error {
  override readonly name = "AssertionError";
}

/** Throws {@link AssertionError} unless `condition` holds. */
export function assert(condition: unknown, what: string): asserts condition {
  if (!condition) throw new AssertionError(what);
}

/**
 * Ends a `switch` over a union: does not compile while a member is left unhandled. Says the kind of
 * the value only: the rest may hold a key.
 */
export function never(value: never): never {
  throw new AssertionError(`unhandled variant: ${kindOf(value)}`);
}

/** The tag of a variant: its `kind` or `phase`, or the value itself where the union is of words. */
function kindOf(value: unknown): string {
  if (typeof value === "string") return value;
  if (typeof value !== "object" || value === null) return typeof value;
  const tag = ("kind" in value && value.kind) || ("phase" in value && value.phase);
  return typeof tag === "string" ? tag : "an object without kind and phase";
}
