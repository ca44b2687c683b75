/** Access: the token, the Host header, and headers that restrict browsers. */

import type { Context, MiddlewareHandler } from "hono";
import { getCookie } from "hono/cookie";
import { isLoopback } from "../../inet/loopback.ts";
import { equalConstantTime } from "../../octets/secret.ts";
import { LOGIN_PATH, STYLE_PATH } from "../paths.ts";
import { problem, wantsPage } from "../problem.ts";
import type { StatusBindings } from "../request.ts";
import type { Session, Sessions } from "./sessions.ts";
import { type TokenGuard, tooManyTokens } from "./token-guard.ts";

export type AccessSettings = {
  /** Undefined: no token is needed, which is possible on loopback only. */
  readonly token: string | undefined;
  /** It allows reading as well. */
  readonly operateToken?: string | undefined;
  /** The address that is listened on. */
  readonly host: string;
};

// No Strict-Transport-Security: it would bind all ports of the host's name, also those of others.
const HEADERS = {
  "Cache-Control": "no-store",
  "Content-Security-Policy":
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; " +
    "img-src data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
  "Cross-Origin-Resource-Policy": "same-origin",
  "Referrer-Policy": "no-referrer",
  "X-Content-Type-Options": "nosniff",
} as const;

/** Sets the headers that allow a browser to show a page and no more. */
export const securityHeaders: MiddlewareHandler = async (c, next) => {
  await next();
  for (const [name, value] of Object.entries(HEADERS)) {
    if (!c.res.headers.has(name)) c.res.headers.set(name, value);
  }
};

/** The cookie of a session. */
export const SESSION_COOKIE = "erouted_session";

export type AccessParts = {
  readonly settings: AccessSettings;
  readonly sessions: Sessions;
  readonly tokens: TokenGuard;
  /** Shown to all clients. */
  readonly openPaths: ReadonlySet<string>;
};

/** Refuses requests with a wrong token, or with the Host header of another origin. */
export function access(parts: AccessParts): MiddlewareHandler<StatusBindings> {
  const { settings, sessions, openPaths } = parts;
  const open = isLoopback(settings.host) ? withoutToken(settings.host) : nobody(openPaths);
  const closed = withToken(parts);
  return (c, next) => {
    const session = sessionOf(c, settings, sessions);
    c.set("session", session);
    // Read for each request: a reload may change the token.
    if (settings.token === undefined) return open(c, next);
    return session === undefined ? closed(c, next) : next();
  };
}

/** The session of a browser, as long as its token is valid. */
function sessionOf(
  c: Context,
  { token, operateToken }: AccessSettings,
  sessions: Sessions,
): Session | undefined {
  const id = getCookie(c, SESSION_COOKIE);
  const session = id === undefined ? undefined : sessions.find(id);
  if (session === undefined) return undefined;
  const now = session.role === "operate" ? operateToken : token;
  return now !== undefined && isToken(session.token, now) ? session : undefined;
}

/** The token of an Authorization header. */
export function bearerOf(header: string | undefined): string | undefined {
  return /^Bearer +(\S+)$/i.exec(header ?? "")?.[1];
}

/** Compares in constant time. */
export function isToken(given: string, token: string): boolean {
  return equalConstantTime(encode(given), encode(token));
}

/** The configuration refuses this earlier; if it ever does not, nothing is shown to the network. */
function nobody(openPaths: ReadonlySet<string>): MiddlewareHandler {
  return async (c, next) => {
    if (openPaths.has(c.req.path)) return await next();
    return problem(c, 403, "this address can be reached from elsewhere: set status.token_file");
  };
}

function withToken({
  settings,
  tokens,
  openPaths,
}: AccessParts): MiddlewareHandler<StatusBindings> {
  return async (c, next) => {
    if (openPaths.has(c.req.path) || LOGIN_PATHS.has(c.req.path)) return await next();
    const given = bearerOf(c.req.header("authorization"));
    if (given !== undefined) {
      if (!tokens.mayTry(c)) return tooManyTokens(c);
      const { token, operateToken } = settings;
      const right = [token, operateToken].filter((one) => one !== undefined);
      if (right.some((one) => isToken(given, one))) return await next();
      tokens.onWrong(c);
    }
    if (wantsPage(c) && c.req.method === "GET") {
      const { pathname, search } = new URL(c.req.url);
      return c.redirect(`${LOGIN_PATH}?next=${encodeURIComponent(pathname + search)}`, 303);
    }
    const detail = "send the token of status.token_file: Authorization: Bearer TOKEN";
    return problem(c, 401, detail, { "WWW-Authenticate": "Bearer" });
  };
}

/** Without a token, only the Host header shows DNS rebinding by a page of another origin. */
function withoutToken(listening: string): MiddlewareHandler {
  const hosts = new Set(["localhost", "127.0.0.1", "[::1]", bracketed(listening)]);
  return async (c, next) => {
    // Only HTTP/1.0 has no Host, and no browser uses it.
    const host = hostName(c.req.header("host") ?? "localhost");
    if (hosts.has(host)) return await next();
    return problem(c, 421, `this server is not ${host}: use its address`);
  };
}

/** What is needed to log in. */
const LOGIN_PATHS: ReadonlySet<string> = new Set([LOGIN_PATH, STYLE_PATH]);

function hostName(host: string): string {
  return host.replace(/:\d+$/, "").toLowerCase();
}

function bracketed(host: string): string {
  return host.includes(":") ? `[${host.toLowerCase()}]` : host.toLowerCase();
}

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
