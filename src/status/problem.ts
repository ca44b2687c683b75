/** Errors over HTTP: problem documents for programs, a short page for people (RFC 9457). */

import type { Context } from "hono";
import { html } from "hono/html";
import type { ContentfulStatusCode } from "hono/utils/http-status";

const TITLES: ReadonlyMap<number, string> = new Map([
  [400, "Bad request"],
  [401, "Unauthorized"],
  [404, "Not found"],
  [405, "Method not allowed"],
  [421, "Misdirected request"],
  [500, "Internal error"],
]);

/** Answers with a problem: `detail` says what is wrong and what would be right. */
export function problem(
  c: Context,
  status: ContentfulStatusCode,
  detail: string,
  headers: Readonly<Record<string, string>> = {},
): Response {
  const title = TITLES.get(status) ?? "Error";
  if (wantsPage(c)) {
    const page = String(
      html`<!doctype html><title>${title}</title><h1>${status} ${title}</h1><p>${detail}`,
    );
    return c.html(page, status, { ...headers });
  }
  const body = JSON.stringify({ type: "about:blank", title, status, detail });
  return c.body(body, status, { ...headers, "Content-Type": "application/problem+json" });
}

/** A browser on one of the pages; programs get the document. */
function wantsPage(c: Context): boolean {
  const accept = c.req.header("accept") ?? "";
  return accept.includes("text/html") && !c.req.path.startsWith("/api/");
}
