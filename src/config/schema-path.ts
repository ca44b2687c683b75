/** Finds the part of the configuration schema that a path leads to. */

import { z } from "zod";
import type { KeyPath } from "./fault.ts";
import { configSchema } from "./schema.ts";
import type { KeyMeta } from "./schema-keys.ts";

/** What the schema says about a key; undefined if there is no such key. */
export function metaAt(path: KeyPath): KeyMeta | undefined {
  const schema = schemaAt(path);
  return schema instanceof z.ZodType ? (schema.meta() as KeyMeta | undefined) : undefined;
}

/** What a right value at this path looks like. */
export function expectedAt(path: KeyPath): string {
  for (let length = path.length; length > 0; length--) {
    const meta = metaAt(path.slice(0, length));
    if (meta !== undefined) return meta.expected;
  }
  return "keys and tables as in the reference";
}

/** The keys that are allowed below a path. */
export function keysAt(path: KeyPath): readonly string[] {
  const schema = withoutOptional(schemaAt(path));
  return schema instanceof z.ZodObject ? Object.keys(schema.shape) : [];
}

type Shape = Readonly<Record<string | number, unknown>>;

function schemaAt(path: KeyPath): unknown {
  let schema: unknown = configSchema;
  for (const part of path) {
    const inner = withoutOptional(schema);
    if (inner instanceof z.ZodObject) schema = (inner.shape as Shape)[part];
    else if (inner instanceof z.ZodArray) schema = inner.element;
    else return undefined;
  }
  return schema;
}

function withoutOptional(schema: unknown): unknown {
  return schema instanceof z.ZodOptional ? schema.unwrap() : schema;
}
