/** The status server without its socket: the API, the pages, and access to both. */

import { type Context, Hono } from "hono";
import { type AccessSettings, access, securityHeaders } from "./access/access.ts";
import { requestLimits } from "./access/limits.ts";
import { operatorsOnly } from "./access/operators.ts";
import { ownOriginOnly } from "./access/same-origin.ts";
import { createSessions } from "./access/sessions.ts";
import { createStreamPlaces } from "./access/stream-places.ts";
import { createTokenGuard } from "./access/token-guard.ts";
import { createHandlers } from "./api/handlers.ts";
import { addOperations, OPEN_PATHS } from "./api/routes.ts";
import type { Control } from "./control.ts";
import { addLogin, type LoginSettings } from "./pages/login.tsx";
import { addPages } from "./pages/pages.ts";
import { addSiteActions } from "./pages/site-actions.tsx";
import { TUNNELS_PATH } from "./paths.ts";
import { problem } from "./problem.ts";
import type { StatusBindings } from "./request.ts";
import type { StatusSource } from "./source.ts";

export type StatusSettings = AccessSettings & {
  /** Whether it is served over TLS. */
  readonly isSecure?: boolean;
  /** Called after a bug in the server; the client got 500. */
  readonly onBug?: (fault: unknown) => void;
};

/** The application; `source` is what it shows, `control` carries actions out. */
export function createStatusApp(
  source: StatusSource,
  settings: StatusSettings,
  control?: Control,
): Hono<StatusBindings> {
  const app = new Hono<StatusBindings>({ strict: false });
  const sessions = createSessions(() => performance.now());
  const tokens = createTokenGuard({
    nowMs: () => performance.now(),
    onDenied: (what, remote) => control?.onDenied(what, remote),
  });
  const places = createStreamPlaces();
  const parts = { settings, sessions, tokens, openPaths: OPEN_PATHS };
  app.use(securityHeaders, requestLimits, ownOriginOnly, access(parts));
  app.get("/", (c) => c.redirect(TUNNELS_PATH));
  const hasToken = () => settings.token !== undefined;
  addOperations(app, {
    handlers: createHandlers({ source, control, tokens, places, hasToken }),
    operatorsOnly: operatorsOnly(control, tokens),
  });
  addLogin(app, loginSettings(settings), sessions, tokens);
  addSiteActions(app, control);
  addPages(app, source, control);
  app.all("*", (c) => nowhere(c, app));
  app.onError((fault, c) => {
    settings.onBug?.(fault);
    return problem(c, 500, "a bug in the status server: please report it");
  });
  return app;
}

function loginSettings(settings: StatusSettings): LoginSettings {
  return {
    get token() {
      return settings.token;
    },
    get operateToken() {
      return settings.operateToken;
    },
    host: settings.host,
    get isSecure() {
      return settings.isSecure === true;
    },
  };
}

/** Another method of a page, or no path of ours. */
function nowhere(c: Context, app: Hono<StatusBindings>): Response {
  const { path, method } = c.req;
  const plain = path.length > 1 && path.endsWith("/") ? path.slice(0, -1) : path;
  if (app.routes.some((route) => route.method === "GET" && route.path === plain)) {
    const detail = `${method} is not possible here: send GET or HEAD`;
    return problem(c, 405, detail, { Allow: "GET, HEAD" });
  }
  return problem(c, 404, `there is nothing at ${path}`);
}
