/** The routes of the status server: JSON, metrics, a page; what changes something is handed in. */

import { type Context, Hono } from "hono";
import type { ErouteView } from "../concentrator/snapshot.ts";
import { type AccessSettings, access, securityHeaders } from "./access/access.ts";
import { requestLimits } from "./access/limits.ts";
import { ownOriginOnly } from "./access/same-origin.ts";
import { createSessions } from "./access/sessions.ts";
import { createStreamPlaces } from "./access/stream-places.ts";
import { createTokenGuard } from "./access/token-guard.ts";
import { addControlRoutes, type StatusBindings } from "./api/control-routes.ts";
import { erouteQueryOf } from "./api/eroute-query.ts";
import { eventStreamRoute } from "./api/event-stream.ts";
import { explainRoute } from "./api/explain-route.ts";
import { DOCS_PATH, OPENAPI_PATH, SITE_METRICS_PATH } from "./api/operations.ts";
import { oneOf, pageOf, wholeNumber } from "./api/query.ts";
import { drainingStateJson, erouteJson, eventJson, NO_DATAPLANE, statusJson } from "./api/views.ts";
import type { Control } from "./control.ts";
import { listEroutes } from "./lists/eroutes.ts";
import { beforeOf, eventFilterOf, eventsOf } from "./lists/events.ts";
import { countNotConnected, notConnectedRoute } from "./lists/not-connected.ts";
import { peersRoute } from "./lists/peers.ts";
import { inTurns } from "./lists/turns.ts";
import { METRICS_CONTENT_TYPE, metricsText } from "./metrics/metrics.ts";
import { siteMetricsText } from "./metrics/site-metrics.ts";
import { TUNNELS_PATH } from "./pages/document.tsx";
import { addLogin, type LoginSettings } from "./pages/login.tsx";
import { addPages } from "./pages/pages.ts";
import { addSiteActions } from "./pages/site-actions.tsx";
import { problem } from "./problem.ts";
import { RANGES, seriesJson } from "./series.ts";
import type { StatusSource } from "./source.ts";

export type StatusSettings = AccessSettings & {
  /** Told of a bug in here; who asked got 500. */
  /** Whether it is served over TLS. */
  readonly isSecure?: boolean;
  readonly onBug?: (fault: unknown) => void;
};

/** Rows that are made in one turn of the event loop: well under a millisecond's worth. */
const ROWS_PER_TURN = 100;

/** The application; `source` is what it shows, `control` what it can have done. */
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
  app.use(securityHeaders, requestLimits, ownOriginOnly, access(settings, sessions, tokens));
  app.get("/", (c) => c.redirect(TUNNELS_PATH));
  app.get("/healthz", (c) => health(c, source, settings));
  app.get("/api/v1/status", async (c) => {
    const notConnected = await countNotConnected(source);
    return c.json(statusJson(source, notConnected));
  });
  app.get("/api/v1/not-connected", (c) => notConnectedRoute(c, source));
  app.get("/api/v1/dynamic-eroutes", (c) => eroutes(c, source, "dynamic"));
  app.get("/api/v1/eroutes", (c) => eroutes(c, source, undefined));
  app.get("/api/v1/draining-states", (c) => drainingStates(c, source));
  app.get("/api/v1/events", (c) => events(c, source));
  app.get(
    "/api/v1/events/stream",
    eventStreamRoute(source, places, () => settings.token !== undefined),
  );
  app.get("/api/v1/peers", (c) => peersRoute(c, source));
  app.get("/api/v1/peers/:id", (c) => peer(c, source, c.req.param("id")));
  app.get("/api/v1/peers/:id/explain", explainRoute(source));
  addControlRoutes(app, control, tokens);
  app.get("/metrics", async (c) => {
    const { wrong, limited } = tokens;
    const read = {
      ...{ ...processUse(), notConnected: await countNotConnected(source) },
      ...{ tokensWrong: wrong, tokensLimited: limited, streamsRefused: places.refused },
    };
    return c.body(metricsText(source, read), 200, { "Content-Type": METRICS_CONTENT_TYPE });
  });
  app.get(SITE_METRICS_PATH, async (c) =>
    c.body(await siteMetricsText(source), 200, { "Content-Type": METRICS_CONTENT_TYPE }),
  );
  app.get("/api/v1/series", (c) => series(c, source));
  // Loaded when somebody reads them: making schemas takes time that no start has to wait for.
  app.get(OPENAPI_PATH, async (c) => {
    const { openApi } = await import("./api/openapi.ts");
    return c.json(openApi(source.facts.version));
  });
  app.get(DOCS_PATH, async (c) => c.html((await import("./pages/docs-page.tsx")).docsPage()));
  addLogin(app, loginSettings(settings), sessions, tokens);
  addSiteActions(app, control);
  addPages(app, source, control);
  app.all("*", (c) => {
    if (isRoute(app, c.req.path)) {
      const detail = `${c.req.method} is not possible here: this can be read only`;
      return problem(c, 405, detail, { Allow: "GET, HEAD" });
    }
    return problem(c, 404, `nothing is at ${c.req.path}`);
  });
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

/** Asked without a token; where one is wanted for the rest, the problems themselves stay inside. */
function health(c: Context, source: StatusSource, settings: AccessSettings): Response {
  const problems = source.problems();
  if (problems.length === 0) return c.json({ status: "ok" });
  const isOpen = settings.token === undefined;
  return c.json({ status: "degraded", ...(isOpen ? { problems } : {}) }, 503);
}

/** Eroutes of one kind, or all that are in use. */
async function eroutes(
  c: Context,
  source: StatusSource,
  kind: ErouteView["kind"] | undefined,
): Promise<Response> {
  const page = pageOf(c);
  if (!page.ok) return problem(c, 400, page.error);
  const query = erouteQueryOf(c, kind);
  if (!query.ok) return problem(c, 400, query.error);
  const uses = await source.stateUses();
  const { dataplane } = source.facts;
  const { total, views } = await listEroutes(source.snapshot(), query.value, page.value, uses);
  const head = JSON.stringify({
    dataplane,
    ...(dataplane === "none" ? { dataplane_note: NO_DATAPLANE } : {}),
    total,
    ...page.value,
  });
  const rows = await inTurns(views, ROWS_PER_TURN, (view) =>
    JSON.stringify(erouteJson(view, source, uses)),
  );
  const key = kind === "dynamic" ? "dynamic_eroutes" : "eroutes";
  const body = `${head.slice(0, -1)},"${key}":[${rows.join(",")}]}`;
  return c.body(body, 200, { "Content-Type": "application/json" });
}

/** What the kernel has beside the eroutes' Child SAs. */
function drainingStates(c: Context, source: StatusSource): Response {
  const page = pageOf(c);
  if (!page.ok) return problem(c, 400, page.error);
  const snapshot = source.snapshot();
  const views = snapshot.drainingStates(page.value.limit);
  return c.json({
    total: snapshot.gauges.drainingStates,
    draining_states: views.map((view) => drainingStateJson(view, source)),
  });
}

/** One site's eroutes in use; connected is who has a Child SA. */
async function peer(c: Context, source: StatusSource, peerId: string): Promise<Response> {
  const uses = await source.stateUses();
  const snapshot = source.snapshot();
  const views = snapshot.site(peerId);
  return c.json({
    peer_id: peerId,
    connected: snapshot.isConnected(peerId),
    calling: snapshot.isCalling(peerId),
    eroutes: views.map((view) => erouteJson(view, source, uses)),
  });
}

/** The last events, or those after one; of one site, from a level on. */
function events(c: Context, source: StatusSource): Response {
  const page = pageOf(c);
  if (!page.ok) return problem(c, 400, page.error);
  const most = Number.MAX_SAFE_INTEGER;
  const after = wholeNumber(c, "after", { least: 0, most, otherwise: 0 });
  if (!after.ok) return problem(c, 400, after.error);
  const filter = eventFilterOf(c);
  if (!filter.ok) return problem(c, 400, filter.error);
  const before = beforeOf(c);
  if (!before.ok) return problem(c, 400, before.error);
  const wanted = { after: after.value, before: before.value, wants: filter.value };
  const found = eventsOf(source, wanted, page.value.limit);
  const [oldest] = source.eventsAfter(0, 1);
  const keptSince = oldest === undefined ? null : new Date(oldest.wallMs).toISOString();
  return c.json({ kept_since: keptSince, events: found.map(eventJson) });
}

function series(c: Context, source: StatusSource): Response {
  const range = oneOf(c, "range", RANGES);
  if (!range.ok) return problem(c, 400, range.error);
  return c.json(seriesJson(source.series(range.value ?? "hour")));
}

function isRoute(app: Hono<StatusBindings>, path: string): boolean {
  const plain = path.length > 1 && path.endsWith("/") ? path.slice(0, -1) : path;
  return app.routes.some((route) => route.method === "GET" && route.path === plain);
}

function processUse() {
  const { user, system } = process.cpuUsage();
  return { cpuSeconds: (user + system) / 1e6, residentOctets: process.memoryUsage.rss() };
}
