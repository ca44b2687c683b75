/** The routes of the status server: JSON, metrics, one page; it reads, and changes nothing. */

import { type Context, Hono } from "hono";
import { type AccessSettings, access, securityHeaders } from "./access.ts";
import { DynamicTunnelsPage } from "./dynamic-tunnels-page.tsx";
import { METRICS_CONTENT_TYPE, metricsText } from "./metrics.ts";
import { problem } from "./problem.ts";
import type { StatusSource } from "./source.ts";
import { STYLE } from "./style.ts";
import { erouteJson, eventJson, NO_DATAPLANE, statusJson } from "./views.ts";

/** Rows of one answer: building a thousand takes some milliseconds, and nobody reads more. */
const LIMIT_DEFAULT = 200;
const LIMIT_MAX = 1000;
const OFFSET_MAX = 10_000_000;
const PAGE_ROWS = 100;
const PAGES_MAX = 100_000;

/** The application; `source` is what it shows. */
export function createStatusApp(source: StatusSource, settings: AccessSettings): Hono {
  const app = new Hono({ strict: false });
  app.use(securityHeaders, access(settings));
  app.get("/", (c) => c.redirect("/status/ipsec/dynamic-tunnels"));
  app.get("/healthz", (c) => health(c, source, settings));
  app.get("/api/v1/status", (c) => c.json(statusJson(source, source.wallMsNow())));
  app.get("/api/v1/dynamic-eroutes", (c) => dynamicEroutes(c, source));
  app.get("/api/v1/events", (c) => events(c, source));
  app.get("/metrics", (c) =>
    c.body(metricsText(source, processUse()), 200, { "Content-Type": METRICS_CONTENT_TYPE }),
  );
  app.get("/status/style.css", (c) => c.body(STYLE, 200, { "Content-Type": "text/css" }));
  app.get("/status/ipsec/dynamic-tunnels", (c) => dynamicTunnels(c, source));
  app.all("*", (c) => {
    if (isRoute(app, c.req.path)) {
      const detail = `${c.req.method} is not possible here: this server can be read only`;
      return problem(c, 405, detail, { Allow: "GET, HEAD" });
    }
    return problem(c, 404, `nothing is at ${c.req.path}`);
  });
  app.onError((_fault, c) => problem(c, 500, "a bug in the status server: please report it"));
  return app;
}

/** Asked without a token; where one is wanted for the rest, the problems themselves stay inside. */
function health(c: Context, source: StatusSource, settings: AccessSettings): Response {
  const problems = source.problems();
  if (problems.length === 0) return c.json({ status: "ok" });
  const isOpen = settings.token === undefined;
  return c.json({ status: "degraded", ...(isOpen ? { problems } : {}) }, 503);
}

async function dynamicEroutes(c: Context, source: StatusSource): Promise<Response> {
  const limit = wholeNumber(c, "limit", { least: 1, most: LIMIT_MAX, otherwise: LIMIT_DEFAULT });
  const offset = wholeNumber(c, "offset", { least: 0, most: OFFSET_MAX, otherwise: 0 });
  if (typeof limit === "string") return problem(c, 400, limit);
  if (typeof offset === "string") return problem(c, 400, offset);
  const uses = await source.stateUses();
  const { dataplane } = source.facts;
  const snapshot = source.snapshot();
  const rows = snapshot.eroutes(offset, limit, "dynamic");
  return c.json({
    dataplane,
    ...(dataplane === "none" ? { dataplane_note: NO_DATAPLANE } : {}),
    total: snapshot.gauges.dynamicEroutes,
    limit,
    offset,
    dynamic_eroutes: rows.map((view) => erouteJson(view, source, uses)),
  });
}

function events(c: Context, source: StatusSource): Response {
  const limit = wholeNumber(c, "limit", { least: 1, most: LIMIT_MAX, otherwise: LIMIT_DEFAULT });
  const most = Number.MAX_SAFE_INTEGER;
  const after = wholeNumber(c, "after", { least: 0, most, otherwise: 0 });
  if (typeof limit === "string") return problem(c, 400, limit);
  if (typeof after === "string") return problem(c, 400, after);
  return c.json({ events: source.events(limit, after).map(eventJson) });
}

async function dynamicTunnels(c: Context, source: StatusSource): Promise<Response> {
  const page = wholeNumber(c, "page", { least: 1, most: PAGES_MAX, otherwise: 1 });
  if (typeof page === "string") return problem(c, 400, page);
  const uses = await source.stateUses();
  const props = { source, uses, page, pageRows: PAGE_ROWS };
  const body = await DynamicTunnelsPage(props);
  return c.html(`<!doctype html>${String(body)}`);
}

type Bounds = { readonly least: number; readonly most: number; readonly otherwise: number };

/** A query parameter, or what is wrong with it. */
function wholeNumber(c: Context, name: string, bounds: Bounds): number | string {
  const text = c.req.query(name);
  if (text === undefined) return bounds.otherwise;
  const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= bounds.least && value <= bounds.most) return value;
  return `${name} has to be a whole number from ${bounds.least} to ${bounds.most}`;
}

function isRoute(app: Hono, path: string): boolean {
  return app.routes.some((route) => route.method === "GET" && route.path === path);
}

function processUse() {
  const { user, system } = process.cpuUsage();
  return { cpuSeconds: (user + system) / 1e6, residentOctets: process.memoryUsage.rss() };
}
