/** Reads a daemon's JSON: the daemon may be older or newer, so every field may be missing. */

/** The value at `path`, one name for each level. */
export function fieldAt(value: unknown, ...path: readonly string[]): unknown {
  let inner: unknown = value;
  for (const name of path) {
    if (typeof inner !== "object" || inner === null) return undefined;
    inner = (inner as Readonly<Record<string, unknown>>)[name];
  }
  return inner;
}

/** A number at this path, otherwise 0. */
export function numberAt(value: unknown, ...path: readonly string[]): number {
  const found = fieldAt(value, ...path);
  return typeof found === "number" && Number.isFinite(found) ? found : 0;
}

/** A text at this path that is not empty. */
export function textAt(value: unknown, ...path: readonly string[]): string | undefined {
  const found = fieldAt(value, ...path);
  return typeof found === "string" && found !== "" ? found : undefined;
}

/** A list at this path, otherwise an empty one. */
export function listAt(value: unknown, ...path: readonly string[]): readonly unknown[] {
  const found = fieldAt(value, ...path);
  return Array.isArray(found) ? found : [];
}

/** An ISO time at this path, as milliseconds since 1970. */
export function timeAt(value: unknown, ...path: readonly string[]): number | undefined {
  const ms = Date.parse(textAt(value, ...path) ?? "");
  return Number.isNaN(ms) ? undefined : ms;
}
