/** The handler of each operation of the table. */

import { assert } from "../../octets/assert.ts";
import { ok } from "../../octets/result.ts";
import type { StreamPlaces } from "../access/stream-places.ts";
import type { TokenGuard } from "../access/token-guard.ts";
import type { Control } from "../control.ts";
import { countNotConnected } from "../lists/not-connected.ts";
import { inSteps } from "../lists/turns.ts";
import { metricsText } from "../metrics/metrics.ts";
import { siteMetricsText } from "../metrics/site-metrics.ts";
import { seriesJson } from "../series.ts";
import type { StatusSource } from "../source.ts";
import { actions } from "./actions.ts";
import { found } from "./answer.ts";
import { drainingStates, listOf, peer } from "./eroutes.ts";
import { eventStream } from "./event-stream.ts";
import { events } from "./events.ts";
import { explain } from "./explain.ts";
import { notConnected } from "./not-connected.ts";
import type { Handler, Handlers } from "./operations.ts";
import { peers } from "./peers.ts";
import { statusJson } from "./views.ts";

export type ApiParts = {
  readonly source: StatusSource;
  /** Undefined: no actions are possible, and no request for one reaches a handler. */
  readonly control: Control | undefined;
  readonly tokens: TokenGuard;
  readonly places: StreamPlaces;
  /** Whether a token is needed to read. */
  hasToken(): boolean;
};

/** A handler for each operation. */
export function createHandlers(parts: ApiParts): Handlers {
  const { source, control, places, hasToken } = parts;
  return {
    ...actions(() => {
      assert(control !== undefined, "no actions are possible, so none reaches a handler");
      return control;
    }),
    debugged: () => found({ debugged: control?.debugged() ?? [] }),
    health: health(source, hasToken),
    status: async () => found(statusJson(source, await countNotConnected(source))),
    dynamicEroutes: listOf(source, "dynamic"),
    eroutes: listOf(source, undefined),
    drainingStates: drainingStates(source),
    peer: peer(source),
    events: events(source),
    eventStream: eventStream(source, places, hasToken),
    series: ({ values: { range = "hour" } }) => found(seriesJson(source.series(range))),
    peers: peers(source),
    notConnected: notConnected(source),
    explain: explain(source),
    metrics: metrics(parts),
    siteMetrics: async () => found(await siteMetricsText(source)),
    // Loaded at the first request: making schemas would delay the start.
    openapi: async () => {
      const { openApi } = await import("./openapi.ts");
      return found(JSON.stringify(openApi(source.facts.version)));
    },
    docs: async () => found((await import("../pages/docs-page.tsx")).docsPage()),
  };
}

/** Needs no token; if other requests need one, the problems themselves are not shown. */
function health(source: StatusSource, hasToken: () => boolean): Handler<"health"> {
  return () => {
    const problems = source.problems();
    if (problems.length === 0) return found({ status: "ok" });
    const body = { status: "degraded", ...(hasToken() ? {} : { problems }) } as const;
    return ok({ status: 503, body });
  };
}

function metrics({ source, tokens, places }: ApiParts): Handler<"metrics"> {
  return async () => {
    const { user, system } = process.cpuUsage();
    const text = metricsText(source, {
      cpuSeconds: (user + system) / 1e6,
      residentOctets: process.memoryUsage.rss(),
      notConnected: await countNotConnected(source),
      versions: await inSteps(source.snapshot().versions()),
      tokensWrong: tokens.wrong,
      tokensLimited: tokens.limited,
      streamsRefused: places.refused,
    });
    return found(text);
  };
}
