/** Who may ask: the token, the Host header, and what browsers are told to refuse. */

import type { Context, MiddlewareHandler } from "hono";
import { getCookie } from "hono/cookie";
import { parseAddress } from "../../inet/address.ts";
import { containsAddress, type Prefix } from "../../inet/prefix.ts";
import { equalConstantTime } from "../../octets/secret.ts";
import type { StatusBindings } from "../api/control-routes.ts";
import { LOGIN_PATH, STYLE_PATH } from "../pages/document.tsx";
import { problem, wantsPage } from "../problem.ts";
import type { Session, Sessions } from "./sessions.ts";
import { type TokenGuard, tooManyTokens } from "./token-guard.ts";

export type AccessSettings = {
  /** Undefined: no token is asked for, which is possible on loopback only. */
  readonly token: string | undefined;
  /** Who may change something may read as well. */
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

/** Sets the headers that keep a browser from doing more than show what it got. */
export const securityHeaders: MiddlewareHandler = async (c, next) => {
  await next();
  for (const [name, value] of Object.entries(HEADERS)) {
    if (!c.res.headers.has(name)) c.res.headers.set(name, value);
  }
};

/** The cookie of a session. */
export const SESSION_COOKIE = "erouted_session";

/** Lets nobody in whose token is wrong, or whose Host header some other site made up. */
export function access(
  settings: AccessSettings,
  sessions: Sessions,
  guard: TokenGuard,
): MiddlewareHandler<StatusBindings> {
  const open = isLoopback(settings.host) ? withoutToken(settings.host) : nobody;
  return (c, next) => {
    const session = sessionOf(c, settings, sessions);
    c.set("session", session);
    // Asked for each request: the token may be another after a reload.
    if (settings.token === undefined) return open(c, next);
    return session === undefined ? withToken(settings, guard)(c, next) : next();
  };
}

/** The session of a browser, unless its token is not valid any more. */
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

/** Compares in a time that does not depend on how much of it is right. */
export function isToken(given: string, token: string): boolean {
  return equalConstantTime(encode(given), encode(token));
}

/** Configuration refuses this before; should it ever not, nothing is shown to the network. */
const nobody: MiddlewareHandler = async (c, next) => {
  if (isHealth(c.req.path)) return await next();
  return problem(c, 403, "others can reach this address: set status.token_file");
};

function withToken(
  { token, operateToken }: AccessSettings,
  guard: TokenGuard,
): MiddlewareHandler<StatusBindings> {
  const tokens = [token, operateToken].filter((one) => one !== undefined);
  return async (c, next) => {
    if (isForAll(c.req.path)) return await next();
    const given = bearerOf(c.req.header("authorization"));
    if (given !== undefined) {
      if (!guard.mayTry(c)) return tooManyTokens(c);
      if (tokens.some((one) => isToken(given, one))) return await next();
      guard.onWrong(c);
    }
    if (wantsPage(c) && c.req.method === "GET") {
      const { pathname, search } = new URL(c.req.url);
      return c.redirect(`${LOGIN_PATH}?next=${encodeURIComponent(pathname + search)}`, 303);
    }
    const detail = "send the token of status.token_file: Authorization: Bearer TOKEN";
    return problem(c, 401, detail, { "WWW-Authenticate": "Bearer" });
  };
}

/** Without a token only the name tells a page of another site from the operator (rebinding). */
function withoutToken(listening: string): MiddlewareHandler {
  const hosts = new Set(["localhost", "127.0.0.1", "[::1]", bracketed(listening)]);
  return async (c, next) => {
    // No Host at all is HTTP/1.0: no browser.
    const host = hostName(c.req.header("host") ?? "localhost");
    if (hosts.has(host)) return await next();
    return problem(c, 421, `this server is not ${host}: ask it by its address`);
  };
}

/** Shown to everybody: health, and what one needs to log in. */
function isForAll(path: string): boolean {
  return isHealth(path) || path === LOGIN_PATH || path === STYLE_PATH;
}

function isHealth(path: string): boolean {
  return path === "/healthz";
}

function hostName(host: string): string {
  return host.replace(/:\d+$/, "").toLowerCase();
}

function bracketed(host: string): string {
  return host.includes(":") ? `[${host.toLowerCase()}]` : host.toLowerCase();
}

const LOOPBACK: readonly Prefix[] = [
  { family: 4, value: 0x7f00_0000n, length: 8 },
  { family: 6, value: 1n, length: 128 },
];

function isLoopback(host: string): boolean {
  const address = parseAddress(host);
  if (address === undefined) return host.toLowerCase() === "localhost";
  return LOOPBACK.some((prefix) => containsAddress(prefix, address));
}

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
