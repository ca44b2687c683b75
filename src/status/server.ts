/** The status server's socket. */

import type { Hono } from "hono";
import { err, ok, type Result } from "../octets/result.ts";

export type StatusServer = {
  /** `http://127.0.0.1:8080`. */
  readonly url: string;
  /** Ends connections, also those in use. */
  stop(): Promise<void>;
};

export type ServeFault = { readonly kind: "serve"; readonly detail: string };

/** Requests have no bodies here; a little room is left for clients that send one anyway. */
const BODY_OCTETS_MAX = 64 * 1024;
const IDLE_SECONDS_MAX = 30;

/** Listens; port 0 takes any free one. */
export function serveStatus(
  app: Hono,
  listen: { readonly host: string; readonly port: number },
): Result<StatusServer, ServeFault> {
  try {
    const server = Bun.serve({
      fetch: app.fetch,
      hostname: listen.host,
      port: listen.port,
      maxRequestBodySize: BODY_OCTETS_MAX,
      idleTimeout: IDLE_SECONDS_MAX,
    });
    const host = listen.host.includes(":") ? `[${listen.host}]` : listen.host;
    return ok({
      url: `http://${host}:${server.port}`,
      stop: async () => await server.stop(true),
    });
  } catch (fault) {
    const why = fault instanceof Error ? fault.message : String(fault);
    const detail = `status.listen ${listen.host}:${listen.port}: ${why}`;
    return err({ kind: "serve", detail });
  }
}
