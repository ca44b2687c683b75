/** Who may ask: the token, the Host header, and what browsers are told to refuse. */

import type { MiddlewareHandler } from "hono";
import { equalConstantTime } from "../octets/secret.ts";
import { problem } from "./problem.ts";

export type AccessSettings = {
  /** Undefined: no token is asked for, which configuration allows on loopback only. */
  readonly token: string | undefined;
  /** The address that is listened on. */
  readonly host: string;
};

const HEADERS = {
  "Cache-Control": "no-store",
  "Content-Security-Policy":
    "default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'; " +
    "form-action 'none'; frame-ancestors 'none'",
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

/** Lets nobody in whose token is wrong, or whose Host header some other site made up. */
export function access(settings: AccessSettings): MiddlewareHandler {
  const hosts = new Set(["localhost", "127.0.0.1", "[::1]", bracketed(settings.host)]);
  const token = settings.token === undefined ? undefined : encode(settings.token);
  return async (c, next) => {
    if (c.req.path === "/healthz") return await next();
    if (token === undefined) {
      // Without a token only the name tells a page of another site from the operator (rebinding).
      const host = c.req.header("host") ?? "localhost";
      if (!hosts.has(hostName(host))) {
        return problem(c, 421, `this server is not ${hostName(host)}: ask it by its address`);
      }
      return await next();
    }
    const given = /^Bearer (.+)$/.exec(c.req.header("authorization") ?? "")?.[1];
    if (given !== undefined && equalConstantTime(encode(given), token)) return await next();
    const detail = "send the token of status.token_file: Authorization: Bearer TOKEN";
    return problem(c, 401, detail, { "WWW-Authenticate": "Bearer" });
  };
}

function hostName(host: string): string {
  return host.replace(/:\d+$/, "").toLowerCase();
}

function bracketed(host: string): string {
  return host.includes(":") ? `[${host}]` : host.toLowerCase();
}

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
