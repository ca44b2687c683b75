/** What the server knows about a request beyond HTTP, and where routes find it. */

import type { Context } from "hono";
import type { Session } from "./access/sessions.ts";

export type StatusBindings = {
  readonly Bindings: {
    readonly remote?: string;
    /** Keeps the connection open, however long nothing is sent. */
    readonly stay?: () => void;
  };
  /** The session of a browser that has logged in. */
  readonly Variables: { session?: Session };
};

/** A request to the API, as operations see it. */
export type StatusRequest = {
  /** `192.0.2.1:50123`. */
  readonly remote: string;
  /** The session of a browser that has logged in. */
  readonly session: Session | undefined;
  /** The event after which a reconnecting client wants to continue. */
  readonly lastEventId: string | undefined;
  /** Keeps the connection open, however long nothing is sent. */
  stay(): void;
};

/** The operations' view of a request. */
export function requestOf(c: Context<StatusBindings>): StatusRequest {
  return {
    remote: remoteOf(c),
    session: c.get("session"),
    lastEventId: c.req.header("last-event-id"),
    stay: () => c.env?.stay?.(),
  };
}

/** `192.0.2.1:50123`: the address of the connection, whatever headers say. */
export function remoteOf(c: Context<StatusBindings>): string {
  return c.env?.remote ?? "unknown";
}
