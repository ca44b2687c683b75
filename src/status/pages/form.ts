/** Reads a form that our pages post: few and short fields. */

import type { Context } from "hono";
import { err, ok, type Result } from "../../octets/result.ts";

/** Enough for a token, an address and a CSRF token. */
const FORM_LENGTH_MAX = 4 * 1024;

/** The fields; the error says what is wrong with the form. */
export async function formOf(c: Context): Promise<Result<URLSearchParams, string>> {
  const type = c.req.header("content-type") ?? "";
  if (!/^application\/x-www-form-urlencoded\b/i.test(type))
    return err("send a form: application/x-www-form-urlencoded");
  const text = await c.req.text();
  if (text.length > FORM_LENGTH_MAX)
    return err(`a form must have at most ${FORM_LENGTH_MAX} characters`);
  return ok(new URLSearchParams(text));
}
