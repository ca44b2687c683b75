/** Errors over HTTP: problem documents for programs (RFC 9457), pages for browsers. */

import type { Context } from "hono";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import { problemPage } from "./pages/problem-page.tsx";

const TITLES: ReadonlyMap<number, string> = new Map([
  [400, "Bad request"],
  [401, "Unauthorized"],
  [403, "Forbidden"],
  [404, "Not found"],
  [405, "Method not allowed"],
  [409, "Conflict"],
  [413, "Content too large"],
  [414, "URI too long"],
  [415, "Unsupported media type"],
  [421, "Misdirected request"],
  [422, "Unprocessable content"],
  [429, "Too many requests"],
  [431, "Request header fields too large"],
  [503, "Service unavailable"],
  [500, "Internal error"],
]);

/** What is wrong and what would be right. */
export type ProblemText = {
  readonly detail: string;
  /** Members of the document beside the registered ones. */
  readonly more: Readonly<Record<string, unknown>>;
};

/** Answers with a problem: its detail says what is wrong and what would be right. */
export function problem(
  c: Context,
  status: ContentfulStatusCode,
  text: string | ProblemText,
  headers: Readonly<Record<string, string>> = {},
): Response {
  const title = TITLES.get(status) ?? "Error";
  const { detail, more } = typeof text === "string" ? { detail: text, more: {} } : text;
  if (wantsPage(c)) return c.html(problemPage({ status, title, detail }), status, headers);
  const body = JSON.stringify({ type: "about:blank", title, status, detail, ...more });
  return c.body(body, status, { ...headers, "Content-Type": "application/problem+json" });
}

/** Whether a browser asks for a page; programs get the document. */
export function wantsPage(c: Context): boolean {
  const accept = c.req.header("accept") ?? "";
  return accept.includes("text/html") && !c.req.path.startsWith("/api/");
}
