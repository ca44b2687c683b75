/** Pages of other origins must not use up this server's limits by an operator's browser. */

import type { Context, MiddlewareHandler } from "hono";
import { problem } from "../problem.ts";

/**
 * Refuses requests of scripts, forms and pictures of other origins. Links to our pages work, and
 * programs, which send none of these headers, are not affected.
 */
export const ownOriginOnly: MiddlewareHandler = async (c, next) => {
  if (!isOfOtherOrigin(c)) return await next();
  return problem(c, 403, "pages of other origins may only link here");
};

function isOfOtherOrigin(c: Context): boolean {
  const site = c.req.header("sec-fetch-site");
  if (site === "same-origin" || site === "none") return false;
  const isRead = c.req.method === "GET" || c.req.method === "HEAD";
  if (site !== undefined) return !(isRead && c.req.header("sec-fetch-mode") === "navigate");
  // Browsers leave Sec-Fetch-Site out without TLS beyond loopback; with GET, Origin is another's.
  const origin = c.req.header("origin");
  return isRead && origin !== undefined && hostOf(origin) !== c.req.header("host");
}

function hostOf(origin: string): string | undefined {
  return URL.canParse(origin) ? new URL(origin).host : undefined;
}
