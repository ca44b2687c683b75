/** Kinds of keys in the schema: a type, with the texts for messages and the reference. */

import { z } from "zod";

/** What each key has beside its type. */
export type KeyMeta = {
  /** What it is for, in a sentence. */
  readonly description: string;
  /** What a right value looks like: ends the message about a wrong one. */
  readonly expected: string;
  /** The default, as it would be written; absent if there is none. */
  readonly default?: string;
  readonly required?: boolean;
};

/** A text. */
export function text(meta: KeyMeta) {
  return z.string().optional().meta(meta);
}

/** A text, or a list of texts. */
export function textOrList(meta: KeyMeta) {
  return z
    .union([z.string(), z.array(z.string())])
    .optional()
    .meta(meta);
}

/** A mask: dotted, or a length. */
export function maskKey(meta: KeyMeta) {
  return z.union([z.string(), z.int()]).optional().meta(meta);
}

/** A prefix length, or false to leave what it is about as it is. */
export function prefixLengthOrFalse(max: 32 | 128, meta: Omit<KeyMeta, "expected">) {
  const expected = `a prefix length from 1 to ${max}, or false to leave it to the kernel`;
  return z
    .union([z.int().min(1).max(max), z.literal(false)])
    .optional()
    .meta({ ...meta, expected });
}

/** A whole number from `min` to `max`. */
export function integer(min: number, max: number, meta: Omit<KeyMeta, "expected">) {
  const expected = `a whole number from ${min} to ${max}`;
  return z
    .int()
    .min(min)
    .max(max)
    .optional()
    .meta({ ...meta, expected });
}

/** One of a few words. */
export function choice<const T extends readonly string[]>(of: T, meta: Omit<KeyMeta, "expected">) {
  const expected = of.map((value) => `"${value}"`).join(" or ");
  return z
    .enum(of)
    .optional()
    .meta({ ...meta, expected });
}

/** True or false. */
export function flag(description: string, otherwise: boolean) {
  const meta: KeyMeta = { description, expected: "true or false", default: String(otherwise) };
  return z.boolean().optional().meta(meta);
}

/** A table of keys: [name]. */
export function section<T extends z.ZodObject>(schema: T, name: string, description: string) {
  return schema.optional().meta({ description, expected: `[${name}] and keys under it` });
}

/** Tables of the same kind: [[name]]. */
export function sections<T extends z.ZodObject>(schema: T, name: string, description: string) {
  const expected = `[[${name}]] in double brackets, as often as needed, and keys under each`;
  return z.array(schema).optional().meta({ description, expected });
}
