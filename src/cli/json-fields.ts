/** Reading a daemon's JSON: it may be older or newer than we are, so nothing has to be there. */

/** What is at `path`, one name a level. */
export function fieldAt(value: unknown, ...path: readonly string[]): unknown {
  let inner: unknown = value;
  for (const name of path) {
    if (typeof inner !== "object" || inner === null) return undefined;
    inner = (inner as Readonly<Record<string, unknown>>)[name];
  }
  return inner;
}

/** A number there, else 0. */
export function numberAt(value: unknown, ...path: readonly string[]): number {
  const found = fieldAt(value, ...path);
  return typeof found === "number" && Number.isFinite(found) ? found : 0;
}

/** A text there that is not empty. */
export function textAt(value: unknown, ...path: readonly string[]): string | undefined {
  const found = fieldAt(value, ...path);
  return typeof found === "string" && found !== "" ? found : undefined;
}

/** A list there, else an empty one. */
export function listAt(value: unknown, ...path: readonly string[]): readonly unknown[] {
  const found = fieldAt(value, ...path);
  return Array.isArray(found) ? found : [];
}

/** Milliseconds since 1970 of an ISO time there. */
export function timeAt(value: unknown, ...path: readonly string[]): number | undefined {
  const ms = Date.parse(textAt(value, ...path) ?? "");
  return Number.isNaN(ms) ? undefined : ms;
}
