/** Limits on requests: this server reads no bodies, and needs few and short headers. */

import type { MiddlewareHandler } from "hono";
import { problem } from "../problem.ts";

/** Bodies are dropped unread: some clients send a small one with everything. */
const BODY_OCTETS_MAX = 4 * 1024;
/** Names and values together. The socket's own limit is twice that, and says less. */
const HEADER_OCTETS_MAX = 8 * 1024;
const TARGET_LENGTH_MAX = 2 * 1024;

/** Refuses requests that are larger than any that this server needs. */
export const requestLimits: MiddlewareHandler = async (c, next) => {
  if (c.req.url.length > TARGET_LENGTH_MAX) {
    return problem(c, 414, `the address must be at most ${TARGET_LENGTH_MAX} characters long`);
  }
  if (headerLength(c.req.raw.headers) > HEADER_OCTETS_MAX) {
    return problem(c, 431, `all headers together must have at most ${HEADER_OCTETS_MAX} octets`);
  }
  if (Number(c.req.header("content-length") ?? "0") > BODY_OCTETS_MAX) {
    return problem(c, 413, "send no body: no request needs one here");
  }
  return await next();
};

function headerLength(headers: Headers): number {
  let length = 0;
  for (const [name, value] of headers) length += name.length + value.length;
  return length;
}
