/** The status server's socket. */

import type { Hono } from "hono";
import { err, ok, type Result } from "../octets/result.ts";
import type { StatusBindings } from "./request.ts";
import type { Tls } from "./tls.ts";

export type StatusServer = {
  /** `http://127.0.0.1:8080`. */
  readonly url: string;
  /** The port that is listened on, also if port 0 was configured. */
  readonly port: number;
  /**
   * Uses this certificate from now on, or none; returns the fault if the port cannot be opened
   * again.
   */
  useTls(tls: Tls | undefined): string | undefined;
  /** Ends connections, also those in use. */
  stop(): Promise<void>;
};

export type ServeFault = { readonly kind: "serve"; readonly detail: string };

/** Requests need no bodies; some clients send a small one anyway. */
const BODY_OCTETS_MAX = 64 * 1024;
const IDLE_SECONDS_MAX = 30;

export type Listen = {
  readonly host: string;
  readonly port: number;
  readonly tls?: Tls | undefined;
};

/** Listens; port 0 takes any free one. */
export function serveStatus(
  app: Hono<StatusBindings>,
  listen: Listen,
): Result<StatusServer, ServeFault> {
  const host = listen.host.includes(":") ? `[${listen.host}]` : listen.host;
  const first = listenOn(app, listen);
  if (!first.ok) return first;
  let server = first.value;
  let { tls } = listen;
  const port = server.port ?? listen.port;
  return ok({
    get url() {
      return `${tls === undefined ? "http" : "https"}://${host}:${port}`;
    },
    port,
    useTls(next) {
      if (next?.cert === tls?.cert && next?.key === tls?.key) return undefined;
      // Requests under way are answered to the end.
      void server.stop(false);
      const again = listenOn(app, { ...listen, port, tls: next });
      if (!again.ok) return again.error.detail;
      server = again.value;
      tls = next;
      return undefined;
    },
    stop: async () => await server.stop(true),
  });
}

type Server = ReturnType<typeof Bun.serve>;

function listenOn(app: Hono<StatusBindings>, listen: Listen): Result<Server, ServeFault> {
  const host = listen.host.includes(":") ? `[${listen.host}]` : listen.host;
  const authority = `${host}:${listen.port}`;
  try {
    const server = Bun.serve({
      fetch: (request, server) => {
        const remote = remoteText(server.requestIP(request));
        const stay = () => server.timeout(request, 0);
        return app.fetch(asGet(withHost(request)), { remote, stay });
      },
      hostname: listen.host,
      port: listen.port,
      ...(listen.tls === undefined ? {} : { tls: listen.tls }),
      maxRequestBodySize: BODY_OCTETS_MAX,
      idleTimeout: IDLE_SECONDS_MAX,
      // A bug is not answered with a page of source text, as in development;
      development: false,
      // but without that, a second erouted would share the port unless this forbids it.
      reusePort: false,
    });
    return ok(server);
  } catch (fault) {
    return err({ kind: "serve", detail: `status.listen ${authority}: ${explain(fault)}` });
  }
}

/** `192.0.2.1:50123`: the address of the connection, whatever headers say. */
function remoteText(from: { readonly address: string; readonly port: number } | null): string {
  if (from === null) return "unknown";
  const { address, port } = from;
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}

/**
 * HTTP/1.0 needs no Host, and health checks of load balancers send none: then Bun's URL is only a
 * path, and matches no route.
 */
function withHost(request: Request): Request {
  return request.url.startsWith("/")
    ? new Request(`http://localhost${request.url}`, request)
    : request;
}

/** For HEAD, Bun sends the head with the true length, and leaves out the body. */
function asGet(request: Request): Request {
  if (request.method !== "HEAD") return request;
  return new Request(request.url, { method: "GET", headers: request.headers });
}

function explain(fault: unknown): string {
  if (!(fault instanceof Error)) return String(fault);
  const { code } = fault as { code?: unknown };
  return `${code === undefined ? "" : `${code}: `}${ADVICE[String(code)] ?? fault.message}`;
}

const ADVICE: Readonly<Partial<Record<string, string>>> = {
  EADDRINUSE: 'another program has this port, maybe another erouted: choose another, or "off"',
  EADDRNOTAVAIL: "this host does not have this address",
  EACCES: "CAP_NET_BIND_SERVICE is missing for a port below 1024",
};
