/** Assertions, for our own bugs only. Faults of the peer or the environment are values. */

/** A broken invariant inside erouted: costs the IKE SA being handled, and is a bug report. */
export class AssertionError extends Error {
  override readonly name = "AssertionError";
}

/**
 * Throws {@link AssertionError} unless `condition` holds. `value` is what it does not hold for: the
 * text is put together only then, because most assertions are on the way of every message.
 */
export function assert(
  condition: unknown,
  what: string,
  value?: number | string,
): asserts condition {
  if (!condition) throw new AssertionError(value === undefined ? what : `${what}: ${value}`);
}

/**
 * Ends a `switch` over a union: does not compile while a member is unhandled. Reports only the kind
 * of the value: the rest may contain a key.
 */
export function never(value: never): never {
  throw new AssertionError(`unhandled variant: ${kindOf(value)}`);
}

/**
 * The tag of a variant: its `kind` or `phase`, or the value itself if the union consists of words.
 */
function kindOf(value: unknown): string {
  if (typeof value === "string") return value;
  if (typeof value !== "object" || value === null) return typeof value;
  const tag = ("kind" in value && value.kind) || ("phase" in value && value.phase);
  return typeof tag === "string" ? tag : "an object without kind and phase";
}
