/** Parameters of a request's address: read, and checked against what they may be. */

import type { Context } from "hono";
import { err, ok, type Result } from "../../octets/result.ts";

/** Rows of one answer: nobody reads more at once. */
export const LIMIT_DEFAULT = 200;
export const LIMIT_MAX = 1000;
export const OFFSET_MAX = 10_000_000;
export const TEXT_LENGTH_MAX = 256;

export type Bounds = { readonly least: number; readonly most: number; readonly otherwise: number };

/** A whole number within bounds; `otherwise` if it is not there. The error says what is wanted. */
export function wholeNumber(c: Context, name: string, bounds: Bounds): Result<number, string> {
  const text = c.req.query(name);
  if (text === undefined) return ok(bounds.otherwise);
  const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= bounds.least && value <= bounds.most) return ok(value);
  return err(`${name} has to be a whole number from ${bounds.least} to ${bounds.most}`);
}

/** `limit` and `offset`. */
export function pageOf(
  c: Context,
): Result<{ readonly offset: number; readonly limit: number }, string> {
  const limit = wholeNumber(c, "limit", { least: 1, most: LIMIT_MAX, otherwise: LIMIT_DEFAULT });
  if (!limit.ok) return limit;
  const offset = wholeNumber(c, "offset", { least: 0, most: OFFSET_MAX, otherwise: 0 });
  return offset.ok ? ok({ limit: limit.value, offset: offset.value }) : offset;
}

/** One of some words; undefined if it is not there, or empty as forms send it. */
export function oneOf<T extends string>(
  c: Context,
  name: string,
  words: readonly T[],
): Result<T | undefined, string> {
  const text = c.req.query(name);
  if (text === undefined || text === "") return ok(undefined);
  const word = words.find((known) => known === text);
  return word === undefined ? err(`${name} has to be one of ${words.join(", ")}`) : ok(word);
}

/** Text of bounded length; undefined if it is not there, or nothing but blanks. */
export function textOf(c: Context, name: string): Result<string | undefined, string> {
  const text = c.req.query(name)?.trim();
  if (text === undefined || text === "") return ok(undefined);
  if (text.length <= TEXT_LENGTH_MAX) return ok(text);
  return err(`${name} may have ${TEXT_LENGTH_MAX} characters`);
}
